// What is asked for, and what confirms it: the passkey, and what else the policy wants.
import { useState } from 'preact/hooks';
import type { ProofKind, Request } from '../../api-types';
import { says, t } from '../../i18n';
import { useAct } from '../../lib/act';
import { post } from '../../lib/api';
import { isTyped } from '../../lib/codes';
import { useCeremony } from '../../lib/ceremony';
import { moment } from '../../lib/format';
import { go, note } from '../../lib/router';
import { refresh, session } from '../../lib/session';
import { assert } from '../../lib/webauthn';
import { Trouble } from '../../ui/help';
import { Icon } from '../../ui/icons';
import { Button, Screen } from '../../ui/kit';
import { lazy } from '../../ui/lazy';
import { wanting } from '../recover/draft';
import { needsApproval } from './asked';

interface Props {
  request: Request;
  onDone: (r: Request) => void;
}

export interface AnswersProps extends Props {
  kinds: ProofKind[];
  /** To the passkey first; undefined where it isn't missing. */
  onKey?: () => void;
}

const answers = lazy<AnswersProps>(() => import('./answers').then((m) => m.Answers), says('proofs'));

/** A passkey, on a phone or on a security key. */
const isKey = (kind: string) => kind === 'passkey' || kind === 'hardware-key';

export function Prove(props: Props) {
  const recovered = session.use().me?.session.recovered;
  const [keyFirst, setKeyFirst] = useState(false);
  if (recovered) return <Anew request={props.request} />;
  const { needs } = props.request;
  const key = needs.some(isKey);
  const rest = needs.filter((kind) => !isKey(kind));
  const kinds = rest.every(isTyped) ? rest.filter(isTyped) : [];
  if (kinds.length === 0 || (key && keyFirst)) return <Touch {...props} more={kinds.length > 0} />;
  return <answers.Screen {...props} kinds={kinds} onKey={key ? () => setKeyFirst(true) : undefined} />;
}

/** Whoever came without a passkey can only come that way again: what they proved counts once. */
function Anew({ request }: { request: Request }) {
  const begin = () => {
    go('/recover', { replace: true }); // asked for again, what is open goes on
    note(wanting(request.kind));
  };
  return (
    <Screen title={t('prove.anew')} up="/account" kind="plain" key="anew">
      <div class="sign info">
        <Icon name="key" />
      </div>
      <p class="lead">{t('prove.anew.lead')}</p>
      <div class="dock">
        <Button onClick={begin}>{t('prove.anew.go')}</Button>
      </div>
    </Screen>
  );
}

function Touch({ request, onDone, more }: Props & { more: boolean }) {
  const { id, kind, deadline } = request;
  const hardware = request.needs.includes('hardware-key');
  const path = `/api/requests/${encodeURIComponent(id)}/proof`;
  const ceremony = useCeremony(`${path}/begin`);
  const act = useAct();
  const touch = () =>
    act.run(() =>
      ceremony.use(async (c) => {
        const credential = await assert(c);
        onDone(await post<Request>(`${path}/finish`, { token: c.token, credential }));
        void refresh();
      }),
    );
  return (
    <Screen title={t(`prove.title.${kind}`)} up="/account" kind="plain">
      <div class="sign info">
        <Icon name="key" />
      </div>
      <p class="lead">{t(hardware ? 'prove.lead.hardware' : 'prove.lead')}</p>
      <p>{more ? t('prove.more') : needsApproval(kind) && !request.review ? t('ask.prove') : t(`prove.next.${kind}`)}</p>
      <Trouble problem={act.problem ?? (act.busy ? null : ceremony.problem)} />
      <div class="dock">
        <p class="hint">{deadline && t('pw.open', { time: moment(deadline) })}</p>
        <Button icon="key" busy={act.busy} doing={t('wait.passkey')} onClick={() => void touch()}>
          {t(hardware ? 'prove.go.hardware' : kind === 'unlock' ? 'prove.go.unlock' : 'prove.go')}
        </Button>
      </div>
    </Screen>
  );
}
