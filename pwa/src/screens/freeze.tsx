// "This wasn't me": one touch stops everything for the account here. The page says
// nothing about whose it is, before or after: anybody may hold the link.
import { useEffect, useState } from 'preact/hooks';
import { t } from '../i18n';
import { useAct, type Act } from '../lib/act';
import { post } from '../lib/api';
import { info } from '../lib/session';
import { stopLink, stopped } from '../lib/stop';
import { Support, Trouble } from '../ui/help';
import { Icon } from '../ui/icons';
import { Button, Screen } from '../ui/kit';

const secret = () => location.hash.slice(1);

export function Freeze() {
  const [token, setToken] = useState(secret);
  const [done, setDone] = useState(false);
  const act = useAct();
  const here = stopped.use();
  useEffect(() => {
    const other = () => {
      setToken(secret());
      setDone(false);
      act.clear();
    };
    window.addEventListener('hashchange', other);
    return () => window.removeEventListener('hashchange', other);
  }, []);
  if (done || (!token && here)) return <Stopped />;
  if (!token || act.problem?.code === 'freeze.link') return <NoLink old={!!token} />;
  const stop = () =>
    act.run(async () => {
      await post('/api/freeze/notice', { token });
      stopLink.set('');
      setDone(true);
    });
  return <Ask act={act} stop={() => void stop()} />;
}

function Ask({ act, stop }: { act: Act; stop: () => void }) {
  return (
    <Screen title={t('freeze.title')} kind="plain freeze">
      <div class="sign stop">
        <Icon name="stop" />
      </div>
      <p class="lead">{t('freeze.lead')}</p>
      <Trouble problem={act.problem} quiet />
      <div class="dock">
        <Button weight="danger" busy={act.busy} doing={t('freeze.doing')} slow={t('freeze.slow')} onClick={stop}>
          {t('freeze.go')}
        </Button>
        <p class="hint">{t('freeze.hint')}</p>
      </div>
      {act.problem && <Support />}
    </Screen>
  );
}

function Stopped() {
  const { name, phone } = info.use().support;
  return (
    <Screen title={t('freeze.done')} kind="plain" key="done">
      <div class="sign huge good">
        <Icon name="check" />
      </div>
      <p class="lead" role="status">
        {t('freeze.done.lead')}
      </p>
      <p>{t('freeze.done.next')}</p>
      {phone && (
        <div class="dock">
          <a class="button primary" href={`tel:${phone.replace(/[^\d+]/g, '')}`}>
            <span>
              <Icon name="call" />
              {t('account.call', { name: name || phone })}
            </span>
          </a>
        </div>
      )}
      <Support />
    </Screen>
  );
}

/** The link is too old, was used up, or is none: which of these is nobody's to know. */
function NoLink({ old }: { old: boolean }) {
  const sign = old ? 'wait' : 'info';
  return (
    <Screen title={t(old ? 'freeze.old' : 'freeze.none')} kind="plain" key="none">
      <div class={`sign ${sign}`}>
        <Icon name={sign} />
      </div>
      <p class="lead">{t(old ? 'freeze.old.sub' : 'freeze.none.sub')}</p>
      <div class="dock">
        <a class="button primary" href="/account">
          <span>
            <Icon name="user" />
            {t('end.account')}
          </span>
        </a>
      </div>
      <Support />
    </Screen>
  );
}
