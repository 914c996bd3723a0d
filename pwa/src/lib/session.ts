// Who is signed in, and what the installation says about itself.
import type { Info, Me } from '../api-types';
import { asProblem, get, onUnauthorised } from './api';
import type { Problem } from '../api-types';
import { forgetAll, forgetEarly } from './resource';
import { store } from './sync';
import { signalAccepted } from './webauthn';
import { keep, kept, drop } from './keep';

export interface Session {
  /** 'unknown' until asked; 'out' when nobody is signed in. */
  state: 'unknown' | 'loading' | 'in' | 'out';
  me: Me | null;
  problem: Problem | null;
  /** Why the session ended, to say it on Start. */
  ended: string;
}

const none: Session = { state: 'unknown', me: null, problem: null, ended: '' };

export const session = store<Session>({ ...none, state: kept('in') ? 'unknown' : 'out' });

/** Which screen the document came with: the server saw no session, or saw one. */
export const shell = document.querySelector<HTMLElement>('#app')?.dataset.shell ?? '';

let readAt = 0;

/** Where the worker keeps the last inbox, for reading it offline. */
export const INBOX_CACHE = 'latchkey-inbox';

/** Nothing of a person's inbox outlives their session, or waits here for the next one. */
function forgetInbox(): void {
  void globalThis.caches?.delete(INBOX_CACHE).catch(() => undefined);
}

if (!kept('in')) forgetInbox();

/** Takes what sign-in or /api/me answered. Another tab may have signed in somebody else. */
export function signedIn(me: Me): void {
  const who = me.signal.userId.slice(0, 16);
  const before = session.get().me;
  if (before ? before.signal.userId !== me.signal.userId : kept('who') !== who) forgetAll(); // what was asked ahead is theirs
  if (kept('who') !== who) forgetInbox();
  keep('who', who);
  keep('in', '1');
  readAt = Date.now();
  session.set({ state: 'in', me, problem: null, ended: '' });
  signalAccepted(me.signal);
}

/** Forgets who was signed in, and all that was read of them; ended is a catalogue key's end ("out", "over"). */
export function signedOut(ended: string): void {
  drop('in');
  drop('who');
  forgetAll();
  forgetInbox();
  session.set({ ...none, state: 'out', ended });
}

onUnauthorised(({ code }) => {
  if (!code.startsWith('session.')) return;
  if (session.get().state !== 'out') signedOut(session.get().state === 'in' ? 'over' : '');
});

let asking: Promise<void> | null = null;

/** Reads /api/me again if it is older; keeps what is shown until the answer is there. */
export function refresh(olderThanMs = 0): Promise<void> {
  if (olderThanMs > 0 && Date.now() - readAt < olderThanMs) return Promise.resolve();
  asking ??= ask().finally(() => (asking = null));
  return asking;
}

/** Reads /api/me after something changed: an answer that is on its way may be older than that. */
export async function refreshAgain(): Promise<void> {
  await asking;
  if (session.get().state !== 'out') await refresh();
}

async function ask(): Promise<void> {
  const before = session.get();
  session.set({ ...before, state: before.me ? 'in' : 'loading', problem: null });
  try {
    signedIn(await get<Me>('/api/me'));
  } catch (e) {
    forgetEarly();
    const now = session.get();
    if (now.state !== 'out') session.set({ ...now, state: now.me ? 'in' : 'unknown', problem: asProblem(e) });
  }
}

const nobody: Info = { organisation: '', support: { name: '', phone: '', hours: '', mail: '' }, version: '', demo: false, languages: ['en', 'de'], recovery: [], recoveryKinds: [], attribute: null };

/** /api/info as last seen: error and offline screens need it without a network. */
export const info = store<Info>(readInfo());

function readInfo(): Info {
  try {
    return { ...nobody, ...(JSON.parse(kept('info') ?? '{}') as Partial<Info>) };
  } catch {
    return nobody;
  }
}

export async function loadInfo(): Promise<void> {
  try {
    const fresh = await get<Info>('/api/info');
    keep('info', JSON.stringify(fresh));
    info.set({ ...nobody, ...fresh });
  } catch {
    // What was seen last still stands; the page's own request says what is wrong.
  }
}
