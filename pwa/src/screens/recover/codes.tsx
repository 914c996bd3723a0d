// The second step: the values of the chosen alternative, one answer for whatever is
// wrong with them, and what was asked for as soon as they are right.
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Me, ProofKind } from '../../api-types';
import { t } from '../../i18n';
import { useAct, type Act } from '../../lib/act';
import { ApiError, post } from '../../lib/api';
import { bare, lacks } from '../../lib/codes';
import { go, note } from '../../lib/router';
import { signedIn } from '../../lib/session';
import { Point } from '../../ui/form';
import { grave, Support, Trouble } from '../../ui/help';
import { Button, Screen } from '../../ui/kit';
import { CodeField } from '../../ui/proof';
import { askFor } from '../request/asked';
import type { Draft } from './draft';

interface Props {
  draft: Draft;
  kinds: ProofKind[];
  onChange: (part: Partial<Draft>) => void;
  /** Back to the first step, with the name. */
  onAgain: () => void;
}

type Values = Partial<Record<ProofKind, string>>;

export function Codes({ draft, kinds, onChange, onAgain }: Props) {
  const [values, setValues] = useState<Values>({});
  const [inside, setInside] = useState(false);
  const act = useAct();
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => form.current?.querySelector('input')?.focus({ preventScroll: true }), []); // after the heading took it
  const why = missing(kinds, values);
  const send = () =>
    act.run(async () => {
      const proofs = kinds.map((kind) => ({ kind, value: bare(kind, values[kind] ?? '') }));
      const me = await finish(draft, proofs);
      note(null);
      signedIn(me);
      try {
        await onward(draft);
      } catch (e) {
        setInside(true);
        throw e;
      }
    });
  if (inside) return <Inside draft={draft} act={act} />;
  const { problem } = act;
  const over = problem?.code === 'ceremony.unknown';
  return (
    <Screen title={t('rec.codes')} up={onAgain} kind="plain recover" key="codes">
      <p class="lead">{t('rec.for', { name: draft.name.trim() })}</p>
      <form
        ref={form}
        class="decide"
        noValidate
        onSubmit={(e) => {
          e.preventDefault();
          if (!why && !act.busy) void send();
        }}
      >
        {kinds.map((kind) => (
          <div key={kind}>
            <CodeField
              kind={kind}
              label={t(`rec.code.${kind}`)}
              hint={t(`rec.code.${kind}.sub`)}
              value={values[kind] ?? ''}
              invalid={problem?.code === 'recover.refused'}
              onInput={(value) => setValues((all) => ({ ...all, [kind]: value }))}
            />
          </div>
        ))}
        <Trouble problem={problem} quiet />
        <div class="dock">
          {over ? (
            <Button onClick={onAgain}>{t('rec.again')}</Button>
          ) : (
            <Button type="submit" icon={draft.want === 'unlock' ? 'unlock' : undefined} busy={act.busy} doing={t('rec.go.doing')} why={why}>
              {t(draft.want === 'unlock' ? 'rec.go.unlock' : 'rec.go')}
            </Button>
          )}
        </div>
      </form>
      {problem?.code === 'recover.refused' && <Hints kinds={kinds} onColleague={() => onChange({ none: true })} />}
      {grave(problem) && <Support />}
    </Screen>
  );
}

/** Why it can't be sent yet; '' when it can. */
export function missing(kinds: ProofKind[], values: Values): string {
  for (const kind of kinds) {
    const n = lacks(kind, values[kind] ?? '');
    if (n === 0) continue;
    if (kind === 'recovery-code' && !values[kind]) return t('rec.go.why.recovery-code.none');
    if (kind !== 'recovery-code') return t(`rec.go.why.${kind}`);
    return n > 0 ? t('rec.go.why.recovery-code', { n }) : t('rec.go.why.recovery-code.long');
  }
  return '';
}

type Sent = { kind: ProofKind; value: string }[];

/** Where the beginning is too old another one serves as well. */
async function finish(draft: Draft, proofs: Sent): Promise<Me> {
  const send = (token: string) => post<Me>('/api/recover/finish', { token, proofs });
  try {
    return await send(draft.token);
  } catch (e) {
    const old = e instanceof ApiError && e.problem.code === 'ceremony.unknown';
    if (!old) throw e;
    const { token } = await post<{ token: string }>('/api/recover/begin', { name: draft.name.trim(), kind: draft.want });
    return send(token);
  }
}

/** What was asked at the start, without another touch. */
async function onward({ want }: Draft): Promise<void> {
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
      <Trouble problem={act.problem} />
      <div class="dock">
        <Button busy={act.busy} doing={t('wait.writing')} onClick={() => void act.run(() => onward(draft))}>
          {t('app.again')}
        </Button>
        <Button weight="second" onClick={() => go('/account', { replace: true })}>
          {t('end.account')}
        </Button>
      </div>
    </Screen>
  );
}

/** What may be the matter with what was typed. It follows from what was asked for, and from nothing else. */
function Hints({ kinds, onColleague }: { kinds: ProofKind[]; onColleague: () => void }) {
  return (
    <section class="group">
      <h2 class="group-title">{t('rec.hints')}</h2>
      <ul class="notes">
        {kinds.map((kind) => (
          <Point key={kind} icon={kind === 'totp' ? 'phone' : 'once'} title={t(`rec.hint.${kind}`)} text={t(`rec.hint.${kind}.sub`)} />
        ))}
        <Point icon="wait" title={t('rec.hint.tries')} text={t('rec.hint.tries.sub')} />
        <Point icon="info" title={t('rec.hint.enough')} text={t('rec.hint.enough.sub')} />
      </ul>
      <Button weight="second" icon="user" onClick={onColleague}>
        {t('rec.colleague')}
      </Button>
    </section>
  );
}
