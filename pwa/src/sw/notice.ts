// What a push becomes, and where a tap on it leads: pure, so that the tests can
// ask anything. Only the worker imports this; a page that did would split the
// worker's file in two.

/** The one payload of all browsers: what a declarative push says is read, the rest is ours. */
interface Payload {
  app_badge?: unknown;
  notification?: unknown;
}

interface Action {
  action: string;
  title: string;
}

export interface Notice {
  title: string;
  options: {
    body: string;
    lang?: string;
    tag?: string;
    renotify?: boolean;
    icon: string;
    badge: string;
    data: { path: string; kind: string };
    actions?: Action[];
    navigate?: string;
  };
  /** What waits, for the app's badge; null when the push doesn't say. */
  badge: number | null;
}

/** What the worker knows of its browser. */
export interface Place {
  origin: string;
  language: string;
  /** Notification.maxActions; 0 where there are none. */
  actions: number;
}

const generic = {
  en: 'There is something new for you. Open Latchkey to see it.',
  de: 'Es gibt etwas Neues für Sie. Öffnen Sie Latchkey, um es zu sehen.',
};

type Loose = Record<string, unknown>;
const record = (v: unknown): Loose => (typeof v === 'object' && v !== null ? (v as Loose) : {});
const text = (v: unknown): string => (typeof v === 'string' ? v : '');

/** Something to show for every push: a browser takes the permission from a worker that shows nothing. */
export function choose(payload: string, at: Place): Notice {
  const whole: Loose & Payload = record(parse(payload));
  const n = record(whole.notification ?? whole);
  const data = record(n.data);
  const kind = text(data.kind);
  const path = within(text(n.navigate), at.origin);
  const notice: Notice = {
    title: text(n.title) || 'Latchkey',
    options: {
      body: text(n.title) ? text(n.body) : generic[at.language.startsWith('de') ? 'de' : 'en'],
      icon: '/icons/icon-192.png',
      badge: '/icons/monochrome-512.png',
      data: { path, kind },
    },
    badge: count(whole.app_badge),
  };
  const { options } = notice;
  if (text(n.lang)) options.lang = text(n.lang);
  if (text(n.tag)) {
    options.tag = text(n.tag);
    // A second copy of the first asking stays quiet; everything else is news.
    options.renotify = kind !== 'review.asked';
  }
  if (at.actions > 0) options.actions = actions(data.actions).slice(0, at.actions);
  // Safari, which has no actions, opens the right page only by itself.
  else options.navigate = at.origin + path;
  return notice;
}

function parse(payload: string): unknown {
  try {
    return JSON.parse(payload);
  } catch {
    return null;
  }
}

const count = (v: unknown) => (Number.isSafeInteger(v) && (v as number) >= 0 ? (v as number) : null);

function actions(v: unknown): Action[] {
  const all = Array.isArray(v) ? v.map(record) : [];
  return all.flatMap((a) => (text(a.action) && text(a.title) ? [{ action: text(a.action), title: text(a.title) }] : []));
}

/** The path of an address of ours; "/" for any other. */
function within(address: string, origin: string): string {
  try {
    const url = new URL(address, origin);
    return url.origin === origin ? url.pathname + url.search + url.hash : '/';
  } catch {
    return '/';
  }
}

/** Where a tap leads. Nothing is decided by it: "deny" opens the page with Deny set, "freeze" the one that asks. */
export function target(data: unknown, action: string, origin: string): string {
  const path = within(text(record(data).path) || '/', origin);
  const [, secret] = path.split('#stop=');
  if (action === 'freeze' && secret) return `/freeze#${secret}`;
  return action === 'deny' ? `${path.split('#')[0]}#deny` : path;
}
