// The service worker: registered after the first screen, renewed only when the
// person agrees.
import { store } from './sync';

/** True when a new version waits. */
export const updateReady = store(false);

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
  const idle = globalThis.requestIdleCallback ?? ((fn: () => void) => setTimeout(fn, 800));
  idle(() => void register().catch(() => undefined)); // without a worker the app works, only not offline
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
