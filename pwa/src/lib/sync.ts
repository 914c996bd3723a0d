// What Preact's core hooks lack and we need: a subscription to something outside.
import { useEffect, useReducer, useState } from 'preact/hooks';

export function useSyncExternalStore<T>(subscribe: (fn: () => void) => () => void, read: () => T): T {
  const [, again] = useReducer((n: number) => n + 1, 0);
  const value = read();
  useEffect(() => {
    const off = subscribe(() => again(undefined));
    // A child's effect runs before this one: what it changed would be missed.
    if (read() !== value) again(undefined);
    return off;
  }, [subscribe]);
  return value;
}

/** A value that components share; set tells them all. */
export interface Store<T> {
  get(): T;
  set(value: T): void;
  use(): T;
}

export function store<T>(value: T): Store<T> {
  const listeners = new Set<() => void>();
  const subscribe = (fn: () => void) => {
    listeners.add(fn);
    return () => listeners.delete(fn);
  };
  const get = () => value;
  return {
    get,
    set(next) {
      value = next;
      listeners.forEach((fn) => fn());
    },
    use: () => useSyncExternalStore(subscribe, get),
  };
}

/** Calls fn whenever the person looks at the page again. */
export function onReturn(fn: () => void): () => void {
  const seen = () => document.visibilityState === 'visible' && fn();
  const shown = (e: PageTransitionEvent) => e.persisted && fn();
  document.addEventListener('visibilitychange', seen);
  window.addEventListener('pageshow', shown);
  return () => {
    document.removeEventListener('visibilitychange', seen);
    window.removeEventListener('pageshow', shown);
  };
}

/** 'no' → 'doing' after 400 ms → 'slow' after 4 s, while busy. */
export function useWaiting(busy: boolean): 'no' | 'doing' | 'slow' {
  const [stage, setStage] = useState<'no' | 'doing' | 'slow'>('no');
  useEffect(() => {
    setStage('no');
    if (!busy) return;
    const doing = setTimeout(() => setStage('doing'), 400);
    const slow = setTimeout(() => setStage('slow'), 4000);
    return () => {
      clearTimeout(doing);
      clearTimeout(slow);
    };
  }, [busy]);
  return busy ? stage : 'no';
}
