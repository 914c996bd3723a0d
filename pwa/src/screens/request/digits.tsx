// What the waiting screens share: the number to tell, and how much time is left.
import type { ComponentChildren } from 'preact';
import { t } from '../../i18n';
import { moment } from '../../lib/format';
import { Time } from '../../ui/kit';
import { left, share } from '../review/words';

/** Two digits, to be read across a room. */
export function Digits({ number, children }: { number: string; children: ComponentChildren }) {
  return (
    <section class="digits" aria-label={t('w.number')}>
      <p class="digits-name" aria-hidden="true">
        {t('w.number')}
      </p>
      <div class="digits-value" translate={false} data-testid="number">
        {number}
      </div>
      {children}
    </section>
  );
}

export function Remaining({ since, deadline, now }: { since: string; deadline: string; now: number }) {
  const rest = left(deadline, now);
  return (
    <div class="remaining">
      <p>
        <span>{rest ? t('w.left', { left: rest }) : t('w.left.none')}</span>
        <Time at={deadline} text={t('w.until', { time: moment(deadline) })} />
      </p>
      <div class="remaining-bar" aria-hidden="true">
        <span style={{ inlineSize: `${share(since, deadline, now) * 100}%` }} />
      </div>
    </div>
  );
}
