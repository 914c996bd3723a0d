// Ways to prove it's me: passkeys, recovery codes, an authenticator app. What the
// organisation does not offer is not shown, unless it is still held.
import { useState } from 'preact/hooks';
import type { Proofs } from '../api-types';
import { t, tn } from '../i18n';
import { ago } from '../lib/format';
import { useResource } from '../lib/resource';
import { session } from '../lib/session';
import { Lines, Trouble } from '../ui/help';
import { Banner, Row, Rows, Screen, Skeleton } from '../ui/kit';
import { AuthenticatorApp } from './proofs/totp';
import { RecoveryCodes } from './proofs/codes';
import { Failed } from './trouble';

type Which = 'codes' | 'totp';

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
  const keys = session.use().me?.passkeys ?? 0;
  if (!data) return problem ? <Failed problem={problem} retry={() => void reload()} /> : <Skeleton />;
  const part: PartProps = {
    proofs: data,
    onProofs: set,
    onBack: (said = '') => {
      setNote(said);
      setWhich(null);
    },
  };
  if (which === 'codes') return <RecoveryCodes {...part} reload={reload} />;
  if (which === 'totp') return <AuthenticatorApp {...part} />;
  const { recoveryCodes: codes, totp } = data;
  const few = codes.total > 0 && codes.left <= FEW;
  const shown = { codes: codes.offered || codes.total > 0, totp: totp.offered || totp.held };
  return (
    <Screen title={t('nav.proofs')} up="/account" key="list">
      <p class="lead">{t('pr.lead')}</p>
      {note && (
        <Banner tone="good">
          <p>{note}</p>
        </Banner>
      )}
      <Trouble problem={problem} quiet />
      <Rows>
        <Row icon="key" href="/passkeys" title={t('nav.passkeys')} sub={tn('pr.keys', keys)} />
        {shown.codes && (
          <Row
            icon={few ? 'wait' : 'once'}
            tone={few ? 'wait' : undefined}
            title={t('pr.codes')}
            sub={codes.total === 0 ? t('pr.codes.none') : <Lines of={[tn('pr.codes.left', codes.left, { of: codes.total }), few && codes.offered ? t('pr.codes.low') : '']} />}
            onClick={() => setWhich('codes')}
          />
        )}
        {shown.totp && <Row icon="phone" title={t('pr.totp')} sub={appSays(totp)} onClick={() => setWhich('totp')} />}
      </Rows>
      {!shown.codes && !shown.totp && <p class="hint">{t('pr.only')}</p>}
    </Screen>
  );
}

function appSays(totp: Proofs['totp']): string {
  if (!totp.held) return t('pr.totp.none');
  return totp.lastUsed ? t('pr.totp.used', { when: ago(totp.lastUsed) }) : t('pr.totp.unused');
}

