// The service worker keeps the shell readable without a network. It never
// touches /api, and takes over only when the person agreed to the new version.
declare const self: ServiceWorkerGlobalScope;
/** Filled in by the build: every file of the shell. */
declare const __SHELL__: string[];
declare const __VERSION__: string;

export {};

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
  if (request.method !== 'GET' || url.origin !== self.location.origin || url.pathname.startsWith('/api/')) return;
  if (request.mode === 'navigate') event.respondWith(navigate(request));
  else if (__SHELL__.includes(url.pathname)) event.respondWith(fromCache(request, url.pathname));
});

/** Past the browser's cache, so that a version is whole. */
async function fill(): Promise<void> {
  const cache = await caches.open(CACHE);
  await cache.addAll(__SHELL__.map((path) => new Request(path, { cache: 'reload' })));
}

async function sweep(): Promise<void> {
  const old = (await caches.keys()).filter((name) => name.startsWith('latchkey-') && name !== CACHE);
  await Promise.all(old.map((name) => caches.delete(name)));
}

/** The network first; the shell when there is none, or it is too slow. */
async function navigate(request: Request): Promise<Response> {
  const shell = () => caches.match('/', { cacheName: CACHE });
  try {
    return await fetch(request, { signal: AbortSignal.timeout(NAVIGATION_MS) });
  } catch {
    return (await shell()) ?? Response.error();
  }
}

async function fromCache(request: Request, path: string): Promise<Response> {
  return (await caches.match(path, { cacheName: CACHE })) ?? fetch(request);
}
