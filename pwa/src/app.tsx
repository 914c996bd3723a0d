// The frame around every screen, and the table of addresses.
import { Component, type ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { lang, says, speak, t, tn } from './i18n';
import { asProblem } from './lib/api';
import { later } from './lib/paint';
import { ahead } from './lib/resource';
import { go, match, usePath } from './lib/router';
import { stopLink } from './lib/stop';
import { info, refresh, session, shell } from './lib/session';
import { onReturn } from './lib/sync';
import { closeNotices, showBadge, update, updateReady } from './lib/worker';
import { Failed, Lost } from './screens/trouble';
import { Start } from './screens/start';
import { Icon, Mark, type IconName } from './ui/icons';
import { Skeleton } from './ui/kit';
import { lazy, type Lazy } from './ui/lazy';

interface Route {
  path: string;
  to: Lazy;
  /** Shown without a sign-in. */
  open?: boolean;
  /** What the screen reads first: asked for while it is on its way. */
  reads?: (id: string) => string;
  /** Has something to show without a network. */
  kept?: boolean;
}

const account = lazy(() => import('./screens/account').then((m) => m.Account), says('inside', 'account'));
const request = lazy(() => import('./screens/request').then((m) => m.RequestScreen), says('inside', 'request'));
const review = lazy(() => import('./screens/review').then((m) => m.ReviewScreen), says('inside', 'review', 'errors'));
const enrol = () => import('./screens/enrol');
const keys = () => import('./screens/passkeys');
const pages = () => import('./screens/pages');
const mine = () => import('./screens/mine');
const ofPages = says('pages');
const ofMine = says('inside', 'mine', 'errors');
const ofProofs = says('inside', 'proofs');

const routes: Route[] = [
  { path: '/account', to: account },
  { path: '/request/:id', to: request, reads: (id) => `/api/requests/${encodeURIComponent(id)}` },
  { path: '/ask/:kind', to: lazy(() => import('./screens/request/ask').then((m) => m.Ask), says('inside', 'request', 'more')) },
  { path: '/inbox', to: lazy(() => import('./screens/inbox').then((m) => m.InboxScreen), says('inside', 'more', 'errors')), kept: true },
  { path: '/review/:id', to: review, reads: (id) => `/api/reviews/${encodeURIComponent(id)}` },
  { path: '/passkeys', to: lazy(() => keys().then((m) => m.Passkeys)) },
  { path: '/passkeys/add', to: lazy(() => import('./screens/add').then((m) => m.AddPasskey)) },
  { path: '/passkeys/:id', to: lazy(() => keys().then((m) => m.OnePasskey)) },
  { path: '/proofs', to: lazy(() => import('./screens/proofs').then((m) => m.ProofsScreen), ofProofs) },
  { path: '/recover', to: lazy(() => import('./screens/recover').then((m) => m.Recover), says('inside', 'proofs', 'pages')), open: true },
  { path: '/devices', to: lazy(() => import('./screens/devices').then((m) => m.DevicesScreen)) },
  { path: '/activity', to: lazy(() => mine().then((m) => m.ActivityScreen), ofMine) },
  { path: '/stored', to: lazy(() => mine().then((m) => m.StoredScreen), ofMine) },
  { path: '/help', to: lazy(() => pages().then((m) => m.Help), ofPages), open: true },
  { path: '/about', to: lazy(() => pages().then((m) => m.About), ofPages), open: true },
  { path: '/enrol', to: lazy(() => enrol().then((m) => m.Enrol)), open: true },
  { path: '/freeze', to: lazy(() => import('./screens/freeze').then((m) => m.Freeze), says('inside', 'account', 'more')), open: true },
  { path: '/enrol/try', to: lazy(() => enrol().then((m) => m.Rehearse)) },
  { path: '/enrol/notify', to: lazy(() => import('./screens/enrol-notify').then((m) => m.EnrolNotify)) },
  { path: '/enrol/ready', to: lazy(() => enrol().then((m) => m.Ready)) },
];

/** Asks for what the first screen shows, while its texts and its code are still on their way. */
export function askEarly(path: string): void {
  if (session.get().state !== 'unknown') return;
  for (const route of routes) {
    const params = match(route.path, path);
    if (!params) continue;
    if (!route.open) {
      void refresh();
      readEarly(route, params);
    }
    return;
  }
  if (path === '/') void refresh();
}

function readEarly(route: Route, params: Record<string, string>): void {
  if (route.reads && params.id) ahead(route.reads(params.id));
}

export function App() {
  const path = usePath();
  lang.use(); // every text is read anew, and what was typed stays
  useEffect(() => {
    // The screens of the next tap, once this one can be used.
    const timers = [account, request, review].map((next, i) =>
      setTimeout(() => (next !== review || session.get().me?.reviewer) && next.warm(), 1200 + 250 * i), // one at a time: a tap waits for none
    );
    return () => timers.forEach(clearTimeout);
  }, []);
  useNotices(path);
  return (
    <Frame path={path}>
      <Guarded key={path}>
        <Content path={path} />
      </Guarded>
    </Frame>
  );
}

/** What notifications need of every page: the subscription renewed, the number on the icon, and none about what is on the screen. */
function useNotices(path: string): void {
  const { me, state } = session.use();
  const who = me?.session.recovered ? undefined : me?.signal.userId; // without a passkey nobody is told anything here
  const waiting = me ? me.waiting : state === 'out' ? 0 : null; // null: not known, so the number stays
  useEffect(() => {
    if (!who) return;
    const renew = () => {
      const { me } = session.get();
      if (me) void import('./lib/push').then((m) => m.renewPush(me)).catch(() => undefined); // the next opening tries again
    };
    const soon = later(renew);
    const off = onReturn(renew);
    return () => {
      soon();
      off();
    };
  }, [who]);
  useEffect(() => {
    if (waiting !== null) showBadge(waiting);
  }, [waiting]);
  useEffect(() => {
    const [, kind, id] = path.split('/');
    if (kind === 'inbox') void closeNotices('review').catch(() => undefined); // the one that spoke for several
    if (id && (kind === 'review' || kind === 'request')) void closeNotices(`${kind}-${id}`).catch(() => undefined);
  }, [path]);
}

function Content({ path }: { path: string }) {
  if (path === '/' || path === '/index.html') return <Front />;
  for (const route of routes) {
    const params = match(route.path, path);
    if (!params) continue;
    const screen = <route.to.Screen params={params} />;
    if (route.open) return screen;
    const soon = () => {
      route.to.warm();
      readEarly(route, params);
    };
    return (
      <Private next={path !== '/account'} kept={route.kept} soon={soon}>
        {screen}
      </Private>
    );
  }
  return <Lost />;
}

/** Start, unless this browser is still signed in: that is asked here, so that a
 *  session that is over leads to Start and not to a page that wants a sign-in. */
function Front() {
  const { state, me, problem } = session.use();
  useEffect(() => {
    if (me) go('/account', { replace: true });
    else if (state === 'unknown' && !problem) void refresh();
  }, [state, me, problem]);
  return state === 'out' || problem || (!me && shell === 'start') ? <Start /> : <Skeleton />;
}

/** A screen about the person: shows Start in its place when nobody is signed in. soon gets it ready while that is asked. */
function Private({ next, kept, soon, children }: { next: boolean; kept?: boolean; soon: () => void; children: ComponentChildren }) {
  const { state, me, problem } = session.use();
  useEffect(() => {
    if (state === 'unknown' && !problem) void refresh();
    else if (state === 'loading') soon(); // asked here, or before the first screen
  }, [state, problem]);
  useEffect(() => onReturn(() => session.get().me && void refresh()), []);
  if (state === 'out' || (state !== 'in' && !problem && shell === (next ? 'next' : 'start'))) return <Start next={next} />;
  if (me || (kept && problem?.code === 'network.offline')) return <>{children}</>;
  return problem ? <Failed problem={problem} retry={() => void refresh()} /> : <Skeleton />;
}

/** A fault in a screen shows the error screen instead of nothing. */
class Guarded extends Component<{ children: ComponentChildren }, { error?: unknown }> {
  override state: { error?: unknown } = {};
  override componentDidCatch(error: unknown) {
    this.setState({ error });
  }
  override render() {
    if (this.state.error) return <Failed problem={asProblem(this.state.error)} retry={() => location.reload()} />;
    return this.props.children;
  }
}

const rail: [string, IconName, Parameters<typeof t>[0]][] = [
  ['/account', 'user', 'nav.account'],
  ['/passkeys', 'key', 'nav.passkeys'],
  ['/proofs', 'once', 'nav.proofs'],
  ['/devices', 'bell', 'nav.devices'],
  ['/activity', 'list', 'nav.activity'],
  ['/stored', 'box', 'nav.stored'],
];
const inbox: (typeof rail)[number] = ['/inbox', 'inbox', 'nav.inbox'];
/** What a sign-in without a passkey is not for. */
const withPasskey = ['/inbox', '/passkeys', '/proofs', '/devices', '/activity', '/stored'];
const always: typeof rail = [
  ['/help', 'help', 'nav.help'],
  ['/about', 'info', 'nav.about'],
];

/** Screens that the rail doesn't name, and the one that they belong to. */
const within: [string, string][] = [
  ['/request/', '/account'],
  ['/ask/', '/account'],
  ['/review/', '/inbox'],
  ['/passkeys/', '/passkeys'],
];

function current(path: string, href: string): 'page' | 'true' | undefined {
  if (path === href) return 'page';
  return within.some(([start, of]) => of === href && path.startsWith(start)) ? 'true' : undefined;
}

export function Frame({ path, children }: { path: string; children: ComponentChildren }) {
  const { organisation, demo } = info.use();
  const { state, me } = session.use();
  const inside = state !== 'out'; // also while that is being asked: the rail doesn't jump
  const all = me && (me.reviewer || me.waiting > 0) ? [inbox, ...rail] : rail;
  const mine = me?.session.recovered ? all.filter(([href]) => !withPasskey.includes(href)) : all;
  const main = useRef<HTMLElement>(null);
  return (
    <>
      <a class="skip" href="#main" onClick={(e) => (e.preventDefault(), main.current?.focus())}>
        {t('app.skip')}
      </a>
      <header class="rail">
        <a class="brand" href={inside ? '/account' : '/'}>
          <Mark />
          <span>{t('app.name')}</span>
        </a>
        <p class="rail-org">{organisation}</p>
        <nav aria-label={t('app.menu')}>
          {[...(inside ? mine : []), ...always].map(([href, icon, label]) => (
            <a key={href} href={href} aria-current={current(path, href)}>
              <Icon name={icon} />
              {label === 'nav.inbox' && me?.waiting ? <Waiting n={me.waiting} /> : t(label)}
            </a>
          ))}
        </nav>
        <Language />
      </header>
      <main id="main" ref={main} tabIndex={-1}>
        <Update />
        <Stop path={path} />
        {demo && <p class="demo">{t('app.demo')}</p>}
        {children}
      </main>
    </>
  );
}

/** The inbox's name with the number of what waits. */
function Waiting({ n }: { n: number }) {
  return (
    <>
      <span class="hidden">{tn('nav.inbox.n', n)}</span>
      <span aria-hidden="true">{t('nav.inbox')}</span>
      <span class="count" aria-hidden="true">
        {n}
      </span>
    </>
  );
}

function Language() {
  const other = lang.get() === 'en' ? 'de' : 'en';
  return (
    <button type="button" class="language" lang={other} onClick={() => void speak(other, true)}>
      <Icon name="globe" />
      {t('app.language')}
    </button>
  );
}

/** A message about the account led here: it may be of something that its reader didn't do. */
function Stop({ path }: { path: string }) {
  const link = stopLink.use();
  if (!link || path === '/freeze') return null;
  return (
    <div class="update">
      <span>{t('stop.ask')}</span>
      <button type="button" onClick={() => go(link)}>
        {t('stop.go')}
      </button>
    </div>
  );
}

function Update() {
  if (!updateReady.use()) return null;
  return (
    <div class="update" role="status">
      <span>{t('app.update')}</span>
      <button type="button" onClick={update}>
        {t('app.update.do')}
      </button>
    </div>
  );
}
