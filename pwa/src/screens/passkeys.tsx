// My passkeys: the list, and one of them with its name and its end.
import { useEffect, useState } from 'preact/hooks';
import type { Passkey } from '../api-types';
import { t } from '../i18n';
import { useAct } from '../lib/act';
import { patch, post } from '../lib/api';
import { useCeremony } from '../lib/ceremony';
import { ago, date } from '../lib/format';
import { forgetAll, useResource } from '../lib/resource';
import { go } from '../lib/router';
import { info, refresh, session, signedOut } from '../lib/session';
import { stepUp } from '../lib/stepup';
import { signalUnknown } from '../lib/webauthn';
import { Lines, Trouble } from '../ui/help';
import { Banner, Button, Fact, Field, Row, Rows, Screen, Sheet, Skeleton, Time } from '../ui/kit';
import { leadsOf } from './recover/leads';
import { Failed } from './trouble';

interface List {
  passkeys: Passkey[];
}

const PATH = '/api/passkeys';

export function Passkeys() {
  const { data, problem, reload } = useResource<List>(PATH);
  const [note] = useState(takeNote);
  if (!data && problem) return <Failed problem={problem} retry={() => void reload()} />;
  return (
    <Screen title={t('keys.title')} up="/account">
      <p class="lead">{t('keys.lead')}</p>
      {note && (
        <Banner tone="good">
          <p>{note}</p>
        </Banner>
      )}
      <Trouble problem={problem} quiet />
      {!data && <Skeleton shape="list" />}
      {data && data.passkeys.length === 0 && <p>{t('keys.empty')}</p>}
      {data && data.passkeys.length > 0 && (
        <Rows>
          {data.passkeys.map((k) => (
            <Row key={k.id} icon={k.synced ? 'cloud' : 'key'} title={k.name} sub={<Lines of={[used(k), t(k.computer ? 'keys.computer' : k.hardware ? 'keys.hardware' : k.synced ? 'keys.synced.short' : 'keys.bound.short')]} />} href={`/passkeys/${encodeURIComponent(k.id)}`} end={k.current && <span class="chip">{t('keys.here')}</span>} />
          ))}
        </Rows>
      )}
      {data?.passkeys.length === 1 && <p class="hint">{t('keys.one')}</p>}
      <div class="dock">
        <Button icon="plus" onClick={() => go('/passkeys/add')}>
          {t('keys.add')}
        </Button>
      </div>
    </Screen>
  );
}

const used = (k: Passkey) => (k.lastUsed ? t('keys.used', { when: ago(k.lastUsed) }) : t('keys.unused'));

let note = '';
/** What the list says once when the person comes back to it. */
export function leaveNote(text: string): void {
  note = text;
}
function takeNote(): string {
  const said = note;
  note = '';
  return said;
}

export function OnePasskey({ params }: { params: Record<string, string> }) {
  const { data, problem, reload } = useResource<List>(PATH);
  if (!data) return problem ? <Failed problem={problem} retry={() => void reload()} /> : <Skeleton />;
  const passkey = data.passkeys.find((k) => k.id === params.id);
  if (!passkey)
    return (
      <Screen title={t('keys.gone')} up="/passkeys" kind="plain">
        <div class="dock">
          <Button onClick={() => go('/passkeys', { replace: true })}>{t('add.back')}</Button>
        </div>
      </Screen>
    );
  return <Detail passkey={passkey} last={data.passkeys.length === 1} reload={reload} />;
}

function Detail({ passkey: k, last, reload }: { passkey: Passkey; last: boolean; reload: () => Promise<void> }) {
  const [name, setName] = useState(k.name);
  const [saved, setSaved] = useState(false);
  const [asking, setAsking] = useState(false);
  const act = useAct();
  const tidy = name.trim();
  const save = () =>
    act.run(async () => {
      await patch<Passkey>(`${PATH}/${encodeURIComponent(k.id)}`, { name: tidy });
      await reload();
      setSaved(true);
    });
  return (
    <Screen title={k.name} up="/passkeys">
      <dl class="facts">
        <Fact name={t('keys.made.name')}>
          <Time at={k.created} text={date(k.created)} />
        </Fact>
        <Fact name={t('keys.used.name')}>{k.lastUsed ? <Time at={k.lastUsed} text={ago(k.lastUsed)} /> : t('keys.unused')}</Fact>
        <Fact name={t('keys.kept')}>{t(k.computer ? 'keys.computer.sub' : k.hardware ? 'keys.hardware.sub' : k.synced ? 'keys.synced' : 'keys.bound')}</Fact>
      </dl>
      <form
        onSubmit={(e) => {
          e.preventDefault();
          if (tidy && tidy !== k.name) void save();
        }}
      >
        <Field name="device" label={t('keys.rename')} value={name} onInput={(v) => (setName(v), setSaved(false))} autocomplete="off" maxLength={64} />
        <p class="note" role="status">
          {saved && t('keys.renamed')}
        </p>
        {tidy !== '' && tidy !== k.name && (
          <Button type="submit" busy={act.busy}>
            {t('keys.rename.go')}
          </Button>
        )}
        <Trouble problem={act.problem} />
      </form>
      <Button weight="danger" onClick={() => setAsking(true)}>
        {t('keys.remove')}
      </Button>
      {asking && <Remove passkey={k} last={last} onKeep={() => setAsking(false)} />}
    </Screen>
  );
}

function Remove({ passkey: k, last, onKeep }: { passkey: Passkey; last: boolean; onKeep: () => void }) {
  const ceremony = useCeremony('/api/step-up/begin', { purpose: 'remove-passkey', passkey: k.id });
  const act = useAct();
  const [rpId] = useState(session.get().me?.signal.rpId);
  const remove = () =>
    act.run(() =>
      ceremony.use(async (c) => {
        const proof = await stepUp(c);
        await post(`${PATH}/${encodeURIComponent(k.id)}/remove`, { proof, last });
        signalUnknown({ rpId }, { id: k.id });
        if (k.current) return leave();
        leaveNote(t('keys.removed', { name: k.name }));
        void refresh();
        go('/passkeys', { replace: true });
      }),
    );
  useEffect(() => act.clear(), [k.id]);
  return (
    <Sheet title={t(last ? 'keys.remove.last' : 'keys.remove.title', { name: k.name })} onClose={onKeep}>
      <p>{last ? <Last /> : t(k.current ? 'keys.remove.sub.current' : 'keys.remove.sub')}</p>
      <p class="hint">{t('prove.lead.short')}</p>
      <Trouble problem={act.problem} />
      <div class="pair">
        <Button weight="danger" busy={act.busy} doing={t('wait.passkey')} onClick={() => void remove()}>
          {t(last ? 'keys.remove.last.go' : 'keys.remove.go')}
        </Button>
        <Button weight="second" onClick={onKeep}>
          {t('keys.remove.keep')}
        </Button>
      </div>
    </Sheet>
  );
}

/** What the end of the last one means. Which other ways this person has is not known here: only whether anybody has one. */
export function Last() {
  return <>{leadsOf(info.use()).length > 0 ? t('keys.remove.last.sub.ways', { proofs: t('nav.proofs') }) : t('keys.remove.last.sub')}</>;
}

/** The passkey of this session is gone, and so is the session. */
function leave(): void {
  forgetAll();
  go('/', { replace: true });
  signedOut('removed');
}
