// The service worker keeps the shell and the last inbox readable without a
// network, shows notifications and opens what they are about. It decides nothing,
// and takes over only when the person agreed to the new version.
import { inbox, INBOX_CACHE, INBOX_PATH } from './inbox';
import { follow, renew, show, type Changed } from './push';

declare const self: ServiceWorkerGlobalScope;
/** Filled in by the build: every file of the shell. */
declare const __SHELL__: string[];
declare const __VERSION__: string;

const SHELL = __SHELL__;
const CACHE = `latchkey-${__VERSION__}`;
const NAVIGATION_MS = 4000;

self.addEventListener('install', (event) => {
  event.waitUntil(fill());
});

self.addEventListener('activate', (event) => {
  event.waitUntil(sweep().then(() => self.clients.claim()));
});

self.addEventListener('message', (event) => {
  if (event.data === 'take-over') event.waitUntil(self.skipWaiting());
});

self.addEventListener('fetch', (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== 'GET' || url.origin !== self.location.origin) return;
  if (url.pathname === INBOX_PATH) event.respondWith(inbox(request, (work) => event.waitUntil(work.catch(() => undefined))));
  else if (url.pathname.startsWith('/api/')) return;
  else if (request.mode === 'navigate') event.respondWith(navigate(request));
  else if (SHELL.includes(url.pathname)) event.respondWith(fromCache(request, url.pathname));
});

self.addEventListener('push', (event) => {
  event.waitUntil(show(event.data?.text() ?? ''));
});

self.addEventListener('notificationclick', (event) => {
  event.waitUntil(follow(event));
});

self.addEventListener('pushsubscriptionchange', (event) => {
  (event as ExtendableEvent).waitUntil(renew(event as Changed).catch(() => undefined));
});

/** Past the browser's cache, so that a version is whole. */
async function fill(): Promise<void> {
  const cache = await caches.open(CACHE);
  await cache.addAll(SHELL.map((path) => new Request(path, { cache: 'reload' })));
}

async function sweep(): Promise<void> {
  const old = (await caches.keys()).filter((name) => name.startsWith('latchkey-') && name !== CACHE && name !== INBOX_CACHE);
  await Promise.all(old.map((name) => caches.delete(name)));
}

/** The network first; the shell when there is none, or it is too slow. */
async function navigate(request: Request): Promise<Response> {
  const shell = () => caches.match('/index.html', { cacheName: CACHE });
  try {
    return await fetch(request, { signal: AbortSignal.timeout(NAVIGATION_MS) });
  } catch {
    return (await shell()) ?? Response.error();
  }
}

async function fromCache(request: Request, path: string): Promise<Response> {
  return (await caches.match(path, { cacheName: CACHE })) ?? fetch(request);
}
