// Options are fetched before the tap and renewed before they run out, so that
// the browser's dialog opens straight from the tap, as iOS wants it.
import { useEffect, useMemo, useState } from 'preact/hooks';
import type { Ceremony, Me, Problem } from '../api-types';
import { ApiError, asProblem, post } from './api';
import { afterPaint } from './paint';
import { onReturn } from './sync';
import { assert, signalUnknown } from './webauthn';

/** Renewed when less than this much of the server's time is left. */
const MARGIN_MS = 30_000;

export interface Ready {
  /** Runs fn with fresh options; at once when they are here. Each set serves once. */
  use<T>(fn: (c: Ceremony) => Promise<T>): Promise<T>;
  /** Why there are none: known before the tap, so that nobody taps in vain. */
  problem: Problem | null;
}

/** Keeps options of one ceremony ready while the screen is shown. */
export function useCeremony(path: string | null, body: unknown = {}): Ready {
  const [problem, setProblem] = useState<Problem | null>(null);
  const json = JSON.stringify(body);
  const options = useMemo(() => keeper(path, json, setProblem), [path, json]);
  useEffect(() => {
    if (!path) return;
    const soon = afterPaint(options.shown); // nobody taps what isn't there yet
    const timer = setInterval(options.renew, MARGIN_MS / 2);
    const off = onReturn(options.shown);
    window.addEventListener('online', options.shown);
    return () => {
      soon();
      clearInterval(timer);
      off();
      window.removeEventListener('online', options.shown);
      options.end();
    };
  }, [path, options]);
  return { use: options.use, problem };
}

interface Keeper {
  use: Ready['use'];
  /** By the timer: a refusal is not asked for again, since each is an event in the log. */
  renew(): void;
  /** Somebody looks: what was refused may be granted now. */
  shown(): void;
  end(): void;
}

/** The options of one ceremony, apart from the screen that shows it. */
export function keeper(path: string | null, json: string, tell: (problem: Problem | null) => void): Keeper {
  let ready: { ceremony: Ceremony; until: number } | null = null;
  let asking: Promise<Ceremony> | null = null;
  let refused = false;
  let ended = false;

  const fetchOne = () => {
    if (!path) return Promise.reject(new Error('no ceremony'));
    asking ??= post<Ceremony>(path, JSON.parse(json))
      .then((ceremony) => {
        ready = { ceremony, until: Date.now() + ceremony.timeoutMs - MARGIN_MS };
        refused = false;
        return ceremony;
      })
      .catch((e) => {
        refused = isRefusal(e);
        throw e;
      })
      .finally(() => (asking = null));
    return asking;
  };
  const renew = () => {
    if (ended || refused || document.visibilityState !== 'visible' || fresh(ready)) return;
    fetchOne().then(
      () => ended || tell(null),
      (e) => ended || tell(asProblem(e)),
    );
  };
  return {
    renew,
    shown() {
      refused = false;
      renew();
    },
    async use(fn) {
      const have = fresh(ready);
      ready = null;
      if (have) return fn(have);
      const asked = await fetchOne();
      ready = null;
      return fn(asked);
    },
    end() {
      ended = true;
      ready = null;
    },
  };
}

/** The server said no; without a network, or too often, it may say yes by itself. */
function isRefusal(e: unknown): boolean {
  const status = e instanceof ApiError ? e.problem.status : 0;
  return status >= 400 && status < 500 && status !== 429;
}

function fresh(r: { ceremony: Ceremony; until: number } | null): Ceremony | null {
  return r && Date.now() < r.until ? r.ceremony : null;
}

/** Signs in with whatever passkey the person chooses. */
export async function signIn(c: Ceremony, remember: boolean): Promise<Me> {
  const credential = await assert(c);
  try {
    return await post<Me>('/api/sign-in/finish', { token: c.token, credential, remember });
  } catch (e) {
    if (e instanceof ApiError && e.problem.code === 'passkey.unknown') signalUnknown(c.publicKey, credential);
    throw e;
  }
}
