import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Problem } from '../src/api-types';
import { keeper } from '../src/lib/ceremony';

let answers: (() => Promise<Response>)[] = [];
let asked: string[] = [];
let problem: Problem | null = null;
const ceremony = () => Promise.resolve(new Response(JSON.stringify({ token: `t${asked.length}`, timeoutMs: 300_000, publicKey: {} })));
const refused = (status: number, code = 'review.closed') => () => Promise.resolve(new Response(JSON.stringify({ code }), { status }));
const told = (p: Problem | null) => void (problem = p);
const settled = () => vi.advanceTimersByTimeAsync(0);

beforeEach(() => {
  [answers, asked, problem] = [[], [], null];
  vi.useFakeTimers();
  vi.stubGlobal('document', { visibilityState: 'visible' });
  vi.stubGlobal('fetch', (path: string) => {
    asked.push(path);
    return (answers.shift() ?? ceremony)();
  });
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

test('options are there before the tap, serve once, and are renewed before they run out', async () => {
  const k = keeper('/api/x/begin', '{}', told);
  k.shown();
  await settled();
  k.renew();
  expect(asked).toHaveLength(1);
  expect(await k.use((c) => Promise.resolve(c.token))).toBe('t1');
  expect(await k.use((c) => Promise.resolve(c.token))).toBe('t2');
  k.renew();
  await settled();
  vi.setSystemTime(Date.now() + 269_000);
  k.renew();
  expect(asked).toHaveLength(3);
  vi.setSystemTime(Date.now() + 2_000);
  k.renew();
  expect(asked).toHaveLength(4);
});

test.each([403, 409])('what was refused with %i is asked for again when somebody looks, and by no timer', async (status) => {
  answers = [refused(status)];
  const k = keeper('/api/x/begin', '{}', told);
  k.shown();
  await settled();
  expect(problem?.code).toBe('review.closed');
  for (let i = 0; i < 5; i++) k.renew();
  expect(asked).toHaveLength(1);
  k.shown();
  await settled();
  expect(asked).toHaveLength(2);
  expect(problem).toBeNull();
});

test('a tap after a refusal asks, and what is granted then is renewed again', async () => {
  answers = [refused(409)];
  const k = keeper('/api/x/begin', '{}', told);
  k.shown();
  await settled();
  await k.use(() => Promise.resolve());
  k.renew();
  expect(asked).toHaveLength(3);
});

test.each([['no network', () => Promise.reject(new TypeError('offline'))], ['a fault', refused(503)], ['too often', refused(429, 'limit.reached')]])('after %s the timer goes on', async (_, answer) => {
  answers = [answer];
  const k = keeper('/api/x/begin', '{}', told);
  k.shown();
  await settled();
  expect(problem).not.toBeNull();
  k.renew();
  await settled();
  expect(asked).toHaveLength(2);
  expect(problem).toBeNull();
});

test('a screen that is gone asks and is told nothing', async () => {
  answers = [refused(409)];
  const k = keeper('/api/x/begin', '{}', told);
  k.shown();
  k.end();
  await settled();
  k.renew();
  expect(problem).toBeNull();
  expect(asked).toHaveLength(1);
});
