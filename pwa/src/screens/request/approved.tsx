// One line over what is open now: who agreed, when, and until when it is open.
import type { Request } from '../../api-types';
import { Icon } from '../../ui/icons';
import { approvedBy } from '../review/words';
import { soleName, useAsked } from './asked';

export function Approved({ request }: { request: Request }) {
  return request.review?.decided?.verdict === 'approve' ? <Line request={request} /> : null;
}

function Line({ request }: { request: Request }) {
  const name = soleName(useAsked(request.id));
  return (
    <p class="said good" role="status">
      <Icon name="check" />
      <span>{approvedBy(request, name)}</span>
    </p>
  );
}
