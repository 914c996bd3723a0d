// Waiting for somebody's word: the number to tell them, until when, and what to do.
// It says nothing of whether anybody was asked, for it is the same for every name.
import { useEffect, useState } from 'preact/hooks';
import type { Problem } from '../../api-types';
import { t } from '../../i18n';
import { thisDevice } from '../../lib/device';
import { useNow } from '../../lib/now';
import { go, note } from '../../lib/router';
import { signedIn } from '../../lib/session';
import { Point } from '../../ui/form';
import { explain, useTold } from '../../ui/help';
import { Banner, Button, Screen, Sheet } from '../../ui/kit';
import { Digits, Remaining } from '../request/digits';
import { None } from './none';
import { forgetWait, listen, stopWord, type Wait } from './word';

export interface WaitProps {
  wait: Wait;
  /** Back to the first step: stopped, or the time is up. */
  onEnd: () => void;
}

export function Waiting({ wait, onEnd }: WaitProps) {
  const now = useNow();
  const [over, setOver] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [asking, setAsking] = useState(false);
  useEffect(
    () =>
      listen(wait.token, {
        onIn(me, request) {
          forgetWait();
          note(null);
          signedIn(me);
          go(`/request/${encodeURIComponent(request)}`, { replace: true });
        },
        onOver() {
          forgetWait();
          setOver(true);
        },
        onProblem: setProblem,
      }),
    [wait.token],
  );
  if (over) return <Over onEnd={onEnd} />;
  const stop = () => {
    stopWord(wait.token);
    forgetWait();
    onEnd();
  };
  return (
    <Screen title={t('vouch.wait')} up={() => setAsking(true)} kind="plain waiting" key="waiting">
      {problem && <Stale problem={problem} />}
      <p class="lead">{t('vouch.wait.lead')}</p>
      <Digits number={wait.number}>
        <p>{t('vouch.number.sub')}</p>
      </Digits>
      <Remaining since={wait.since} deadline={wait.until} now={now} />
      <ul class="notes">
        <Point icon="call" title={t('vouch.call')} text={t('vouch.call.sub')} />
        <Point icon="wait" title={t('vouch.stay')} text={t(thisDevice().system === 'pc' ? 'vouch.stay.sub' : 'vouch.stay.phone')} />
        <Point icon="info" title={t('vouch.no')} text={t('vouch.no.sub')} />
      </ul>
      <p class="hint">{wait.name && t('rec.for', { name: wait.name })}</p>
      <div class="dock">
        <Button weight="quiet" onClick={() => setAsking(true)}>
          {t('vouch.stop')}
        </Button>
      </div>
      {asking && (
        <Sheet title={t('vouch.stop.title')} onClose={() => setAsking(false)}>
          <p>{t('vouch.stop.sub')}</p>
          <div class="pair">
            <Button weight="danger" onClick={stop}>
              {t('vouch.stop')}
            </Button>
            <Button weight="second" onClick={() => setAsking(false)}>
              {t('w.cancel.keep')}
            </Button>
          </div>
        </Sheet>
      )}
    </Screen>
  );
}

/** It goes on by itself, whatever stands in the way. */
function Stale({ problem }: { problem: Problem }) {
  const told = useTold(problem.code);
  const offline = problem.code.startsWith('network.');
  return (
    <Banner tone="wait" icon={offline ? 'offline' : undefined} title={offline || !told ? undefined : explain(problem)[0]}>
      <p>{t(offline ? 'w.stale' : 'vouch.stale')}</p>
    </Banner>
  );
}

/** Whether somebody said no, or nobody was asked, is not told: what helps is the same. */
function Over({ onEnd }: { onEnd: () => void }) {
  return (
    <None title={t('vouch.over')} lead={t('vouch.over.lead')} onBack={onEnd}>
      <div class="dock">
        <Button onClick={onEnd}>{t('rec.again')}</Button>
        <a class="button quiet" href="/help">
          <span>{t('rec.help')}</span>
        </a>
      </div>
    </None>
  );
}
