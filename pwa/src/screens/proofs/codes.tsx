// Recovery codes: how many are left, and ten new ones, shown once and not left before
// the person says that they are put away.
import { useEffect, useState } from 'preact/hooks';
import { t } from '../../i18n';
import { post } from '../../lib/api';
import { date } from '../../lib/format';
import { hold } from '../../lib/router';
import { Banner, Button, Copy, Fact, Screen, Sheet } from '../../ui/kit';
import { Icon } from '../../ui/icons';
import type { PartProps } from '../proofs';
import { Remove, Touch } from './parts';

export function RecoveryCodes({ proofs, onProofs, onBack, reload }: PartProps & { reload: () => Promise<void> }) {
  const [codes, setCodes] = useState<string[] | null>(null);
  const [removing, setRemoving] = useState(false);
  const { offered, total, left, created } = proofs.recoveryCodes;
  if (codes) return <Shown codes={codes} onDone={() => onBack(t('rc.done.note'))} />;
  const make = async (proof: string) => {
    setCodes((await post<{ codes: string[] }>('/api/proofs/recovery-codes', { proof })).codes);
    void reload();
  };
  return (
    <Screen title={t('pr.codes')} up={() => onBack()} kind="plain" key="about">
      <div class="sign info">
        <Icon name="once" />
      </div>
      <p class="lead">{t('rc.lead')}</p>
      {total > 0 && (
        <dl class="facts">
          <Fact name={t('pr.left')}>{t('pr.left.value', { n: left, of: total })}</Fact>
          <Fact name={t('pr.made')}>{date(created)}</Fact>
        </dl>
      )}
      {!offered && (
        <Banner tone="info" quiet>
          <p>{t('pr.not-offered')}</p>
        </Banner>
      )}
      {offered && (
        <Touch purpose="recovery-codes" label={t(total > 0 ? 'rc.make.new' : 'rc.make')} hint={total > 0 ? t('rc.make.void') : ''} onProof={make}>
          {total > 0 && <RemoveButton onClick={() => setRemoving(true)} />}
        </Touch>
      )}
      {!offered && <RemoveButton onClick={() => setRemoving(true)} />}
      {removing && (
        <Remove
          kind="recovery-code"
          title={t('rc.remove.title')}
          sub={t('rc.remove.sub')}
          onKeep={() => setRemoving(false)}
          onRemoved={(now) => {
            onProofs(now);
            onBack(t('rc.removed'));
          }}
        />
      )}
    </Screen>
  );
}

function RemoveButton({ onClick }: { onClick: () => void }) {
  return (
    <Button weight="danger" onClick={onClick}>
      {t('rc.remove')}
    </Button>
  );
}

/** What is copied, saved and printed. Not whose they are: whoever finds the paper lacks the name. */
function asText(codes: string[]): string {
  const { host } = location;
  return [t('rc.text.title', { host }), '', ...codes, '', t('rc.text.how', { host }), t('rc.text.made', { date: date(new Date().toISOString()) }), ''].join('\n');
}

/** Hands the browser a file that never was anywhere else. */
function save(codes: string[]): void {
  const url = URL.createObjectURL(new Blob([asText(codes)], { type: 'text/plain' }));
  const a = document.createElement('a');
  a.href = url;
  a.download = t('rc.file');
  a.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000); // some browsers read it late
}

function Shown({ codes, onDone }: { codes: string[]; onDone: () => void }) {
  const [kept, setKept] = useState(false);
  const [leaving, setLeaving] = useState<(() => void) | null>(null);
  useEffect(() => {
    if (kept) return;
    return hold((leave) => {
      setLeaving(() => leave);
      return false;
    });
  }, [kept]);
  const { host } = location;
  return (
    <Screen title={t('rc.shown')} kind="plain sheet-of-codes" key="shown">
      <p class="lead on-screen">{t('rc.shown.lead')}</p>
      <p class="on-paper">{t('rc.text.title', { host })}</p>
      <ol class="ten" translate={false} data-testid="recovery-codes">
        {codes.map((code) => (
          <li key={code}>{code}</li>
        ))}
      </ol>
      <p class="on-paper">{t('rc.text.how', { host })}</p>
      <p class="on-paper">{t('rc.text.made', { date: date(new Date().toISOString()) })}</p>
      <div class="trio">
        <Copy text={asText(codes)} label={t('app.copy')} />
        <Button weight="second" onClick={() => save(codes)}>
          {t('rc.save')}
        </Button>
        <Button weight="second" onClick={() => print()}>
          {t('rc.print')}
        </Button>
      </div>
      <div class="dock">
        <label class="tick">
          <input type="checkbox" checked={kept} onChange={(e) => setKept(e.currentTarget.checked)} />
          <span>{t('rc.kept')}</span>
        </label>
        <Button why={kept ? '' : t('rc.kept.why')} onClick={onDone}>
          {t('rc.done')}
        </Button>
      </div>
      {leaving && (
        <Sheet title={t('rc.leave')} onClose={() => setLeaving(null)}>
          <p>{t('rc.leave.sub')}</p>
          <div class="pair">
            <Button onClick={() => setLeaving(null)}>{t('rc.leave.stay')}</Button>
            <Button weight="second" onClick={leaving}>
              {t('rc.leave.go')}
            </Button>
          </div>
        </Sheet>
      )}
    </Screen>
  );
}
