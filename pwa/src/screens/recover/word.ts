// Somebody's word on the way in without a passkey: asked for, and waited for. What
// the server answers meanwhile is the same for every name. What is needed to wait on
// is kept in this tab, so that a reload goes on waiting.
import type { Given, Me, Problem, Waited, Waiting } from '../../api-types';
import { asProblem, post } from '../../lib/api';
import { onReturn } from '../../lib/sync';
import { type Draft } from './draft';
import { wants, type Want } from './leads';

/** What is waited for. */
export interface Wait extends Waiting {
  since: string;
  name: string;
  want: Want;
}

const KEY = 'latchkey.waiting';
let here: Wait | null = null; // where storage is switched off

const text = (v: unknown) => (typeof v === 'string' ? v : '');

/** What was kept, as far as it is whole. */
export function readWait(found: unknown): Wait | null {
  const w = (typeof found === 'object' && found !== null ? found : {}) as Partial<Record<keyof Wait, unknown>>;
  const want = wants.find((one) => one === w.want);
  const times = [w.since, w.until].every((at) => !Number.isNaN(Date.parse(text(at))));
  if (!want || !times || !text(w.token) || !/^\d\d$/.test(text(w.number))) return null;
  return { token: text(w.token), number: text(w.number), until: text(w.until), since: text(w.since), name: text(w.name), want };
}

export function keptWait(): Wait | null {
  try {
    return readWait(JSON.parse(sessionStorage.getItem(KEY) ?? 'null'));
  } catch {
    return here;
  }
}

export function keepWait(wait: Wait): void {
  here = wait;
  try {
    sessionStorage.setItem(KEY, JSON.stringify(wait));
  } catch {
    // It holds until the page closes.
  }
}

export function forgetWait(): void {
  here = null;
  try {
    sessionStorage.removeItem(KEY);
  } catch {
    // Nothing was kept.
  }
}

/** Asks whoever may vouch, with what else the alternative wants. */
export async function askWord(draft: Draft, token: string, proofs: Given[]): Promise<Wait> {
  const asked = await post<Waiting>('/api/recover/ask', { token, proofs });
  return { token: asked.token, number: asked.number, until: asked.until, since: new Date().toISOString(), name: draft.name.trim(), want: draft.want };
}

/** Takes it back, for those who were asked. Whether that arrives changes nothing here: what is left ends by itself. */
export function stopWord(token: string): void {
  post('/api/recover/stop', { token }).catch(() => undefined);
}

/** The server is asked this often while the page is seen. */
const EVERY_MS = 5000;

export interface Heard {
  /** Somebody vouched. */
  onIn(me: Me, request: string): void;
  /** The time is up. */
  onOver(): void;
  /** Why it isn't known just now; null when it is. */
  onProblem(problem: Problem | null): void;
}

/** Asks whether somebody vouched until it is over one way or the other. Returns what ends it. */
export function listen(token: string, heard: Heard): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let asking = false;
  let ended = false;
  const end = () => {
    ended = true;
    clearTimeout(timer);
    off();
    window.removeEventListener('online', look);
  };
  const ask = async (): Promise<number> => {
    try {
      const { state, me, request } = await post<Waited>('/api/recover/wait', { token });
      if (ended) return 0;
      heard.onProblem(null);
      if (state !== 'in' || !me) return EVERY_MS;
      end();
      heard.onIn(me, request);
      return 0;
    } catch (e) {
      const problem = asProblem(e);
      if (ended) return 0;
      if (problem.code !== 'ceremony.unknown') {
        heard.onProblem(problem);
        return Math.max(EVERY_MS, (problem.retryAfter ?? 0) * 1000);
      }
      end();
      heard.onOver();
      return 0;
    }
  };
  const look = () => {
    if (ended || asking || document.visibilityState !== 'visible') return;
    clearTimeout(timer);
    asking = true;
    void ask().then((pause) => {
      asking = false;
      if (!ended) timer = setTimeout(look, pause);
    });
  };
  const off = onReturn(look);
  window.addEventListener('online', look);
  look();
  return end;
}
