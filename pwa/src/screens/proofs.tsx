// Ways to prove it's me: passkeys, recovery codes, an authenticator app, codes by mail
// and text message, a PIN, questions. What the organisation does not offer is not
// shown, unless it is still held.
import { useState } from 'preact/hooks';
import type { Held, Proofs, SentKind, SentProof } from '../api-types';
import { t, tn } from '../i18n';
import { ago } from '../lib/format';
import { useResource } from '../lib/resource';
import { session } from '../lib/session';
import { Lines, Mail, Trouble } from '../ui/help';
import { Banner, Row, Rows, Screen, Skeleton } from '../ui/kit';
import { Address, ofKind, sentIcon } from './proofs/address';
import { RecoveryCodes } from './proofs/codes';
import { Pin } from './proofs/pin';
import { Questions } from './proofs/questions';
import { AuthenticatorApp } from './proofs/totp';
import { Failed } from './trouble';

type Which = 'codes' | 'totp' | 'pin' | 'questions' | SentKind;

/** From so few on new ones are due. */
const FEW = 3;

export interface PartProps {
  proofs: Proofs;
  onProofs: (proofs: Proofs) => void;
  /** Back to the list; note is what it says then. */
  onBack: (note?: string) => void;
}

export function ProofsScreen() {
  const { data, problem, reload, set } = useResource<Proofs>('/api/proofs');
  const [which, setWhich] = useState<Which | null>(null);
  const [note, setNote] = useState('');
  if (!data) return problem ? <Failed problem={problem} retry={() => void reload()} /> : <Skeleton />;
  const part: PartProps = {
    proofs: data,
    onProofs: set,
    onBack: (said = '') => {
      setNote(said);
      setWhich(null);
    },
  };
  switch (which) {
    case 'codes':
      return <RecoveryCodes {...part} reload={reload} />;
    case 'totp':
      return <AuthenticatorApp {...part} />;
    case 'pin':
      return <Pin {...part} />;
    case 'questions':
      return <Questions {...part} />;
    case 'mail-code':
    case 'sms-code':
      return <Address {...part} kind={which} />;
    default:
      return (
        <Screen title={t('nav.proofs')} up="/account" key="list">
          <p class="lead">{t('pr.lead')}</p>
          {note && (
            <Banner tone="good">
              <p>{note}</p>
            </Banner>
          )}
          <Trouble problem={problem} quiet />
          <List proofs={data} onOpen={setWhich} />
        </Screen>
      );
  }
}

/** Whether there is an address that the person verified, though no codes may go there any more. */
const kept = ({ from, stale }: SentProof) => from === 'verified' || !!stale;

/** What is neither offered nor held is not shown. */
export function shownOf({ recoveryCodes: codes, totp, mailCode, smsCode, pin, questions }: Proofs): Which[] {
  const shown: [Which, boolean][] = [
    ['codes', codes.offered || codes.total > 0],
    ['totp', totp.offered || totp.held],
    ['mail-code', mailCode.offered || kept(mailCode)],
    ['sms-code', smsCode.offered || kept(smsCode)],
    ['pin', pin.offered || pin.held],
    ['questions', questions.offered || questions.held || questions.stale],
  ];
  return shown.filter(([, on]) => on).map(([which]) => which);
}

function List({ proofs, onOpen }: { proofs: Proofs; onOpen: (which: Which) => void }) {
  const keys = session.use().me?.passkeys ?? 0;
  const { recoveryCodes: codes, totp, pin, questions } = proofs;
  const due = questions.stale && questions.offered;
  const few = codes.total > 0 && codes.left <= FEW;
  const shown = shownOf(proofs);
  const row = (which: Which) => {
    const open = () => onOpen(which);
    switch (which) {
      case 'codes':
        return (
          <Row
            key={which}
            icon={few ? 'wait' : 'once'}
            tone={few ? 'wait' : undefined}
            title={t('pr.codes')}
            sub={codes.total === 0 ? t('pr.codes.none') : <Lines of={[tn('pr.codes.left', codes.left, { of: codes.total }), few && codes.offered ? t('pr.codes.low') : '']} />}
            onClick={open}
          />
        );
      case 'totp':
        return <Row key={which} icon="phone" title={t('pr.totp')} sub={heldSays(totp, t('pr.totp.none'))} onClick={open} />;
      case 'pin':
        return <Row key={which} icon="pin" title={t('pin.title')} sub={heldSays(pin, t('pr.pin.none', { n: pin.least }))} onClick={open} />;
      case 'questions':
        return (
          <Row
            key={which}
            icon={due ? 'wait' : 'help'}
            tone={due ? 'wait' : undefined}
            title={t('qu.title')}
            sub={questions.stale ? t(due ? 'pr.questions.stale' : 'pr.not-offered') : heldSays(questions, t('pr.questions.none', { n: questions.answer }))}
            onClick={open}
          />
        );
      default:
        return <SentRow key={which} kind={which} proofs={proofs} onOpen={open} />;
    }
  };
  return (
    <>
      <Rows>
        <Row icon="key" href="/passkeys" title={t('nav.passkeys')} sub={tn('pr.keys', keys)} />
        {shown.map(row)}
      </Rows>
      {shown.length === 0 && <p class="hint">{t('pr.only')}</p>}
    </>
  );
}

function heldSays(held: Held, none: string): string {
  if (!held.held) return none;
  return held.lastUsed ? t('pr.totp.used', { when: ago(held.lastUsed) }) : t('pr.totp.unused');
}

/** Where codes go. An address of the directory is a fact, unless one of one's own may take its place. */
function SentRow({ kind, proofs, onOpen }: { kind: SentKind; proofs: Proofs; onOpen: () => void }) {
  const sent = ofKind(proofs, kind);
  const { address, from, canVerify, stale } = sent;
  const none = t(canVerify ? `pr.${kind}.none` : `pr.${kind}.never`);
  const sub = address ? (
    <>
      <span class="line" translate={false}>
        <Mail address={address} />
      </span>
      <span class="line">{t(from === 'directory' ? 'pr.sent.directory' : 'pr.sent.verified')}</span>
      {stale && <span class="line">{t(`pr.${kind}.stale`)}</span>}
    </>
  ) : stale ? (
    t(`pr.${kind}.stale`)
  ) : (
    none
  );
  return <Row icon={sentIcon[kind]} title={t(`ad.title.${kind}`)} sub={sub} onClick={canVerify || kept(sent) ? onOpen : undefined} />;
}
