// A request as its approver sees it: who, what, why and what is unusual in one
// glance, then the decision. What was decided stays at the same address.
import { useEffect } from 'preact/hooks';
import type { Review } from '../api-types';
import { useLive } from '../lib/follow';
import { useResource } from '../lib/resource';
import { Skeleton } from '../ui/kit';
import { Closed } from './review/closed';
import { Decide } from './review/decide';
import { Failed } from './trouble';

export function ReviewScreen({ params }: { params: Record<string, string> }) {
  const id = params.id ?? '';
  const resource = useResource<Review>(`/api/reviews/${encodeURIComponent(id)}`);
  const { data: review, problem, reload } = resource;
  useLive(id, resource.reread);
  useTimeUp(review, resource.reread);
  if (!review) return problem ? <Failed problem={problem} retry={() => void reload()} /> : <Skeleton />;
  if (review.open) return <Decide review={review} offline={problem?.code === 'network.offline'} resource={resource} />;
  return <Closed review={review} onReview={resource.set} reload={() => void reload()} />;
}

/** Reads again when the time is up: nothing is pressed in vain. */
function useTimeUp(review: Review | null, reload: () => void): void {
  const deadline = review?.open ? review.deadline : '';
  useEffect(() => {
    const ms = Date.parse(deadline) - Date.now() + 1000;
    if (!(ms > 0 && ms < 2 ** 31)) return;
    const timer = setTimeout(reload, ms);
    return () => clearTimeout(timer);
  }, [deadline, reload]);
}
