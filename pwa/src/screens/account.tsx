// My account: what is the matter, what I can do, what happens next.
import { useEffect, useState } from 'preact/hooks';
import type { Account as AccountType, Kind, Me, Request } from '../api-types';
import { t, tn, type Key } from '../i18n';
import { useAct, type Act } from '../lib/act';
import { post } from '../lib/api';
import { clock, date, inDays, moment, momentToday } from '../lib/format';
import { useLive } from '../lib/follow';
import { useNow } from '../lib/now';
import { forgetPush } from '../lib/push';
import { forgetAll } from '../lib/resource';
import { go } from '../lib/router';
import { info, refresh, refreshAgain, session, signedOut } from '../lib/session';
import { Mail, Support, Trouble } from '../ui/help';
import { Door, Icon, type IconName } from '../ui/icons';
import { Banner, Button, Fact, Row, Rows, Screen, Sheet, Time, type Tone } from '../ui/kit';
import { DutyCard } from './duty';
import { NotificationsOffer } from './notify-offer';
import { askFor, isStrange, needsApproval } from './request/asked';
import { answers, left } from './review/words';
import { primary, renewed, statesOf, useful, words, type Standing } from './state';
import { StopAll } from './stopall';
import { Thaw } from './thaw';
import { TryIt } from './tryit';

const icons: Record<Kind, IconName> = { unlock: 'unlock', reset: 'key', change: 'pen', 'one-time': 'once', enrol: 'phone' };

const again = () => void refreshAgain();

/** What was read this lately is shown as it is. */
const FRESH_MS = 3000;

export function Account() {
  const { me } = session.use();
  const act = useAct();
  const [asked, setAsked] = useState<Kind | null>(null);
  useEffect(() => void refresh(FRESH_MS), []);
  useLive(null, again);
  if (!me) return null;

  const ask = (kind: Kind) => {
    setAsked(kind);
    void act.run(() => askFor(kind));
  };
  const main = primary(me);
  const { recovered } = me.session;
  return (
    <Screen title={t('account.title')} heading={false} kind="account">
      {recovered && (renewed(me) ? <NewPasskey weight={main ? 'second' : 'primary'} /> : <WithoutPasskey me={me} />)}
      <Status account={me.account} states={statesOf(me)} />
      {main ? (
        <div class="dock">
          <Button icon={icons[main]} busy={act.busy && asked === main} doing={t(main === 'unlock' ? 'wait.writing' : 'wait.directory')} onClick={() => ask(main)}>
            {t(`k.${main}`)}
          </Button>
          <p class="hint">{needsApproval(main) ? t('ask.who') : t(`k.${main}.next`)}</p>
        </div>
      ) : (
        <NoWay me={me} />
      )}
      <Trouble problem={act.problem} />
      {!recovered && <DutyCard me={me} />}
      {!recovered && <Reviews me={me} />}
      <Open requests={me.requests} />
      <Answers requests={me.requests} />
      <Actions me={me} main={main} act={act} ask={ask} />
      {(me.account.state[0] === 'outside-hours' || me.account.state[0] === 'smartcard') && <Support />}
      {!recovered && <NotificationsOffer />}
      <Facts account={me.account} />
      <Also recovered={recovered} />
    </Screen>
  );
}

/** How long a sign-in without a passkey lasts, and what it is for. */
function WithoutPasskey({ me }: { me: Me }) {
  const time = left(me.session.expires, useNow());
  return (
    <Banner tone="info" icon="key" title={t('rec.in')} quiet>
      <p>{time ? t(statesOf(me).includes('frozen') ? 'rec.in.frozen' : 'rec.in.sub', { left: time }) : t('rec.in.over')}</p>
    </Banner>
  );
}

/** A new passkey was made meanwhile: it opens what this sign-in does not. */
function NewPasskey({ weight }: { weight: 'primary' | 'second' }) {
  return (
    <section class="group">
      <Banner tone="good" icon="check" title={t('rec.new')} quiet>
        <p>{t('rec.new.sub')}</p>
      </Banner>
      <TryIt text={t('rec.new.go')} weight={weight} />
    </section>
  );
}

/** The status card: a sign, a sentence, a time. */
function Status({ account, states }: { account: AccountType; states: Standing[] }) {
  const [first = 'ok', ...others] = states;
  const { tone, title, lines } = words(first, account);
  return (
    <section class={`status ${tone}`} aria-label={title}>
      <div class="status-top">
        <div class="sign">{first === 'locked' || first === 'ok' ? <Door open={first === 'ok'} /> : <Icon name={signOf(tone)} />}</div>
        <p class="status-who">{account.displayName}</p>
      </div>
      <h2 class="status-title">{title}</h2>
      {lines.map((line) => (
        <p key={line}>{line}</p>
      ))}
      {others.map((state) => {
        const w = words(state, account);
        return (
          <p class={`status-more ${w.tone}`} key={state}>
            <Icon name={signOf(w.tone)} />
            <span>
              <strong>{w.title}.</strong> {w.lines[0]}
            </span>
          </p>
        );
      })}
      <p class="status-read">
        <Time at={account.readAt} text={t('account.read', { time: clock(account.readAt) })} />
      </p>
    </section>
  );
}

const signOf = (tone: Tone): IconName => (tone === 'good' ? 'check' : tone);

/** Something is the matter and nothing can be done here: say who can. */
function NoWay({ me }: { me: Me }) {
  const { name, phone } = info.use().support;
  const [first = 'ok'] = statesOf(me);
  const stuck = !['ok', 'password-expires-soon', 'outside-hours', 'smartcard'].includes(first);
  if (!stuck || useful(me).length > 0) return null;
  return (
    <>
      <p class="lead">{name ? t('account.nothing', { name }) : t('account.nothing.anon')}</p>
      {first === 'frozen' && <Thaw />}
      {phone && (
        <div class="dock">
          <a class="button primary" href={`tel:${phone.replace(/[^\d+]/g, '')}`}>
            <span>
              <Icon name="call" />
              {t('account.call', { name: name || phone })}
            </span>
          </a>
        </div>
      )}
      <Support />
    </>
  );
}

/** What waits for this person's decision. */
function Reviews({ me }: { me: Me }) {
  if (me.waiting === 0) return null;
  return (
    <Rows>
      <Row href="/inbox" icon="inbox" tone="wait" title={tn('nav.inbox.n', me.waiting)} />
    </Rows>
  );
}

/** What is under way, or is still being watched. */
function Open({ requests }: { requests: Request[] }) {
  const rows = requests.flatMap((r) => {
    const said = openWords(r);
    return said ? [{ r, ...said }] : [];
  });
  if (rows.length === 0) return null;
  return (
    <Rows title={t('account.open')}>
      {rows.slice(0, 3).map(({ r, title, sub, tone }) => (
        <Row key={r.id} href={`/request/${r.id}`} icon={tone === 'stop' ? 'stop' : tone === 'good' ? 'check' : 'wait'} tone={tone} title={title} sub={sub} />
      ))}
    </Rows>
  );
}

/** What a review ended, for whoever closed the page meanwhile. */
function Answers({ requests }: { requests: Request[] }) {
  const list = answers(requests);
  if (list.length === 0) return null;
  return (
    <Rows title={t('account.answer')}>
      {list.map(({ request: r, title, tone }) => (
        <Row key={r.id} href={`/request/${r.id}`} icon={tone === 'wait' ? 'wait' : 'stop'} tone={tone} title={title} sub={`${t(`rv.kind.${r.kind}`)}, ${momentToday(r.updated)}`} />
      ))}
    </Rows>
  );
}

export function openWords(r: Request): { title: string; sub: string; tone: Tone } | null {
  if (isStrange(r)) return { title: t('str.title'), sub: `${t(`rv.kind.${r.kind}`)} · ${t('k.open.until', { time: moment(r.deadline) })}`, tone: 'stop' };
  const watched = r.state === 'done' && r.watchUntil && Date.parse(r.watchUntil) > Date.now();
  if (watched && r.relocked) return { title: t('k.relocked', { time: clock(r.relocked.at) }), sub: '', tone: 'stop' };
  if (watched) return { title: t('k.watched', { time: clock(r.params['since'] ?? r.updated) }), sub: t('k.watched.sub', { time: clock(r.watchUntil) }), tone: 'good' };
  if (r.state === 'unknown' || r.state === 'executing') return { title: t('k.unsettled'), sub: '', tone: 'wait' };
  if (r.state === 'pending') return { title: t('k.pending'), sub: t('k.open.until', { time: moment(r.deadline) }), tone: 'wait' };
  if (r.state === 'approved' || r.state === 'draft')
    return { title: t(`k.open.${r.kind}`), sub: t('k.open.until', { time: moment(r.deadline) }), tone: 'wait' };
  return null;
}

function Actions({ me, main, act, ask }: { me: Me; main: Kind | null; act: Act; ask: (k: Kind) => void }) {
  const kinds = useful(me).filter((k) => k !== main);
  if (kinds.length === 0) return null;
  const locked = me.account.state.includes('locked');
  return (
    <Rows title={t(main ? 'account.else' : 'account.actions')}>
      {kinds.map((k) => (
        <Row key={k} icon={icons[k]} title={t(`k.${k}`)} sub={needsApproval(k) ? t('ask.row') : t((k === 'reset' && locked ? 'k.reset.sub.locked' : `k.${k}.sub`) as Key)} onClick={() => act.busy || ask(k)} />
      ))}
    </Rows>
  );
}

function Facts({ account: a }: { account: AccountType }) {
  return (
    <section class="group">
      <h2 class="group-title">{t('facts.title')}</h2>
      <dl class="facts">
        <Fact name={t('facts.account')}>
          <Mail address={a.name} />
        </Fact>
        {a.department && <Fact name={t('facts.department')}>{a.department}</Fact>}
        {a.passwordSet && !a.state.includes('smartcard') && (
          <Fact name={t('facts.set')}>
            <Time at={a.passwordSet} text={date(a.passwordSet)} />
          </Fact>
        )}
        <Expiry account={a} />
        {a.accountExpires && (
          <Fact name={t(a.state.includes('account-expired') ? 'facts.ended' : 'facts.ends')}>
            <Time at={a.accountExpires} text={date(a.accountExpires)} />
          </Fact>
        )}
      </dl>
    </section>
  );
}

/** When the password runs out; nothing where one is due anyway, or there is none. */
function Expiry({ account: a }: { account: AccountType }) {
  if (a.state.includes('must-change') || a.state.includes('smartcard')) return null;
  if (!a.passwordExpires) return <Fact name={t('facts.expires')}>{t('facts.never')}</Fact>;
  return (
    <Fact name={t(a.state.includes('password-expired') ? 'facts.expired' : 'facts.expires')}>
      <Time at={a.passwordExpires} text={`${date(a.passwordExpires)} (${inDays(a.passwordExpires)})`} />
    </Fact>
  );
}

/** What takes a sign-in with a passkey. */
function Managed() {
  return (
    <>
      {session.get().me?.reviewer && <Row icon="inbox" href="/inbox" title={t('nav.inbox')} />}
      <Row icon="key" href="/passkeys" title={t('nav.passkeys')} />
      <Row icon="once" href="/proofs" title={t('nav.proofs')} />
      <Row icon="bell" href="/devices" title={t('nav.devices')} />
      <Row icon="list" href="/activity" title={t('nav.activity')} />
      <Row icon="box" href="/stored" title={t('nav.stored')} />
    </>
  );
}

function Also({ recovered }: { recovered: boolean }) {
  const act = useAct();
  const [question, setQuestion] = useState<'everywhere' | 'stop' | null>(null);
  const leave = (path: string, body: unknown, ended: string) =>
    act.run(async () => {
      if (ended === 'forgot') await forgetPush();
      await post(path, body);
      forgetAll();
      go('/', { replace: true });
      signedOut(ended);
    });
  const out = (everywhere: boolean) => leave('/api/sign-out', { everywhere }, everywhere ? 'everywhere' : 'out');
  const me = session.get().me;
  const frozen = !me || statesOf(me).includes('frozen');
  return (
    <>
      <div class="also">
        <Rows title={t('account.also')}>
          {!recovered && <Managed />}
          <Row icon="help" href="/help" title={t('nav.help')} />
        </Rows>
      </div>
      <Trouble problem={act.problem} />
      <ul class="rows">
        {!frozen && <Row icon="stop" tone="stop" title={t('freeze.row')} sub={t('freeze.row.sub')} onClick={() => setQuestion('stop')} />}
        <Row icon="out" acts title={t('nav.out')} onClick={() => void out(false)} />
        <Row icon="globe" title={t('nav.everywhere')} onClick={() => setQuestion('everywhere')} />
        <Row icon="phone" acts title={t('nav.forget')} sub={t('stored.forget.sub')} onClick={() => void leave('/api/forget', {}, 'forgot')} />
      </ul>
      {question === 'stop' && <StopAll onKeep={() => setQuestion(null)} />}
      {question === 'everywhere' && (
        <Sheet title={t('nav.everywhere.title')} onClose={() => setQuestion(null)}>
          <p>{t('nav.everywhere.sub')}</p>
          <div class="pair">
            <Button weight="danger" busy={act.busy} onClick={() => void out(true)}>
              {t('nav.everywhere')}
            </Button>
            <Button weight="second" onClick={() => setQuestion(null)}>
              {t('nav.everywhere.keep')}
            </Button>
          </div>
        </Sheet>
      )}
    </>
  );
}
