// The service worker: registered after the first screen, renewed only when the
// person agrees; what it tells the page, and what the page has it show no more.
import { go } from './router';
import { readStop } from './stop';
import { store } from './sync';

/** True when a new version waits. */
export const updateReady = store(false);

/** The last push that reached this browser, and when in ms. */
export const pushed = store({ kind: '', at: 0 });

let waiting: ServiceWorker | null = null;

interface Policies {
  createPolicy(name: string, rules: { createScriptURL(url: string): string }): { createScriptURL(url: string): unknown };
}

/** The one script URL that the content security policy lets through. */
function workerUrl(): string {
  const types = (globalThis as { trustedTypes?: Policies }).trustedTypes;
  if (!types) return '/sw.js';
  const policy = types.createPolicy('app-sw', {
    createScriptURL(url) {
      if (url !== '/sw.js') throw new TypeError(url);
      return url;
    },
  });
  return policy.createScriptURL('/sw.js') as string;
}

export function startWorker(): void {
  if (!('serviceWorker' in navigator) || import.meta.env.DEV) return;
  listen();
  const idle = globalThis.requestIdleCallback ?? ((fn: () => void) => setTimeout(fn, 800));
  idle(() => void register().catch(() => undefined)); // without a worker the app works, only not offline
}

interface Told {
  /** A tap on a notification leads to this path. */
  go?: string;
  /** The kind of a push that was shown. */
  pushed?: string;
}

function listen(): void {
  navigator.serviceWorker.addEventListener('message', ({ data, ports }: MessageEvent<Told | null>) => {
    if (typeof data?.pushed === 'string') pushed.set({ kind: data.pushed, at: Date.now() });
    if (typeof data?.go !== 'string' || !data.go.startsWith('/')) return;
    ports[0]?.postMessage(true);
    const to = new URL(data.go, location.origin);
    if (to.pathname !== location.pathname) go(to.pathname + to.search + to.hash);
    else if (to.hash && to.hash !== location.hash) location.hash = to.hash; // the screen stays, with what was typed
    readStop();
  });
}

/** Takes away the notifications about something that is on the screen. */
export async function closeNotices(tag: string): Promise<void> {
  const registration = await navigator.serviceWorker?.getRegistration('/');
  for (const n of (await registration?.getNotifications?.({ tag })) ?? []) n.close();
}

/** The number on the app's icon, where the platform has one; 0 takes it away. */
export function showBadge(n: number): void {
  navigator.setAppBadge?.(n).catch(() => undefined);
}

async function register(): Promise<void> {
  const registration = await navigator.serviceWorker.register(workerUrl(), { scope: '/' });
  watch(registration);
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible') registration.update().catch(() => undefined);
  });
}

function watch(registration: ServiceWorkerRegistration): void {
  const offer = (worker: ServiceWorker | null) => {
    if (!worker || !navigator.serviceWorker.controller) return;
    waiting = worker;
    updateReady.set(true);
  };
  offer(registration.waiting);
  registration.addEventListener('updatefound', () => {
    const next = registration.installing;
    next?.addEventListener('statechange', () => {
      if (next.state === 'installed') offer(next);
    });
  });
}

/** Takes the new version: the person said so. */
export function update(): void {
  navigator.serviceWorker.addEventListener('controllerchange', () => location.reload(), { once: true });
  waiting?.postMessage('take-over');
}
