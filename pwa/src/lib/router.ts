// A router of one screenful: the path is the state, the browser's history is the
// stack, and a screen that must not be left unseen can hold a guard.
import { useSyncExternalStore } from './sync';

let path = location.pathname;
let guard: ((leave: () => void) => boolean) | null = null;
const listeners = new Set<() => void>();
const emit = () => listeners.forEach((fn) => fn());

function subscribe(fn: () => void): () => void {
  listeners.add(fn);
  return () => listeners.delete(fn);
}

/** The current path; the component renders again when it changes. */
export const usePath = () => useSyncExternalStore(subscribe, () => path);

/** Goes to a path of ours. With replace, back skips where we were. */
export function go(to: string, how: { replace?: boolean; force?: boolean } = {}): void {
  if (!how.force && guard && !guard(() => go(to, { ...how, force: true }))) return;
  guard = null;
  history[how.replace ? 'replaceState' : 'pushState']({ ours: true }, '', to);
  moved();
  window.scrollTo(0, 0);
}

/** What a screen wrote down at its place in the history, for a reload or the way back; null for nothing. */
export const noted = <T>(): T | null => (history.state as { noted?: T } | null)?.noted ?? null;

/** Writes it down. It stays in this tab's history; never a secret. */
export function note(value: unknown): void {
  try {
    history.replaceState({ ...(history.state as object | null), noted: value }, '');
  } catch {
    // Some browsers allow only so many in a while: a reload would lose it.
  }
}

/** Back where the person came from, or up when the page was opened directly. */
export function back(up: string): void {
  if ((history.state as { ours?: boolean } | null)?.ours && history.length > 1) history.back();
  else go(up, { replace: true });
}

/**
 * Holds the screen: fn answers false to stay, and may call leave later. Returns
 * the release.
 */
export function hold(fn: (leave: () => void) => boolean): () => void {
  guard = fn;
  const unload = (e: BeforeUnloadEvent) => e.preventDefault();
  window.addEventListener('beforeunload', unload);
  return () => {
    if (guard === fn) guard = null;
    window.removeEventListener('beforeunload', unload);
  };
}

function moved(): void {
  path = location.pathname;
  emit();
}

function popped(): void {
  const wanted = location.pathname + location.hash;
  if (guard && !guard(() => go(wanted, { force: true, replace: true }))) {
    history.pushState({ ours: true }, '', path);
    return;
  }
  guard = null;
  moved();
}

function clicked(e: MouseEvent): void {
  const a = (e.target as Element | null)?.closest?.('a');
  if (!a || e.defaultPrevented || e.button !== 0 || e.metaKey || e.ctrlKey || e.shiftKey || e.altKey) return;
  if (a.origin !== location.origin || a.target || a.hasAttribute('download') || a.pathname.startsWith('/api/')) return;
  if (a.hash && a.pathname === location.pathname) return;
  e.preventDefault();
  go(a.pathname + a.search + a.hash);
}

/** Starts listening: once, at the start. */
export function startRouter(): void {
  window.addEventListener('popstate', popped);
  document.addEventListener('click', clicked);
}

/** Matches "/passkeys/:id"; null, or the parts by name. */
export function match(pattern: string, at: string): Record<string, string> | null {
  const want = pattern.split('/');
  const have = at.replace(/\/$/, '').split('/');
  if (want.length !== have.length && pattern !== '/') return null;
  if (pattern === '/') return at === '/' ? {} : null;
  const found: Record<string, string> = {};
  for (const [i, w] of want.entries()) {
    const h = have[i] ?? '';
    if (w.startsWith(':')) {
      if (!h) return null;
      try {
        found[w.slice(1)] = decodeURIComponent(h);
      } catch {
        return null;
      }
    } else if (w !== h) return null;
  }
  return found;
}
