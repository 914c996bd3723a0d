// Enrol: three steps or four, each one sentence and one act. The link's token stays in
// the fragment until the passkey is made, so that a reload still works.
import { useEffect, useState } from 'preact/hooks';
import type { ComponentChildren } from 'preact';
import type { EnrolOpen, Me, Passkey, Problem } from '../api-types';
import { t } from '../i18n';
import { useAct } from '../lib/act';
import { asProblem, get, patch, post } from '../lib/api';
import { signIn, useCeremony } from '../lib/ceremony';
import { thisDevice } from '../lib/device';
import { moment } from '../lib/format';
import { offered, readBrowser, stateOf } from '../lib/push';
import { go } from '../lib/router';
import { info, session, signedIn } from '../lib/session';
import { create, support } from '../lib/webauthn';
import { NoPasskeys } from '../ui/blocked';
import { explain, heading, Support, Trouble, useTold } from '../ui/help';
import { Door, Icon } from '../ui/icons';
import { InApp } from '../ui/inapp';
import { Banner, Button, Copy, Field, Row, Rows, Screen, Skeleton } from '../ui/kit';
import { Qr } from '../ui/qr';
import { Failed } from './trouble';

type Step = 1 | 2 | 3 | 4;

/** The fourth step is only for a browser that can take notifications. */
const steps = () => (offered(stateOf(readBrowser(), false)) ? 4 : 3);

export function Steps({ step, children }: { step: Step; children?: ComponentChildren }) {
  const [of] = useState(steps);
  return (
    <Screen title={t(`enrol.${step}`)} kind="enrol" key={step}>
      <div class="steps">
        <p>{t('enrol.step', { n: step, of })}</p>
        <div class="steps-bar" aria-hidden="true">
          {Array.from({ length: of }, (_, i) => (
            <span key={i} class={i < step ? 'is-done' : undefined} />
          ))}
        </div>
      </div>
      {children}
    </Screen>
  );
}

export function Enrol() {
  const token = location.hash.slice(1);
  const [open, setOpen] = useState<EnrolOpen | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [grant, setGrant] = useState<string | null>(null);
  const [anyway, setAnyway] = useState(false);
  const able = support();
  const load = () => {
    setProblem(null);
    post<EnrolOpen>('/api/enrol/open', { token }).then(setOpen, (e) => setProblem(asProblem(e)));
  };
  useEffect(() => {
    if (token) load();
  }, [token]);

  if (!token) return <NoLink what={t('enrol.none')} todo={t('enrol.none.sub')} />;
  if (problem?.code.startsWith('invitation.')) return <Dead problem={problem} />;
  if (problem) return <Failed problem={problem} retry={load} />;
  if (thisDevice().inApp && !anyway)
    return (
      <Screen title={t('inapp.title')} kind="plain">
        <InApp onAnyway={() => setAnyway(true)} />
      </Screen>
    );
  if (able !== 'yes')
    return (
      <Screen title={t('enrol.title')} kind="plain">
        <NoPasskeys reason={able} />
      </Screen>
    );
  if (!open) return <Skeleton />;
  if (grant === null) return <ShowItsYou token={token} open={open} onGrant={setGrant} />;
  return <MakePasskey token={token} grant={grant} onAgain={() => setGrant(null)} />;
}

/** A link that opens nothing any more. */
function Dead({ problem }: { problem: Problem }) {
  if (!useTold(problem.code)) return <Skeleton />;
  const [what, todo] = explain(problem);
  return <NoLink what={heading(what)} todo={todo} sign={problem.code === 'invitation.expired' ? 'wait' : 'stop'} signIn={problem.code === 'invitation.used'} />;
}

function NoLink({ what, todo, sign = 'info', signIn: offer }: { what: string; todo: string; sign?: 'info' | 'wait' | 'stop'; signIn?: boolean }) {
  return (
    <Screen title={what} kind="plain" key={what}>
      <div class={`sign ${sign}`}>
        <Icon name={sign} />
      </div>
      <p class="lead">{todo}</p>
      {offer && (
        <div class="dock">
          <Button icon="key" onClick={() => go('/')}>
            {t('start.in')}
          </Button>
        </div>
      )}
      <Support />
    </Screen>
  );
}

interface ShowProps {
  token: string;
  open: EnrolOpen;
  onGrant: (grant: string) => void;
}

function ShowItsYou({ token, open, onGrant }: ShowProps) {
  const [here, setHere] = useState(thisDevice().system !== 'pc');
  const [password, setPassword] = useState('');
  const act = useAct();
  const prove = () =>
    act.run(async () => {
      try {
        const { grant } = await post<{ grant: string }>('/api/enrol/password', { token, password });
        onGrant(grant);
      } finally {
        setPassword('');
      }
    });
  const hello = (
    <>
      <div class="hello">{open.givenName ? t('enrol.hello', { name: open.givenName }) : t('enrol.hello.anon')}</div>
      <p class="lead">{t('enrol.lead')}</p>
    </>
  );
  if (!here)
    return (
      <Steps step={1}>
        {hello}
        <OnPhone open={open} onHere={() => setHere(true)} />
      </Steps>
    );
  return (
    <Steps step={1}>
      {hello}
      {open.password ? (
        <form
          noValidate
          onSubmit={(e) => {
            e.preventDefault();
            if (password && !act.busy) void prove();
          }}
        >
          <Field name="password" label={t('enrol.password')} hint={t('enrol.password.sub')} value={password} onInput={setPassword} autocomplete="current-password" secret invalid={act.problem?.code === 'bind.wrong-password'} />
          <Trouble problem={act.problem} quiet />
          <Button type="submit" busy={act.busy} doing={t('wait.directory')} why={password ? '' : t('pw.missing.current')}>
            {t('enrol.password.go')}
          </Button>
          {act.problem && <Support />}
        </form>
      ) : (
        <div class="dock">
          <Button onClick={() => onGrant('')}>{t('enrol.begin')}</Button>
        </div>
      )}
      <p class="hint">
        {t('enrol.notme')} {t('enrol.until', { time: moment(open.expires) })}
      </p>
    </Steps>
  );
}

/** On a PC the code comes first: the phone is there when the PC is locked. */
function OnPhone({ open, onHere }: { open: EnrolOpen; onHere: () => void }) {
  return (
    <>
      <section class="card qr-card">
        <Qr path={open.qr} size={open.qrSize} />
        <div>
          <h2 class="card-title">{t('enrol.qr')}</h2>
          <p>{t('enrol.qr.sub')}</p>
          <Copy text={open.link} label={t('enrol.copy')} />
        </div>
      </section>
      <Button weight="second" icon="laptop" onClick={onHere}>
        {t('enrol.qr.here')}
      </Button>
      <p class="hint">
        {t('enrol.notme')} {t('enrol.until', { time: moment(open.expires) })}
      </p>
    </>
  );
}

function MakePasskey({ token, grant, onAgain }: { token: string; grant: string; onAgain: () => void }) {
  const ceremony = useCeremony('/api/enrol/begin', { token, grant });
  const act = useAct();
  const code = (act.problem ?? ceremony.problem)?.code ?? '';
  const make = () =>
    act.run(() =>
      ceremony.use(async (c) => {
        const credential = await create(c);
        const me = await post<Me>('/api/enrol/finish', { token: c.token, name: t(thisDevice().name), credential, remember: true });
        signedIn(me);
        go('/enrol/try', { replace: true });
      }),
    );
  return (
    <Steps step={2}>
      <div class="sign info">
        <Icon name="key" />
      </div>
      <p class="lead">{t('enrol.passkey.lead')}</p>
      <Trouble problem={act.problem ?? (act.busy ? null : ceremony.problem)} />
      <div class="dock">
        {code === 'invitation.password-needed' ? (
          <Button onClick={onAgain}>{t('enrol.1')}</Button>
        ) : code.startsWith('passkey.already') ? (
          <Button onClick={() => go('/')}>{t('start.in')}</Button>
        ) : (
          <Button icon="key" busy={act.busy} doing={t('wait.passkey')} onClick={() => void make()}>
            {t('enrol.passkey.go')}
          </Button>
        )}
      </div>
    </Steps>
  );
}

/** The rehearsal: name the passkey and use it once. */
export function Rehearse() {
  const ceremony = useCeremony('/api/sign-in/begin');
  const act = useAct();
  const [name, setName] = useState(t(thisDevice().name));
  const changed = name.trim() !== '' && name.trim() !== t(thisDevice().name);

  const save = async () => {
    if (!changed) return;
    const { passkeys } = await get<{ passkeys: Passkey[] }>('/api/passkeys');
    const mine = passkeys.find((k) => k.current);
    if (mine) await patch<Passkey>(`/api/passkeys/${encodeURIComponent(mine.id)}`, { name: name.trim() });
  };
  const rehearse = () =>
    act.run(() =>
      ceremony.use(async (c) => {
        const again = await signIn(c, true);
        await save();
        signedIn(again);
        go(steps() === 4 ? '/enrol/notify' : '/enrol/ready', { replace: true });
      }),
    );
  const skip = () =>
    act.run(async () => {
      await save();
      go(steps() === 4 ? '/enrol/notify' : '/enrol/ready', { replace: true });
    });
  return (
    <Steps step={3}>
      <p class="lead">{t('enrol.try.lead')}</p>
      <Field name="device" label={t('enrol.name')} hint={t('enrol.name.sub')} value={name} onInput={setName} autocomplete="off" maxLength={64} />
      <Trouble problem={act.problem ?? (act.busy ? null : ceremony.problem)} />
      <div class="dock">
        <Button icon="key" busy={act.busy} doing={t('wait.passkey')} onClick={() => void rehearse()}>
          {t('enrol.try.go')}
        </Button>
        <Button weight="quiet" onClick={() => void skip()}>
          {t('enrol.try.skip')}
        </Button>
      </div>
    </Steps>
  );
}

/** What to do when the day comes, and how to keep it at hand. */
export function Ready() {
  const name = session.use().me?.account.givenName;
  const codes = info.use().recovery.some((way) => way.includes('recovery-code'));
  const [open, setOpen] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setOpen(true), 120);
    return () => clearTimeout(timer);
  }, []);
  return (
    <Screen title={name ? t('enrol.ready', { name }) : t('enrol.ready.anon')} kind="done">
      <div class="sign huge good">
        <Door open={open} />
      </div>
      <p class="lead">{t('enrol.ready.lead', { host: location.host })}</p>
      <Banner tone="info" title={t('enrol.ready.tile')} quiet>
        <p>{t(`enrol.ready.tile.${thisDevice().system}`)}</p>
      </Banner>
      <Rows>
        <Row icon="phone" href="/passkeys/add" title={t('enrol.ready.second')} sub={t('enrol.ready.second.sub')} />
        {codes && <Row icon="once" href="/proofs" title={t('enrol.ready.codes')} sub={t('enrol.ready.codes.sub')} />}
      </Rows>
      <div class="dock">
        <Button onClick={() => go('/account', { replace: true })}>{t('enrol.ready.go')}</Button>
      </div>
    </Screen>
  );
}
