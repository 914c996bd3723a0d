// What the proofs' screens share: the touch of a passkey before, and the end of one.
import type { ComponentChildren } from 'preact';
import type { Proofs } from '../../api-types';
import { t } from '../../i18n';
import { useAct } from '../../lib/act';
import { post } from '../../lib/api';
import { useCeremony } from '../../lib/ceremony';
import { stepUp } from '../../lib/stepup';
import { Trouble } from '../../ui/help';
import { Button, Sheet } from '../../ui/kit';

interface TouchProps {
  purpose: 'recovery-codes' | 'totp';
  label: string;
  hint?: string;
  weight?: 'primary' | 'second';
  /** Called with the proof, good for one act. */
  onProof: (proof: string) => Promise<void>;
  children?: ComponentChildren;
}

/** One button: the passkey, and what it is for. */
export function Touch({ purpose, label, hint, weight, onProof, children }: TouchProps) {
  const ceremony = useCeremony('/api/step-up/begin', { purpose });
  const act = useAct();
  const touch = () => act.run(() => ceremony.use(async (c) => onProof(await stepUp(c))));
  return (
    <>
      <Trouble problem={act.problem ?? (act.busy ? null : ceremony.problem)} />
      <div class="dock">
        <p class="hint">{[hint, t('prove.lead.short')].filter(Boolean).join(' ')}</p>
        <Button icon="key" weight={weight} busy={act.busy} doing={t('wait.passkey')} onClick={() => void touch()}>
          {label}
        </Button>
        {children}
      </div>
    </>
  );
}

interface RemoveProps {
  kind: 'recovery-code' | 'totp';
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
