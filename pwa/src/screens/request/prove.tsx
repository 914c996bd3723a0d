// What is asked for, and what confirms it: the passkey, and what else the policy wants.
import { useState } from 'preact/hooks';
import type { ProofKind, Request } from '../../api-types';
import { says, t } from '../../i18n';
import { useAct } from '../../lib/act';
import { post } from '../../lib/api';
import { useCeremony } from '../../lib/ceremony';
import { thisDevice } from '../../lib/device';
import { moment } from '../../lib/format';
import { go, note, noted } from '../../lib/router';
import { info, refresh, session } from '../../lib/session';
import { isKey, isTyped } from '../../lib/ways';
import { assert } from '../../lib/webauthn';
import { Support, Trouble } from '../../ui/help';
import { Icon } from '../../ui/icons';
import { Button, Screen } from '../../ui/kit';
import { lazy } from '../../ui/lazy';
import { leadsOf, wanting, wantsOf } from '../recover/leads';
import { needsApproval } from './asked';
import type { WaysProps } from './otherways';
import { others, readPicked, wayOf, waysOf, type Way } from './ways';

interface Props {
  request: Request;
  onDone: (r: Request) => void;
}

export interface AnswersProps extends Props {
  kinds: ProofKind[];
  /** Of these, what is not set up. */
  lacks: string[];
  /** The other ways. */
  rest: Way[];
  onPick: (way: Way) => void;
  /** To the list of them; undefined where there are none. */
  onOther?: () => void;
  /** To the passkey first; undefined where it isn't missing. */
  onKey?: () => void;
}

const answers = lazy<AnswersProps>(() => import('./answers').then((m) => m.Answers), says('proofs'));
const otherWays = lazy<WaysProps>(() => import('./otherways').then((m) => m.OtherWays), says('proofs'));

export function Prove(props: Props) {
  const recovered = session.use().me?.session.recovered;
  const [picked, setPicked] = useState(() => readPicked(noted()));
  const [keyFirst, setKeyFirst] = useState(false);
  const [choosing, setChoosing] = useState(false);
  if (recovered) return <Anew request={props.request} />;
  const ways = waysOf(props.request);
  const way = wayOf(ways, picked);
  const rest = others(ways, way);
  const pick = (next: Way) => {
    note({ picked: next.needs });
    setPicked(next.needs);
    setKeyFirst(false);
    setChoosing(false);
  };
  if (choosing && rest.length > 0) return <otherWays.Screen ways={rest} onPick={pick} onBack={() => setChoosing(false)} />;
  const onOther = rest.length > 0 ? () => setChoosing(true) : undefined;
  const key = way.needs.some(isKey);
  const kinds = way.needs.filter(isTyped);
  if (kinds.length === 0 || (key && keyFirst)) return <Touch {...props} hardware={way.needs.includes('hardware-key')} more={kinds.length > 0} onOther={onOther} />;
  return <answers.Screen {...props} key={kinds.join()} kinds={kinds} lacks={way.lacks} rest={rest} onPick={pick} onOther={onOther} onKey={key ? () => setKeyFirst(true) : undefined} />;
}

/** Whoever came without a passkey can only come that way again: what they proved counts once. */
function Anew({ request }: { request: Request }) {
  const leads = wantsOf(leadsOf(info.use())).some((want) => want === request.kind);
  const begin = () => {
    go('/recover', { replace: true }); // asked for again, what is open goes on
    note(wanting(request.kind));
  };
  if (!leads)
    return (
      <Screen title={t('prove.key')} up="/account" kind="plain" key="key">
        <div class="sign info">
          <Icon name="key" />
        </div>
        <p class="lead">{t('prove.key.lead')}</p>
        <Support />
      </Screen>
    );
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

interface TouchProps extends Props {
  hardware: boolean;
  /** Something to type follows. */
  more: boolean;
  onOther?: () => void;
}

function Touch({ request, onDone, hardware, more, onOther }: TouchProps) {
  const { id, kind, deadline } = request;
  const path = `/api/requests/${encodeURIComponent(id)}/proof`;
  const ceremony = useCeremony(`${path}/begin`);
  const act = useAct();
  // Only Windows has computers of which this may count; what is asked for is decided elsewhere.
  const windows = hardware && thisDevice().name === 'dev.windows';
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
      <p class="lead">{t(windows ? 'prove.lead.windows' : hardware ? 'prove.lead.hardware' : 'prove.lead')}</p>
      <p>{more ? t('prove.more') : needsApproval(kind) && !request.review ? t('ask.prove') : t(`prove.next.${kind}`)}</p>
      <Trouble problem={act.problem ?? (act.busy ? null : ceremony.problem)} />
      <div class="dock">
        <p class="hint">{deadline && t('pw.open', { time: moment(deadline) })}</p>
        <Button icon="key" busy={act.busy} doing={t('wait.passkey')} onClick={() => void touch()}>
          {t(hardware && !windows ? 'prove.go.hardware' : kind === 'unlock' ? 'prove.go.unlock' : 'prove.go')}
        </Button>
        {onOther && (
          <Button weight="quiet" onClick={onOther}>
            {t('prove.other')}
          </Button>
        )}
      </div>
    </Screen>
  );
}
