import { beforeEach, expect, test, vi } from 'vitest';
import { inbox, INBOX_CACHE, INBOX_PATH } from '../src/sw/inbox';

const kept = new Map<string, Response>();
const caches = {
  match: async () => kept.get(INBOX_CACHE)?.clone(),
  delete: async (name: string) => kept.delete(name),
  open: async (name: string) => ({ put: async (_: string, answer: Response) => void kept.set(name, answer) }),
};

/** What the worker answers, once everything that it does later is done. */
async function ask(answer: () => Promise<Response>): Promise<Response> {
  vi.stubGlobal('fetch', answer);
  const later: Promise<unknown>[] = [];
  const got = await inbox(new Request(`https://latchkey.example.test${INBOX_PATH}`), (work) => later.push(work));
  await Promise.all(later);
  return got;
}

const own = { headers: { 'X-Latchkey-Keep': '1' } };
const offline = () => Promise.reject(new TypeError('offline'));

beforeEach(() => {
  kept.clear();
  vi.stubGlobal('caches', caches);
});

test("on one's own device the last answer is kept, and says when", async () => {
  expect(await (await ask(async () => new Response('{"waiting":[]}', own))).text()).toBe('{"waiting":[]}');
  const again = await ask(offline);
  expect(await again.text()).toBe('{"waiting":[]}');
  expect(again.headers.get('X-Latchkey-Kept')).toBeTruthy();
});

test("on somebody else's device nothing is kept, nor what was before", async () => {
  await ask(async () => new Response('{"waiting":["a"]}', own));
  expect(await (await ask(async () => new Response('{"waiting":["b"]}'))).text()).toBe('{"waiting":["b"]}');
  expect(kept.size).toBe(0);
  expect((await ask(offline)).type).toBe('error');
});

test.each([401, 403])('an answer of %i ends what is kept, a fault does not', async (status) => {
  await ask(async () => new Response('{}', own));
  await ask(async () => new Response('', { status: 503 }));
  expect(kept.size).toBe(1);
  await ask(async () => new Response('', { status }));
  expect(kept.size).toBe(0);
});
