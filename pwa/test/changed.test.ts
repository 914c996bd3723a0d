import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { renew } from '../src/sw/push';

const OLD_KEY = Uint8Array.from([251, 239, 190]).buffer;
let sent: { path: string; body: Record<string, string> }[] = [];
let asked: unknown[] = [];

const sub = (endpoint: string, key?: ArrayBuffer) =>
  ({ endpoint, options: { applicationServerKey: key ?? null }, toJSON: () => ({ endpoint, keys: { p256dh: 'p', auth: 'a' } }) }) as unknown as PushSubscription;

beforeEach(() => {
  [sent, asked] = [[], []];
  vi.stubGlobal('fetch', (path: string, init: RequestInit = {}) => {
    sent.push({ path: `${init.method ?? 'GET'} ${path}`, body: JSON.parse(String(init.body ?? '{}')) });
    return Promise.resolve(new Response('{}'));
  });
  const subscribe = (options: unknown) => {
    asked.push(options);
    return Promise.resolve(sub('https://push.example.test/made', OLD_KEY));
  };
  vi.stubGlobal('self', { registration: { pushManager: { subscribe } } });
});
afterEach(() => vi.unstubAllGlobals());

test('what the browser changed names what it was, and the key that it was made with', async () => {
  await renew({ oldSubscription: sub('https://push.example.test/old', OLD_KEY), newSubscription: sub('https://push.example.test/new', OLD_KEY) });
  expect(sent).toEqual([
    { path: 'POST /api/devices', body: { endpoint: 'https://push.example.test/new', p256dh: 'p', auth: 'a', replaces: 'https://push.example.test/old', key: '----' } },
  ]);
  expect(asked).toEqual([]);
});

test('what the browser ended is made anew with its own key', async () => {
  await renew({ oldSubscription: sub('https://push.example.test/old', OLD_KEY), newSubscription: null });
  expect(asked).toEqual([{ userVisibleOnly: true, applicationServerKey: OLD_KEY }]);
  expect(sent[0]?.body).toMatchObject({ endpoint: 'https://push.example.test/made', replaces: 'https://push.example.test/old' });
});

test.each([
  ['nobody knows whose it was', null, sub('https://push.example.test/new', OLD_KEY)],
  ['nobody knows its key', sub('https://push.example.test/old'), null],
])('where %s, the page does it at its next opening', async (_, oldSubscription, newSubscription) => {
  await renew({ oldSubscription, newSubscription });
  expect([sent, asked]).toEqual([[], []]);
});
