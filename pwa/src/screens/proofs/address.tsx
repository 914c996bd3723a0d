// Codes by mail or text message: where they go. IT keeps the address in the directory,
// or the person verifies one of their own by a code that is sent there.
import { useState } from 'preact/hooks';
import type { AddressBegin, Proofs, SentKind, SentProof } from '../../api-types';
import { t } from '../../i18n';
import { useAct } from '../../lib/act';
import { post } from '../../lib/api';
import { bareDigits, lacks, phoneNumber } from '../../lib/codes';
import { Mail, Trouble } from '../../ui/help';
import type { IconName } from '../../ui/icons';
import { Banner, Button, Fact, Field, Screen } from '../../ui/kit';
import { CodeField } from '../../ui/proof';
import type { PartProps } from '../proofs';
import { HeldFacts, Removable, TouchForm, useTouch, Wrong } from './parts';

type Props = PartProps & { kind: SentKind };

export const sentIcon: Record<SentKind, IconName> = { 'mail-code': 'mail', 'sms-code': 'chat' };
export const ofKind = (proofs: Proofs, kind: SentKind): SentProof => (kind === 'mail-code' ? proofs.mailCode : proofs.smsCode);

/** What is typed, as it is sent. */
const asSent = (kind: SentKind, typed: string) => (kind === 'sms-code' ? phoneNumber(typed) : typed.trim());

/** Why no code can be sent there yet; '' when it can. */
export function addressLacks(kind: SentKind, typed: string): string {
  const address = asSent(kind, typed);
  if (!address) return t(`ad.why.${kind}.none`);
  const whole = kind === 'sms-code' ? /^\+[1-9]\d{6,14}$/ : /^[^\s@]+@[^\s@]+\.[^\s@]+$/;
  return whole.test(address) ? '' : t(`ad.why.${kind}`);
}

export function Address(props: Props) {
  const { kind, proofs, onProofs, onBack } = props;
  const mine = ofKind(proofs, kind);
  const verified = mine.from === 'verified' || !!mine.stale;
  const [changing, setChanging] = useState(false);
  const [typed, setTyped] = useState('');
  const [begun, setBegun] = useState<AddressBegin | null>(null);
  if (begun) return <Confirm {...props} begun={begun} onAgain={() => setBegun(null)} />;
  if (!verified || changing)
    return <Type {...props} mine={mine} typed={typed} onTyped={setTyped} onBegun={setBegun} onUp={verified ? () => setChanging(false) : () => onBack()} />;
  return (
    <Screen title={t(`ad.title.${kind}`)} up={() => onBack()} key="held">
      <p class="lead">{mine.stale && mine.offered ? t(mine.canVerify ? 'ad.stale.own' : `ad.stale.${kind}`) : t(`ad.lead.${kind}`)}</p>
      <HeldFacts offered={mine.offered} created={mine.created} lastUsed={mine.lastUsed}>
        <Fact name={t(`ad.name.${kind}`)}>
          <Mail address={mine.stale || mine.address} />
        </Fact>
      </HeldFacts>
      {mine.canVerify && (
        <Button weight="second" onClick={() => setChanging(true)}>
          {t(`ad.change.${kind}`)}
        </Button>
      )}
      <Removable
        kind={kind}
        label={t(`ad.remove.${kind}`)}
        title={t(`ad.remove.title.${kind}`)}
        sub={t(`ad.remove.sub.${kind}`)}
        onRemoved={(now) => {
          onProofs(now);
          onBack(t(`ad.removed.${kind}`));
        }}
      />
    </Screen>
  );
}

interface TypeProps extends Props {
  mine: SentProof;
  typed: string;
  onTyped: (typed: string) => void;
  onBegun: (begun: AddressBegin) => void;
  onUp: () => void;
}

function Type({ kind, mine, typed, onTyped, onBegun, onUp }: TypeProps) {
  const touch = useTouch(kind);
  const { problem } = touch;
  const why = addressLacks(kind, typed);
  const send = () => touch.run(async (proof) => onBegun(await post<AddressBegin>('/api/proofs/address/begin', { proof, kind, address: asSent(kind, typed) })));
  const refused = problem?.code.startsWith('proof.address') ?? false;
  return (
    <TouchForm
      title={t(`ad.title.${kind}`)}
      up={onUp}
      kind="plain"
      icon={sentIcon[kind]}
      lead={t(`ad.lead.${kind}`)}
      above={mine.from === 'directory' && <p>{t(`ad.directory.${kind}`, { address: mine.address })}</p>}
      touch={touch}
      why={why}
      label={t('rec.send')}
      doing={t('ad.doing')}
      mended={refused}
      onSubmit={send}
    >
      <Field
        name={kind === 'sms-code' ? 'tel' : 'email'}
        label={t(`ad.own.${kind}`)}
        hint={t(`ad.own.sub.${kind}`)}
        value={typed}
        onInput={(v) => (onTyped(v), touch.clear())}
        autocomplete={kind === 'sms-code' ? 'tel' : 'email'}
        inputMode={kind === 'sms-code' ? 'tel' : 'email'}
        maxLength={254}
        invalid={refused}
      />
    </TouchForm>
  );
}

function Confirm({ kind, begun, onProofs, onBack, onAgain }: Props & { begun: AddressBegin; onAgain: () => void }) {
  const [code, setCode] = useState('');
  const act = useAct();
  const { problem } = act;
  const old = problem?.code === 'ceremony.unknown';
  const why = lacks(kind, code) === 0 ? '' : t(`rec.go.why.${kind}`);
  const finish = () =>
    act.run(async () => {
      onProofs(await post<Proofs>('/api/proofs/address/finish', { token: begun.token, code: bareDigits(code) }));
      onBack(t(`ad.done.${kind}`));
    });
  return (
    <Screen title={t('ad.confirm')} up={onAgain} kind="plain" key="confirm">
      <p class="lead">{t(`ad.confirm.${kind}`, { address: begun.address })}</p>
      <form
        class="decide"
        noValidate
        onSubmit={(e) => {
          e.preventDefault();
          if (!why && !act.busy) void finish();
        }}
      >
        <CodeField kind={kind} label={t(`rec.code.${kind}`)} hint={t(`rec.code.${kind}.sub`)} value={code} invalid={problem?.code === 'proof.wrong'} onInput={(v) => (setCode(v), old || act.clear())} />
        {old ? (
          <Banner tone="wait" title={t('to.old')}>
            <p>{t('ad.old')}</p>
          </Banner>
        ) : problem?.code === 'proof.wrong' ? (
          <Wrong problem={problem} title={t('ad.wrong')}>
            {t('ad.wrong.sub')}
          </Wrong>
        ) : (
          <Trouble problem={problem} quiet />
        )}
        <div class="dock">
          {old ? (
            <Button onClick={onAgain}>{t('rec.again')}</Button>
          ) : (
            <Button type="submit" busy={act.busy} doing={t('rec.go.doing')} why={why}>
              {t('ad.go')}
            </Button>
          )}
          {!old && (
            <Button weight="quiet" onClick={onAgain}>
              {t('ad.nothing')}
            </Button>
          )}
        </div>
      </form>
    </Screen>
  );
}
