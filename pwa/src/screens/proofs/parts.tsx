// What the proofs' screens share: the touch of a passkey before, and the end of one.
import type { ComponentChildren } from 'preact';
import { useRef, useState } from 'preact/hooks';
import type { Problem, ProofKind, Proofs } from '../../api-types';
import { t } from '../../i18n';
import { useAct } from '../../lib/act';
import { ApiError, post } from '../../lib/api';
import { useCeremony } from '../../lib/ceremony';
import { ago, date } from '../../lib/format';
import { stepUp } from '../../lib/stepup';
import { Details, grave, Support, Trouble } from '../../ui/help';
import { Icon, type IconName } from '../../ui/icons';
import { Banner, Button, Fact, Screen, Sheet } from '../../ui/kit';

/** Those that are made here. */
export type MadeKind = Exclude<ProofKind, 'directory' | 'password'>;
type Purpose = Exclude<MadeKind, 'recovery-code'> | 'recovery-codes';

export interface TouchAct {
  busy: boolean;
  problem: Problem | null;
  clear(): void;
  /** Runs fn with a proof, good for one act. */
  run(fn: (proof: string) => Promise<void>): Promise<void>;
}

/** Refusals that leave the proof unused: what was typed is mended, and the passkey not touched again. */
const mended = (e: unknown) => e instanceof ApiError && (/^proof\.(pin|answer|address)|^code\./.test(e.problem.code) || e.problem.status === 429);

/** An act by a passkey. After a refusal that leaves the proof unused the next try takes the same one. */
export function useTouch(purpose: Purpose): TouchAct {
  const ceremony = useCeremony('/api/step-up/begin', { purpose });
  const act = useAct();
  const unused = useRef('');
  const run = (fn: (proof: string) => Promise<void>) => {
    const once = async (proof: string) => {
      unused.current = '';
      try {
        await fn(proof);
      } catch (e) {
        if (mended(e)) unused.current = proof;
        throw e;
      }
    };
    return act.run(() => (unused.current ? once(unused.current) : ceremony.use(async (c) => once(await stepUp(c)))));
  };
  return { busy: act.busy, problem: act.problem ?? (act.busy ? null : ceremony.problem), clear: act.clear, run };
}

interface TouchProps {
  purpose: Purpose;
  label: string;
  hint?: string;
  weight?: 'primary' | 'second';
  /** Called with the proof, good for one act. */
  onProof: (proof: string) => Promise<void>;
  children?: ComponentChildren;
}

/** One button: the passkey, and what it is for. */
export function Touch({ purpose, label, hint, weight, onProof, children }: TouchProps) {
  const touch = useTouch(purpose);
  return (
    <>
      <Trouble problem={touch.problem} />
      <div class="dock">
        <p class="hint">{[hint, t('prove.lead.short')].filter(Boolean).join(' ')}</p>
        <Button icon="key" weight={weight} busy={touch.busy} doing={t('wait.passkey')} onClick={() => void touch.run(onProof)}>
          {label}
        </Button>
        {children}
      </div>
    </>
  );
}

interface TouchFormProps {
  title: string;
  up: () => void;
  kind: string;
  icon?: IconName;
  lead: string;
  /** Between the lead and the form. */
  above?: ComponentChildren;
  touch: TouchAct;
  /** Why it can't be sent yet; '' when it can. */
  why: string;
  label: string;
  doing: string;
  /** The refusal is about what was typed: nobody else has to help. */
  mended: boolean;
  /** What the fields say of the refusal is not said once more. */
  said?: boolean;
  onSubmit: () => Promise<void>;
  children: ComponentChildren;
}

/** A screen with a few fields, which are sent with a touch of the passkey. */
export function TouchForm({ title, up, kind, icon, lead, above, touch, why, label, doing, mended, said, onSubmit, children }: TouchFormProps) {
  const { problem } = touch;
  return (
    <Screen title={title} up={up} kind={kind} key="form">
      {icon && (
        <div class="sign info">
          <Icon name={icon} />
        </div>
      )}
      <p class="lead">{lead}</p>
      {above}
      <form
        class="decide"
        noValidate
        onSubmit={(e) => {
          e.preventDefault();
          if (!why && !touch.busy) void onSubmit();
        }}
      >
        {children}
        {!said && <Trouble problem={problem} quiet />}
        <div class="dock">
          <Button type="submit" icon="key" busy={touch.busy} doing={doing} why={why}>
            {label}
          </Button>
          {!why && <p class="hint">{t('prove.lead.short')}</p>}
        </div>
      </form>
      {!mended && grave(problem) && <Support />}
    </Screen>
  );
}

/** When it was set up and last used, and that it is not taken any more. */
export function HeldFacts({ offered, created, lastUsed, children }: { offered: boolean; created: string; lastUsed: string; children?: ComponentChildren }) {
  return (
    <>
      <dl class="facts">
        {children}
        <Fact name={t('pr.set-up')}>{date(created)}</Fact>
        <Fact name={t('pr.used')}>{lastUsed ? ago(lastUsed) : t('keys.unused')}</Fact>
      </dl>
      {!offered && (
        <Banner tone="info" quiet>
          <p>{t('pr.not-offered')}</p>
        </Banner>
      )}
    </>
  );
}

/** A wrong code or answer: what to do depends on what was typed. */
export function Wrong({ problem, title, children }: { problem: Problem; title: string; children: string }) {
  return (
    <div class="trouble">
      <Banner tone="stop" title={title}>
        <p>{children}</p>
        <Details problem={problem} />
      </Banner>
    </div>
  );
}

interface RemoveProps {
  kind: MadeKind;
  title: string;
  sub: string;
  onKeep: () => void;
  onRemoved: (proofs: Proofs) => void;
}

/** Takes a proof away, by a passkey. */
export function Remove({ kind, title, sub, onKeep, onRemoved }: RemoveProps) {
  const ceremony = useCeremony('/api/step-up/begin', { purpose: 'remove-proof', kind });
  const act = useAct();
  const remove = () =>
    act.run(() =>
      ceremony.use(async (c) => {
        const proof = await stepUp(c);
        onRemoved(await post<Proofs>('/api/proofs/remove', { proof, kind }));
      }),
    );
  return (
    <Sheet title={title} onClose={onKeep}>
      <p>{sub}</p>
      <p class="hint">{t('prove.lead.short')}</p>
      <Trouble problem={act.problem} quiet />
      <div class="pair">
        <Button weight="danger" busy={act.busy} doing={t('wait.passkey')} onClick={() => void remove()}>
          {t('pr.remove.go')}
        </Button>
        <Button weight="second" onClick={onKeep}>
          {t('pr.remove.keep')}
        </Button>
      </div>
    </Sheet>
  );
}

interface RemovableProps extends Pick<RemoveProps, 'title' | 'sub'> {
  kind: MadeKind;
  label: string;
  onRemoved: (proofs: Proofs) => void;
}

/** The button that asks first. */
export function Removable({ label, ...remove }: RemovableProps) {
  const [asking, setAsking] = useState(false);
  return (
    <>
      <Button weight="danger" onClick={() => setAsking(true)}>
        {label}
      </Button>
      {asking && <Remove {...remove} onKeep={() => setAsking(false)} />}
    </>
  );
}

