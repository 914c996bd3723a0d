// Options are fetched before the tap and renewed before they run out, so that
// the browser's dialog opens straight from the tap, as iOS wants it.
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import type { Ceremony, Me, Problem } from '../api-types';
import { ApiError, asProblem, post } from './api';
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
  const ready = useRef<{ ceremony: Ceremony; until: number } | null>(null);
  const asking = useRef<Promise<Ceremony> | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const json = JSON.stringify(body);

  const fetchOne = useCallback(() => {
    if (!path) return Promise.reject(new Error('no ceremony'));
    asking.current ??= post<Ceremony>(path, JSON.parse(json))
      .then((ceremony) => {
        ready.current = { ceremony, until: Date.now() + ceremony.timeoutMs - MARGIN_MS };
        return ceremony;
      })
      .finally(() => (asking.current = null));
    return asking.current;
  }, [path, json]);

  useEffect(() => {
    if (!path) return;
    const renew = () => {
      if (document.visibilityState !== 'visible' || fresh(ready.current)) return;
      fetchOne().then(() => setProblem(null), (e) => setProblem(asProblem(e)));
    };
    renew();
    const timer = setInterval(renew, MARGIN_MS / 2);
    const off = onReturn(renew);
    window.addEventListener('online', renew);
    return () => {
      clearInterval(timer);
      off();
      window.removeEventListener('online', renew);
      ready.current = null;
    };
  }, [path, json, fetchOne]);

  const use = useCallback(
    async <T>(fn: (c: Ceremony) => Promise<T>): Promise<T> => {
      const have = fresh(ready.current);
      ready.current = null;
      if (have) return fn(have);
      const asked = await fetchOne();
      ready.current = null;
      return fn(asked);
    },
    [fetchOne],
  );
  return { use, problem };
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
