// Whether this device is notified, and the offer to turn that on: for the account and who waits.
import { useEffect, useState } from 'preact/hooks';
import { t } from '../i18n';
import { keep, kept } from '../lib/keep';
import { push, readPush, type PushState } from '../lib/push';
import { onReturn } from '../lib/sync';
import { Button, Row, Rows } from '../ui/kit';

/** The state, asked for anew whenever the person looks or changes the permission. */
export function usePush(): PushState {
  useEffect(() => {
    const look = () => void readPush();
    look();
    const off = onReturn(look);
    let permission: PermissionStatus | null = null;
    let gone = false;
    navigator.permissions
      ?.query({ name: 'notifications' })
      .then((p) => {
        if (gone) return;
        permission = p;
        p.addEventListener('change', look);
      })
      .catch(() => undefined); // some browsers only tell when asked
    return () => {
      gone = true;
      off();
      permission?.removeEventListener('change', look);
    };
  }, []);
  return push.use();
}

const LATER = 'later';

/** Offers notifications once more where enrolment could not: after an iPhone's app was opened from its icon. */
export function NotificationsOffer() {
  const state = usePush();
  const [later, setLater] = useState(() => kept(LATER) !== null);
  if (later || (state !== 'ask' && state !== 'off')) return null;
  return (
    <Rows>
      <Row icon="bell" href="/devices" title={t('push.go')} sub={t('push.why')} />
      <li class="row-foot">
        <Button
          weight="quiet"
          onClick={() => {
            keep(LATER, '1');
            setLater(true);
          }}
        >
          {t('push.offer.later')}
        </Button>
      </li>
    </Rows>
  );
}
