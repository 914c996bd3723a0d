// Whose account is frozen, who proved that it is them, and whom I may let in again.
import { useEffect, useState } from 'preact/hooks';
import type { Thaw, ThawList } from '../api-types';
import { t } from '../i18n';
import { useAct } from '../lib/act';
import { localProblem, post } from '../lib/api';
import { useCeremony } from '../lib/ceremony';
import { momentToday } from '../lib/format';
import type { Resource } from '../lib/resource';
import { refreshAgain } from '../lib/session';
import { isKey } from '../lib/ways';
import { assert } from '../lib/webauthn';
import { Face } from '../ui/face';
import { Trouble } from '../ui/help';
import { Banner, Button, Card, Fact } from '../ui/kit';
import { proved } from './review/said';

export function Lifts({ data, set, reread }: Resource<ThawList>) {
  const [lifted, setLifted] = useState('');
  const [anew, setAnew] = useState(''); // whose card is another than the one that was looked at
  const done = (who: Thaw, left: ThawList) => {
    setLifted(who.displayName);
    set(left);
    void refreshAgain(); // the number beside "Inbox"
  };
  return (
    <>
      {lifted && (
        <Banner tone="good" title={t('lift.done', { name: lifted })}>
          <p>{t('lift.done.sub')}</p>
        </Banner>
      )}
      {data?.thaws.map((who) => (
        <Lift
          key={`${who.account} ${who.asked}`}
          who={who}
          anew={anew === who.account}
          onDone={(left) => done(who, left)}
          onAnew={() => {
            setAnew(who.account);
            reread();
          }}
        />
      ))}
    </>
  );
}

interface LiftProps {
  who: Thaw;
  anew: boolean;
  onDone: (left: ThawList) => void;
  onAnew: () => void;
}

function Lift({ who, anew, onDone, onAnew }: LiftProps) {
  const path = `/api/thaws/${who.account}`;
  const ceremony = useCeremony(`${path}/begin`, who.proved ? { asked: who.asked } : {}); // a server of an earlier release takes none
  const act = useAct();
  const proofs = who.proved ?? [];
  const byKey = proofs.length === 0 || proofs.some(isKey);
  useEffect(() => {
    const other = [ceremony.problem, act.problem].some((p) => p?.code === 'account.asked-anew');
    if (other) onAnew(); // and what they proved by now is shown
  }, [ceremony.problem, act.problem]);
  const lift = () =>
    act.run(() =>
      ceremony.use(async (c) => {
        const credential = await assert(c);
        onDone(await post<ThawList>(`${path}/finish`, { token: c.token, credential }));
      }),
    );
  return (
    <Card title={t('lift.title', { name: who.displayName })}>
      <div class="lift">
        <div class="who">
          <Face name={who.displayName} src="" size="small" />
          <p>{[who.title, who.department].filter(Boolean).join(', ')}</p>
        </div>
        <dl class="facts">
          <Fact name={t(who.own ? 'lift.own' : 'lift.reported')}>{momentToday(who.frozen)}</Fact>
          <Fact name={byKey ? t('lift.asked') : t('lift.asked.by', { proofs: proved({ proofs }) })}>{momentToday(who.asked)}</Fact>
        </dl>
        {anew && <Trouble problem={localProblem('account.asked-anew').problem} quiet />}
        {who.unused && (
          <Banner tone="wait" title={t('lift.unused')} quiet>
            <p>{t('lift.unused.sub')}</p>
          </Banner>
        )}
        <p>{t(byKey ? 'lift.sub' : 'lift.sub.by')}</p>
        <Trouble problem={act.problem ?? (act.busy ? null : ceremony.problem)} quiet />
        <Button weight="second" icon="key" busy={act.busy} doing={t('wait.passkey')} onClick={() => void lift()}>
          {t('lift.go')}
        </Button>
      </div>
    </Card>
  );
}
