// Reads something of the server for a screen: cached by path so that going back
// shows it at once, and read again whenever the person returns to the page.
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import type { Problem } from '../api-types';
import { asProblem, dropEarly, get } from './api';
import { onReturn } from './sync';

const cache = new Map<string, unknown>();

/** Puts what an answer already told, so that the next screen need not wait. */
export function put<T>(path: string, value: T): void {
  cache.set(path, value);
}

/** What was read of a path, or null. */
export const held = <T>(path: string): T | null => (cache.get(path) as T | undefined) ?? null;

/** Forgets everything read: when the person leaves, or is another one. */
export function forgetAll(): void {
  cache.clear();
  forgetEarly();
}

const early = new Map<string, Promise<unknown>>();

/** Forgets what was asked ahead: by the time that it is wanted it is old. */
export function forgetEarly(): void {
  early.clear();
  dropEarly();
}

/** Asks for what a screen will read, while that screen is still on its way. */
export function ahead(path: string): void {
  if (cache.has(path) || early.has(path)) return;
  const asked = get(path);
  // The screen says it if it is there by then; later it asks again.
  asked.catch(() => early.get(path) === asked && early.delete(path));
  early.set(path, asked);
}

/** What was asked ahead; once, since the next reading wants what is new. */
function asked<T>(path: string): Promise<T> | undefined {
  const found = early.get(path) as Promise<T> | undefined;
  early.delete(path);
  return found;
}

export interface Resource<T> {
  data: T | null;
  problem: Problem | null;
  loading: boolean;
  reload(): Promise<void>;
  /** Reads again unasked: what was wrong stays said until there is an answer. */
  reread(): void;
  set(value: T): void;
}

export function useResource<T>(path: string): Resource<T> {
  const [, again] = useState(0);
  const state = useRef({ problem: null as Problem | null, loading: true });
  const live = useRef<AbortController | null>(null);

  const read = useCallback(async (quiet: boolean) => {
    live.current?.abort();
    const mine = (live.current = new AbortController());
    state.current = { problem: quiet ? state.current.problem : null, loading: true };
    again((n) => n + 1);
    try {
      const value = await (asked<T>(path) ?? get<T>(path, mine.signal));
      if (mine.signal.aborted) return;
      cache.set(path, value);
      state.current = { problem: null, loading: false };
    } catch (e) {
      if (mine.signal.aborted) return;
      state.current = { problem: asProblem(e), loading: false };
    }
    again((n) => n + 1);
  }, [path]);
  const reload = useCallback(() => read(false), [read]);
  const reread = useCallback(() => void read(true), [read]);

  const set = useCallback(
    (value: T) => {
      live.current?.abort();
      cache.set(path, value);
      state.current = { problem: null, loading: false };
      again((n) => n + 1);
    },
    [path],
  );

  useEffect(() => {
    void reload();
    const off = onReturn(reread);
    return () => {
      off();
      live.current?.abort();
    };
  }, [reload, reread]);

  return { data: held<T>(path), ...state.current, reload, reread, set };
}
