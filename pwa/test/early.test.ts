import { beforeEach, expect, test, vi } from 'vitest';

const asked: string[] = [];
let offline: boolean;
beforeEach(() => {
  vi.resetModules();
  vi.stubGlobal('latchkeyEarly', undefined);
  asked.length = 0;
  offline = false;
  vi.stubGlobal('fetch', (path: string) => {
    asked.push(path);
    return offline ? Promise.reject(new TypeError('no network')) : new Promise(() => undefined); // still on its way
  });
  const kept = new Map<string, string>();
  vi.stubGlobal('localStorage', { getItem: (k: string) => kept.get(k) ?? null, setItem: (k: string, v: string) => kept.set(k, v), removeItem: (k: string) => kept.delete(k) });
});

async function open(path: string, signedIn: boolean): Promise<string[]> {
  const { keep } = await import('../src/lib/keep');
  if (signedIn) keep('in', '1');
  const { askEarly } = await import('../src/app');
  askEarly(path);
  return asked;
}

test.each([
  ['/', ['/api/me']],
  ['/account', ['/api/me']],
  ['/request/01a2', ['/api/me', '/api/requests/01a2']],
  ['/review/01a2', ['/api/me', '/api/reviews/01a2']],
  ['/help', []],
  ['/enrol', []],
  ['/nowhere', []],
])('%s asks for what its first screen shows before anything is rendered', async (path, wanted) => {
  expect(await open(path, true)).toEqual(wanted);
});

test('where nobody was signed in nothing is asked for', async () => {
  expect(await open('/request/01a2', false)).toEqual([]);
});

test('what was asked for early is not asked for again', async () => {
  await open('/request/01a2', true);
  const [{ refresh }, { ahead }] = await Promise.all([import('../src/lib/session'), import('../src/lib/resource')]);
  void refresh();
  ahead('/api/requests/01a2');
  expect(asked).toEqual(['/api/me', '/api/requests/01a2']);
});

test('what failed when it was asked for early is asked for again', async () => {
  offline = true;
  await open('/request/01a2', true);
  const [{ refresh, session }, { ahead }] = await Promise.all([import('../src/lib/session'), import('../src/lib/resource')]);
  await vi.waitFor(() => expect(session.get().problem?.code).toBe('network.offline'));
  offline = false;
  void refresh();
  ahead('/api/requests/01a2');
  expect(asked).toEqual(['/api/me', '/api/requests/01a2', '/api/me', '/api/requests/01a2']);
});

test('what was asked for early is old once it could not be said whose it is', async () => {
  vi.stubGlobal('fetch', (path: string) => {
    asked.push(path);
    return path === '/api/me' ? Promise.reject(new TypeError('no network')) : new Promise(() => undefined);
  });
  await open('/request/01a2', true);
  const [{ session }, { ahead }] = await Promise.all([import('../src/lib/session'), import('../src/lib/resource')]);
  await vi.waitFor(() => expect(session.get().problem?.code).toBe('network.offline'));
  ahead('/api/requests/01a2');
  expect(asked).toEqual(['/api/me', '/api/requests/01a2', '/api/requests/01a2']);
});

test.each([
  ['/account', ['/api/me']],
  ['/request/01a2', ['/api/me', '/api/requests/01a2']],
  ['/review/01a2', ['/api/me', '/api/reviews/01a2']],
  ['/request/a%2Fb', ['/api/me', '/api/requests/a%2Fb']], // no id of ours: left to the app
])('%s: what the document’s first script asked for the app asks for no more', async (path, wanted) => {
  vi.stubGlobal('location', { ...location, pathname: path });
  localStorage.setItem('latchkey.in', '1');
  await import('../src/early');
  expect(asked.length).toBeGreaterThan(0);
  expect(await open(path, true)).toEqual(wanted);
  const { refresh, session } = await import('../src/lib/session');
  session.set({ ...session.get(), state: 'unknown' });
  void refresh(); // still the one that is on its way
  expect(asked).toEqual(wanted);
});

test('the document’s first script asks for nothing where nobody was signed in', async () => {
  vi.stubGlobal('location', { ...location, pathname: '/request/01a2' });
  await import('../src/early');
  expect(asked).toEqual([]);
});

test('an answer that was asked for early serves once', async () => {
  vi.stubGlobal('latchkeyEarly', { '/api/me': Promise.resolve(new Response('{"early":true}')) });
  vi.stubGlobal('fetch', () => Promise.resolve(new Response('{"early":false}')));
  const { get } = await import('../src/lib/api');
  expect([await get('/api/me'), await get('/api/me')]).toEqual([{ early: true }, { early: false }]);
});

test('the document’s first script asks for nothing where the app was here before', async () => {
  vi.stubGlobal('location', { ...location, pathname: '/request/01a2' });
  await open('/request/01a2', true);
  expect(asked).toEqual(['/api/me', '/api/requests/01a2']);
  await import('../src/early');
  expect(asked).toEqual(['/api/me', '/api/requests/01a2']);
});

test('nothing that was asked for early is taken after somebody was signed out', async () => {
  const over = () => Promise.resolve(new Response('{"code":"session.unknown"}', { status: 401, headers: { 'Content-Type': 'application/problem+json' } }));
  vi.stubGlobal('latchkeyEarly', { '/api/me': over(), '/api/requests/01a2': over() });
  const [{ get }, { refresh, session, signedIn }] = await Promise.all([import('../src/lib/api'), import('../src/lib/session')]);
  session.set({ ...session.get(), state: 'unknown' });
  await refresh();
  expect(session.get().state).toBe('out');
  vi.stubGlobal('fetch', (path: string) => Promise.resolve(new Response(JSON.stringify({ path }))));
  signedIn({ signal: { userId: 'somebody', credentialIds: [] } } as unknown as Parameters<typeof signedIn>[0]);
  expect(await get('/api/requests/01a2')).toEqual({ path: '/api/requests/01a2' });
  expect(session.get().state).toBe('in');
});
