// The two ways to say no: with a reason, and because it isn't right.
import { useState } from 'preact/hooks';
import type { Review } from '../../api-types';
import { t } from '../../i18n';
import { useAct } from '../../lib/act';
import { post } from '../../lib/api';
import { Area, Chips } from '../../ui/form';
import { Trouble } from '../../ui/help';
import { Button, Sheet } from '../../ui/kit';
import { denyChips } from './said';
import { MAX_WORDS, reasonOf } from './words';

interface Props {
  review: Review;
  onClose: () => void;
  onReview: (r: Review) => void;
  /** The server refused: how the request stands is to be read again. */
  onRefused: () => void;
}

async function answer(said: Promise<Review>, { onClose, onReview, onRefused }: Omit<Props, 'review'>): Promise<void> {
  try {
    const next = await said;
    onClose();
    onReview(next);
  } catch (e) {
    onRefused();
    throw e;
  }
}

export function Deny({ review, onClose, onReview, onRefused }: Props) {
  const act = useAct();
  const [chip, setChip] = useState('');
  const [words, setWords] = useState('');
  const send = () =>
    act.run(() => answer(post<Review>(`/api/reviews/${encodeURIComponent(review.id)}/deny`, { chip, reason: reasonOf('', words) }), { onClose, onReview, onRefused }));
  return (
    <Sheet title={t('rv.deny.title')} onClose={onClose}>
      <Chips legend={t('rv.deny.title')} said hint={t('rv.deny.sub', { name: review.displayName })} chips={denyChips.map((c) => [c, t(`rv.chip.${c}`)])} value={chip} onPick={setChip} />
      <Area label={t('ask.more')} value={words} max={MAX_WORDS} onInput={setWords} />
      <Trouble problem={act.problem} quiet />
      <div class="pair">
        <Button weight="danger" busy={act.busy} why={chip ? '' : t('rv.deny.missing')} onClick={() => void send()}>
          {t('rv.deny.go')}
        </Button>
        <Button weight="second" onClick={onClose}>
          {t('rv.deny.keep')}
        </Button>
      </div>
    </Sheet>
  );
}

export function Wrong({ review, onClose, onReview, onRefused }: Props) {
  const act = useAct();
  const send = () =>
    act.run(() => answer(post<Review>(`/api/reviews/${encodeURIComponent(review.id)}/report`), { onClose, onReview, onRefused }));
  return (
    <Sheet title={t('rv.wrong.title')} onClose={onClose}>
      <p>{t('rv.wrong.sub')}</p>
      <Trouble problem={act.problem} quiet />
      <div class="pair">
        <Button weight="danger" busy={act.busy} onClick={() => void send()}>
          {t('rv.wrong.go')}
        </Button>
        <Button weight="second" onClick={onClose}>
          {t('rv.wrong.keep')}
        </Button>
      </div>
    </Sheet>
  );
}
