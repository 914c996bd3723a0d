// The authenticator app: a key for it, and the first code that proves it took it. A
// wrong code keeps the key on the screen.
import { useState } from 'preact/hooks';
import type { Proofs, TotpBegin } from '../../api-types';
import { t } from '../../i18n';
import { useAct } from '../../lib/act';
import { post } from '../../lib/api';
import { bareDigits, lacks, wrongCode } from '../../lib/codes';
import { thisDevice } from '../../lib/device';
import { Trouble } from '../../ui/help';
import { Icon } from '../../ui/icons';
import { Banner, Button, Copy, Screen } from '../../ui/kit';
import { CodeField } from '../../ui/proof';
import { Qr } from '../../ui/qr';
import type { PartProps } from '../proofs';
import { HeldFacts, Removable, Touch } from './parts';

export function AuthenticatorApp(props: PartProps) {
  const [setUp, setSetUp] = useState<TotpBegin | null>(null);
  if (props.proofs.totp.held) return <Held {...props} />;
  if (setUp) return <SetUp {...props} setUp={setUp} onAgain={() => setSetUp(null)} />;
  return (
    <Screen title={t('pr.totp')} up={() => props.onBack()} kind="plain" key="about">
      <div class="sign info">
        <Icon name="phone" />
      </div>
      <p class="lead">{t('to.lead')}</p>
      <Touch purpose="totp" label={t('to.set-up')} onProof={async (proof) => setSetUp(await post<TotpBegin>('/api/proofs/totp/begin', { proof }))} />
    </Screen>
  );
}

interface SetUpProps extends PartProps {
  setUp: TotpBegin;
  onAgain: () => void;
}

function SetUp({ setUp, onProofs, onBack, onAgain }: SetUpProps) {
  const [code, setCode] = useState('');
  const act = useAct();
  const old = act.problem?.code === 'ceremony.unknown';
  const why = lacks('totp', code) === 0 ? '' : t('rec.go.why.totp');
  const finish = () =>
    act.run(async () => {
      onProofs(await post<Proofs>('/api/proofs/totp/finish', { token: setUp.token, code: bareDigits(code) }));
      onBack(t('to.done.note'));
    });
  return (
    <Screen title={t('to.add')} up={onAgain} kind="plain set-up" key="set-up">
      <Key setUp={setUp} />
      <form
        class="decide"
        noValidate
        onSubmit={(e) => {
          e.preventDefault();
          if (!why && !act.busy) void finish();
        }}
      >
        <CodeField kind="totp" label={t('to.code')} hint={t('to.code.sub')} value={code} invalid={wrongCode(act.problem)} onInput={setCode} />
        {old ? (
          <Banner tone="wait" title={t('to.old')}>
            <p>{t('to.old.sub')}</p>
          </Banner>
        ) : (
          <Trouble problem={act.problem} quiet />
        )}
        <div class="dock">
          {old ? (
            <Button onClick={onAgain}>{t('rec.again')}</Button>
          ) : (
            <Button type="submit" busy={act.busy} doing={t('rec.go.doing')} why={why}>
              {t('to.go')}
            </Button>
          )}
        </div>
      </form>
    </Screen>
  );
}

/** On a phone the app is on this device, on a PC it is on another one. */
function Key({ setUp }: { setUp: TotpBegin }) {
  const pc = thisDevice().system === 'pc';
  const qr = <Qr path={setUp.qr} size={setUp.qrSize} label={t('to.qr.alt')} />;
  const secret = (
    <div class="secret-key">
      <p class="group-title">{t('to.secret')}</p>
      <p class="spelled-key" translate={false} data-testid="totp-secret">
        {setUp.secret}
      </p>
      <Copy text={setUp.secret.replaceAll(' ', '')} label={t('to.secret.copy')} />
    </div>
  );
  if (pc)
    return (
      <section class="card qr-card">
        {qr}
        <div>
          <p>{t('to.scan')}</p>
          {secret}
        </div>
      </section>
    );
  return (
    <>
      <div class="act">
        <a class="button second" href={setUp.uri}>
          <span>
            <Icon name="phone" />
            {t('to.open')}
          </span>
        </a>
        <p class="note">{t('to.open.sub')}</p>
      </div>
      {secret}
      <details class="details">
        <summary>{t('to.qr')}</summary>
        {qr}
      </details>
    </>
  );
}

function Held({ proofs, onProofs, onBack }: PartProps) {
  const { offered, created, lastUsed } = proofs.totp;
  return (
    <Screen title={t('pr.totp')} up={() => onBack()} key="held">
      <p class="lead">{t('to.lead')}</p>
      <HeldFacts offered={offered} created={created} lastUsed={lastUsed} />
      <Removable
        kind="totp"
        label={t('to.remove')}
        title={t('to.remove.title')}
        sub={t('to.remove.sub')}
        onRemoved={(now) => {
          onProofs(now);
          onBack(t('to.removed'));
        }}
      />
    </Screen>
  );
}
