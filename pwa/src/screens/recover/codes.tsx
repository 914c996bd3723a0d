// The second step: the values of the chosen alternative, one answer for whatever is
// wrong with them, and what was asked for as soon as they are right, or the wait for
// somebody's word.
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Given, Me, OwnFreeze, ProofKind } from '../../api-types';
import { t } from '../../i18n';
import { useAct, type Act } from '../../lib/act';
import { ApiError, get, post } from '../../lib/api';
import { useLeft } from '../../lib/now';
import { go, note } from '../../lib/router';
import { session, signedIn } from '../../lib/session';
import { Point } from '../../ui/form';
import { attributeName, Fields, given, missing, Sending, sentAt, type Values } from '../../ui/given';
import { grave, Support, Trouble } from '../../ui/help';
import type { IconName } from '../../ui/icons';
import { Banner, Button, Screen } from '../../ui/kit';
import { askFor } from '../request/asked';
import { begun, type Draft } from './draft';
import { type Want } from './leads';
import { isOld, Old } from './old';
import { useSending } from './sending';
import { askWord, type Wait } from './word';

interface Props {
  draft: Draft;
  kinds: ProofKind[];
  /** Somebody's word is needed beside them. */
  vouched: boolean;
  /** There is no other alternative. */
  only: boolean;
  /** To another to say by that it is them again; null where there is none. */
  onOther: (() => void) | null;
  onChange: (part: Partial<Draft>) => void;
  /** The same step for something else, from its start. */
  onAnew: (part: Partial<Draft>) => void;
  /** Back to the first step, with the name. */
  onAgain: (want: Want) => void;
  /** To somebody who knows the person. */
  onColleague: () => void;
  onWait: (wait: Wait) => void;
}

export function Codes({ draft, kinds, vouched, only, onOther, onChange, onAnew, onAgain, onColleague, onWait }: Props) {
  const [values, setValues] = useState<Values>({});
  const [late, setLate] = useState(false);
  const [inside, setInside] = useState(false);
  const act = useAct();
  const codes = useSending(draft, kinds, onChange);
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => form.current?.querySelector('input')?.focus({ preventScroll: true }), []); // after the heading took it
  const why = codes.busy ? t('sent.doing') : missing(kinds, values, draft.questions); // the code may be here before the token that takes it

  /** What was sent and asked before counts no more: once more from there, with the rest as it was typed. */
  const renew = async () => {
    onChange(await begun(draft));
    setValues((all) => Object.fromEntries(Object.entries(all).filter(([key]) => !/-code$|^questions/.test(key) || key === 'recovery-code')));
    setLate(true);
  };
  const finish = () =>
    act.run(async () => {
      const proofs = given(kinds, values, draft.questions);
      if (vouched) {
        const wait = await inTime((token) => askWord(draft, token, proofs));
        if (wait) onWait(wait);
        return;
      }
      const me = await inTime((token) => enter(token, proofs));
      if (me) await come(me, draft);
    });
  const enter = (token: string, proofs: Given[]) => post<Me>('/api/recover/finish', { token, proofs });
  const come = async (me: Me, to: Draft) => {
    note(null);
    signedIn(me);
    try {
      await onward(to);
    } catch (e) {
      setInside(true);
      throw e;
    }
  };
  /** It is them again: nothing was used up, so what was typed serves for that, but for codes that were sent. */
  const thaw = () =>
    act.run(async () => {
      const to: Draft = { ...draft, want: 'thaw' };
      const fresh = { want: to.want, ...(await begun(to)) };
      if (codes.kinds.length > 0 || kinds.includes('questions')) return onAnew(fresh);
      onChange(fresh);
      await come(await enter(fresh.token, given(kinds, values, draft.questions)), to);
    });
  /** Sends what was typed; null where it has to be typed again. */
  const inTime = async <T,>(send: (token: string) => Promise<T>): Promise<T | null> => {
    try {
      return await send(draft.token);
    } catch (e) {
      const old = e instanceof ApiError && e.problem.code === 'ceremony.unknown';
      if (!old) throw e;
      if (codes.kinds.length > 0 || kinds.includes('questions')) return renew().then(() => null);
      return send((await begun(draft)).token); // another beginning serves as well
    }
  };
  const send = () => {
    setLate(false);
    act.clear();
    void codes.send();
  };
  if (inside) return <Inside draft={draft} act={act} />;
  const { problem } = act;
  const over = problem?.code === 'ceremony.unknown';
  const frozen = problem?.code === 'account.frozen' && problem.params?.thaw === 'suffices';
  const main = vouched ? 'vouch.way' : draft.want === 'unlock' ? 'rec.go.unlock' : draft.want === 'thaw' ? 'rec.go.thaw' : 'rec.go';
  return (
    <Screen title={t('rec.codes')} up={() => onAgain(draft.want)} kind="plain recover" key="codes">
      <p class="lead">{t(draft.want === 'thaw' ? 'rec.for.thaw' : 'rec.for', { name: draft.name.trim() })}</p>
      {late && (
        <Banner tone="wait" title={t('rec.late')}>
          <p>{t(codes.kinds.length > 0 ? 'rec.late.code' : 'rec.late.questions')}</p>
        </Banner>
      )}
      <form
        ref={form}
        class="decide"
        noValidate
        onSubmit={(e) => {
          e.preventDefault();
          if (codes.due) send();
          else if (!why && !act.busy) void (frozen ? thaw() : finish());
        }}
      >
        <Fields
          kinds={kinds}
          questions={draft.questions}
          values={values}
          invalid={problem?.code === 'recover.refused'}
          username={draft.name.trim()}
          onInput={(key, value) => setValues((all) => ({ ...all, [key]: value }))}
          sending={(kind) => {
            const at = draft.sent[kind];
            if (!at && codes.due) return null;
            return <Sending at={at ?? 0} said={at ? t(`sent.maybe.${kind}`, { time: sentAt(at) }) : ''} busy={codes.busy} onAgain={() => void codes.send(kind)} />;
          }}
        />
        <Trouble problem={codes.problem ?? problem} quiet />
        <div class="dock">
          {over ? (
            <Button onClick={() => onAgain(draft.want)}>{t('rec.again')}</Button>
          ) : frozen ? (
            <Button type="submit" icon="user" busy={act.busy} doing={t('rec.go.doing')} why={why}>
              {t('rec.go.thaw')}
            </Button>
          ) : codes.due ? (
            <Button type="submit" busy={codes.busy} doing={t('sent.doing')}>
              {t(codes.kinds.length === 1 ? 'rec.send' : 'rec.send.all')}
            </Button>
          ) : (
            <Button type="submit" icon={!vouched && draft.want === 'unlock' ? 'unlock' : undefined} busy={act.busy} doing={t('rec.go.doing')} why={why}>
              {t(main)}
            </Button>
          )}
          {(frozen || draft.want === 'thaw') && !codes.due && !why && <p class="hint">{t('rec.thaw.next')}</p>}
          {vouched && !codes.due && !why && <p class="hint">{t('vouch.told')}</p>}
        </div>
      </form>
      {problem?.code === 'recover.refused' ? (
        <Hints kinds={kinds} thaw={draft.want === 'thaw'} onColleague={onColleague} />
      ) : (
        <Nothing draft={draft} only={only} onAgain={onAgain} onColleague={onColleague} />
      )}
      {problem?.code === 'account.frozen' && !frozen && onOther && (
        <Button weight="second" icon="user" onClick={onOther}>
          {t('rec.thaw.other')}
        </Button>
      )}
      {grave(codes.problem ?? problem) && <Support />}
    </Screen>
  );
}

/** A code should have come by now: the other ways. */
const LATE_MS = 30_000;

function Nothing({ draft, only, onAgain, onColleague }: Pick<Props, 'draft' | 'only' | 'onAgain' | 'onColleague'>) {
  const first = Math.min(...Object.values(draft.sent));
  const waits = useLeft(Number.isFinite(first) ? first + LATE_MS : 0);
  if (!Number.isFinite(first) || waits > 0) return null;
  return (
    <section class="group">
      <h2 class="group-title">{t('sent.nothing')}</h2>
      <p class="hint">{t(draft.sent['mail-code'] ? 'sent.nothing.mail-code' : 'sent.nothing.sms-code')}</p>
      <Button weight="second" icon={only ? 'user' : undefined} onClick={only ? onColleague : () => onAgain(draft.want)}>
        {t(only ? 'rec.colleague' : 'sent.other')}
      </Button>
    </section>
  );
}

/** What was asked at the start, without another touch. */
async function onward({ want }: Draft): Promise<void> {
  if (want === 'thaw') {
    try {
      await post<OwnFreeze>('/api/freeze/thaw/recovered', {});
    } catch (e) {
      const { frozen, asked } = await get<OwnFreeze>('/api/freeze'); // the answer may have been lost
      if (frozen && !(Date.parse(asked) >= Date.parse(session.get().me?.session.signedIn ?? ''))) throw e;
    }
    return go('/account', { replace: true });
  }
  try {
    await askFor(want, { replace: true });
  } catch (e) {
    if (!(e instanceof ApiError) || e.problem.code !== 'account.not-locked') throw e;
    go('/account', { replace: true }); // it says how things stand
  }
}

/** Signed in, and what was asked for did not work. */
function Inside({ draft, act }: { draft: Draft; act: Act }) {
  return (
    <Screen title={t('rec.in.stopped')} kind="plain" key="inside">
      {isOld(act.problem) ? <Old name={draft.name} way={draft.way} /> : <Trouble problem={act.problem} />}
      <div class="dock">
        {!isOld(act.problem) && (
          <Button busy={act.busy} doing={t('wait.writing')} onClick={() => void act.run(() => onward(draft))}>
            {t('app.again')}
          </Button>
        )}
        <Button weight="second" onClick={() => go('/account', { replace: true })}>
          {t('end.account')}
        </Button>
      </div>
    </Screen>
  );
}

export const iconOf: Record<ProofKind, IconName> = {
  'recovery-code': 'once', totp: 'phone', 'mail-code': 'mail', 'sms-code': 'chat', pin: 'pin', questions: 'help', directory: 'user', password: 'pen',
};

/** What may be the matter with what was typed. It follows from what was asked for, and from nothing else. */
function Hints({ kinds, thaw, onColleague }: { kinds: ProofKind[]; thaw: boolean; onColleague: () => void }) {
  return (
    <section class="group">
      <h2 class="group-title">{t('rec.hints')}</h2>
      <ul class="notes">
        {kinds.map((kind) => (
          <Point key={kind} icon={iconOf[kind]} title={t(`rec.hint.${kind}`, { attribute: attributeName() })} text={t(`rec.hint.${kind}.sub`)} />
        ))}
        <Point icon="wait" title={t('rec.hint.tries')} text={t('rec.hint.tries.sub')} />
        <Point icon="info" title={t('rec.hint.enough')} text={t('rec.hint.enough.sub')} />
        {!kinds.includes('recovery-code') && <Point icon="wait" title={t('rec.hint.slow')} text={t('rec.hint.slow.sub')} />}
        {thaw && <Point icon="check" title={t('rec.hint.thawed')} text={t('rec.hint.thawed.sub')} />}
      </ul>
      <Button weight="second" icon="user" onClick={onColleague}>
        {t('rec.colleague')}
      </Button>
    </section>
  );
}
