import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { inbox, INBOX_CACHE, INBOX_PATH } from '../src/sw/inbox';

// As browsers do: a cache that was deleted while somebody holds it lives on for them only.
class Held {
  entries = new Map<string, Response>();
  match = async (path: string) => this.entries.get(path)?.clone();
  put = async (path: string, answer: Response) => void this.entries.set(path, answer);
  delete = async (path: string) => this.entries.delete(path);
}
const named = new Map<string, Held>();
const caches = {
  open: async (name: string) => named.get(name) ?? named.set(name, new Held()).get(name),
  delete: async (name: string) => named.delete(name),
};
const keeps = () => named.get(INBOX_CACHE)?.entries.size ?? 0;

/** What the worker answers, once everything that it does later is done. */
async function ask(answer: () => Promise<Response>): Promise<Response> {
  vi.stubGlobal('fetch', answer);
  const later: Promise<unknown>[] = [];
  const got = await inbox(new Request(`https://latchkey.example.test${INBOX_PATH}`), (work) => later.push(work));
  await Promise.all(later);
  return got;
}

const until = (ms: number) => ({ headers: { 'X-Latchkey-Keep': new Date(Date.now() + ms).toISOString() } });
const own = until(60_000);
const offline = () => Promise.reject(new TypeError('offline'));

beforeEach(() => {
  named.clear();
  vi.stubGlobal('caches', caches);
});
afterEach(() => vi.useRealTimers());

test("on one's own device the last answer is kept, and says when", async () => {
  expect(await (await ask(async () => new Response('{"waiting":[]}', own))).text()).toBe('{"waiting":[]}');
  const again = await ask(offline);
  expect(await again.text()).toBe('{"waiting":[]}');
  expect(again.headers.get('X-Latchkey-Kept')).toBeTruthy();
});

test("on somebody else's device nothing is kept, nor what was before", async () => {
  await ask(async () => new Response('{"waiting":["a"]}', own));
  expect(await (await ask(async () => new Response('{"waiting":["b"]}'))).text()).toBe('{"waiting":["b"]}');
  expect(keeps()).toBe(0);
  expect((await ask(offline)).type).toBe('error');
});

test.each([401, 403])('an answer of %i ends what is kept, a fault does not', async (status) => {
  await ask(async () => new Response('{}', own));
  await ask(async () => new Response('', { status: 503 }));
  expect(keeps()).toBe(1);
  await ask(async () => new Response('', { status }));
  expect(keeps()).toBe(0);
});

test('nothing is shown offline once the session is over', async () => {
  vi.useFakeTimers({ toFake: ['Date'] });
  await ask(async () => new Response('{"waiting":["a"]}', until(60_000)));
  vi.setSystemTime(Date.now() + 59_000);
  expect(await (await ask(offline)).text()).toBe('{"waiting":["a"]}');
  vi.setSystemTime(Date.now() + 2_000);
  expect((await ask(offline)).type).toBe('error');
  expect(keeps()).toBe(0);
});

test('a time that nobody can read keeps nothing', async () => {
  await ask(async () => new Response('{}', { headers: { 'X-Latchkey-Keep': '1' } }));
  expect((await ask(offline)).type).toBe('error');
});

test('an answer on its way when the person leaves is not kept for the next one', async () => {
  const later: Promise<unknown>[] = [];
  let send!: (answer: Response) => void;
  vi.stubGlobal('fetch', () => new Promise<Response>((resolve) => (send = resolve)));
  const asked = inbox(new Request(`https://latchkey.example.test${INBOX_PATH}`), (work) => later.push(work));
  await vi.waitFor(() => expect(send).toBeTruthy());
  await caches.delete(INBOX_CACHE); // the page: signed out
  await ask(async () => new Response('{"waiting":["of ben"]}', own)); // and somebody else in
  vi.stubGlobal('fetch', offline);
  send(new Response('{"waiting":["of anna"]}', own));
  await asked;
  await Promise.all(later);
  expect(await (await ask(offline)).text()).toBe('{"waiting":["of ben"]}');
});
