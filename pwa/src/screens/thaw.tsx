// "It is me again": the owner of a frozen account proves it with the passkey, or by what
// let them in without one, and whoever lifts freezes sees that.
import { useEffect, useRef } from 'preact/hooks';
import type { OwnFreeze } from '../api-types';
import { t } from '../i18n';
import { useAct } from '../lib/act';
import { post } from '../lib/api';
import { useCeremony } from '../lib/ceremony';
import { momentToday } from '../lib/format';
import { useResource } from '../lib/resource';
import { session } from '../lib/session';
import { assert } from '../lib/webauthn';
import { Trouble } from '../ui/help';
import { Banner, Button, Card, Time } from '../ui/kit';
import { isOld, Old } from './recover/old';

export function Thaw() {
  const { data, set } = useResource<OwnFreeze>('/api/freeze');
  const recovered = session.use().me?.session.recovered;
  const tapped = useRef(false);
  const asked = data?.asked;
  useEffect(() => {
    // The button that had the focus is gone: whoever reads on by keyboard begins at the top.
    if (asked && tapped.current) document.querySelector('h1')?.focus({ preventScroll: true });
  }, [asked]);
  const onAsked = (f: OwnFreeze) => {
    tapped.current = true;
    set(f);
  };
  if (!data?.frozen) return null;
  if (data.asked)
    return (
      <Banner tone="good" title={t('thaw.asked')}>
        <p>
          <Time at={data.asked} text={t('thaw.asked.sub', { when: momentToday(data.asked) })} />
        </p>
        <p>{t('thaw.asked.not')}</p>
      </Banner>
    );
  return recovered ? <AskRecovered onAsked={onAsked} /> : <Ask onAsked={onAsked} />;
}

/** Where coming in did not ask already. */
function AskRecovered({ onAsked }: { onAsked: (f: OwnFreeze) => void }) {
  const act = useAct();
  const name = session.use().me?.account.name ?? '';
  const ask = () => act.run(async () => onAsked(await post<OwnFreeze>('/api/freeze/thaw/recovered', {})));
  return (
    <Card title={t('thaw.title')}>
      <p class="freeze-sub">{t('thaw.sub.in')}</p>
      {isOld(act.problem) ? (
        <Old name={name} way={0} />
      ) : (
        <>
          <Trouble problem={act.problem} quiet />
          <Button weight="second" icon="user" busy={act.busy} doing={t('wait.directory')} onClick={() => void ask()}>
            {t('thaw.go')}
          </Button>
        </>
      )}
    </Card>
  );
}

function Ask({ onAsked }: { onAsked: (f: OwnFreeze) => void }) {
  const ceremony = useCeremony('/api/freeze/thaw/begin');
  const act = useAct();
  const ask = () =>
    act.run(() =>
      ceremony.use(async (c) => {
        const credential = await assert(c);
        onAsked(await post<OwnFreeze>('/api/freeze/thaw/finish', { token: c.token, credential }));
      }),
    );
  return (
    <Card title={t('thaw.title')}>
      <p class="freeze-sub">{t('thaw.sub')}</p>
      <Trouble problem={act.problem ?? (act.busy ? null : ceremony.problem)} quiet />
      <Button weight="second" icon="key" busy={act.busy} doing={t('wait.passkey')} onClick={() => void ask()}>
        {t('thaw.go')}
      </Button>
    </Card>
  );
}
