// The last step of enrolment: notifications, or first the home screen where an
// iPhone wants that. What is already done is seen, not asked again.
import { useEffect } from 'preact/hooks';
import { t } from '../i18n';
import { useAct } from '../lib/act';
import { offered, switchOn, type PushState } from '../lib/push';
import { go } from '../lib/router';
import { session } from '../lib/session';
import { Trouble } from '../ui/help';
import { Icon } from '../ui/icons';
import { Button, Skeleton } from '../ui/kit';
import { Steps } from './enrol';
import { usePush } from './notify-offer';
import { AllowAgain, HomeScreen } from './notify-state';

const on = () => go('/enrol/ready', { replace: true });

export function EnrolNotify() {
  const state = usePush();
  const act = useAct();
  const { me } = session.use();
  const over = state === 'on' || (state !== 'unknown' && state !== 'denied' && !offered(state));
  useEffect(() => {
    if (over && !act.busy) on();
  }, [over, act.busy]);
  if (!me || over || state === 'unknown') return <Skeleton />;
  return <Steps step={4}>{state === 'home-screen' ? <Home /> : <Ask state={state} act={act} start={() => act.run(() => switchOn(me))} />}</Steps>;
}

function Ask({ state, act, start }: { state: PushState; act: ReturnType<typeof useAct>; start: () => Promise<void> }) {
  const denied = state === 'denied';
  return (
    <>
      <div class="sign info">
        <Icon name="bell" />
      </div>
      <p class="lead">{t('enrol.notify.lead')}</p>
      {denied && <p>{t('push.denied')}.</p>}
      {denied && <AllowAgain />}
      {!denied && state === 'ask' && !act.problem && <p class="hint">{t('enrol.notify.sub')}</p>}
      {!denied && <Trouble problem={act.problem} quiet />}
      <div class="dock">
        {denied ? (
          <Button onClick={on}>{t('enrol.home.on')}</Button>
        ) : (
          <>
            <Button icon="bell" busy={act.busy} doing={t('push.doing')} slow={t('push.waits')} onClick={() => void start()}>
              {t('push.go')}
            </Button>
            <Button weight="quiet" onClick={on}>
              {t('enrol.try.skip')}
            </Button>
          </>
        )}
      </div>
    </>
  );
}

function Home() {
  return (
    <>
      <p class="lead">{t('enrol.notify.lead')}</p>
      <p>{t('push.home.lead')}</p>
      <HomeScreen />
      <div class="dock">
        <Button weight="second" onClick={on}>
          {t('enrol.home.on')}
        </Button>
      </div>
    </>
  );
}
