// What the organisation wants to be set up, by when, and what follows from it.
import type { Duty, Me } from '../api-types';
import { t } from '../i18n';
import { date } from '../lib/format';
import { Lines, proofNames } from '../ui/help';
import { Row, Rows } from '../ui/kit';

/** The card; nothing where nothing is missing. */
export function DutyCard({ me }: { me: Me }) {
  const { duty } = me;
  if (!duty || duty.missing.length === 0) return null;
  const says = [proofNames(duty.missing), duty.limits ? t(duty.overdue ? 'duty.limited' : 'duty.limits') : ''];
  return (
    <Rows>
      <Row href="/proofs" icon={duty.overdue ? 'stop' : 'wait'} tone={duty.overdue ? 'stop' : 'wait'} title={title(duty)} sub={<Lines of={says} />} />
    </Rows>
  );
}

function title({ by, overdue }: Duty): string {
  if (!by) return t('duty.open');
  return t(overdue ? 'duty.overdue' : 'duty.by', { date: date(by) });
}
