import { afterEach, expect, test, vi } from 'vitest';
import { get, post } from '../src/lib/api';

afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

const answer = (headers: Record<string, string>) =>
  vi.stubGlobal('fetch', () => Promise.resolve(new Response('{"waiting":[]}', { status: 200, headers: { 'Content-Type': 'application/json', ...headers } })));

test('an answer that the worker kept says when it was given', async () => {
  answer({ 'X-Latchkey-Kept': '2026-11-24T10:00:00Z' });
  expect(await get('/api/inbox')).toEqual({ waiting: [], kept: '2026-11-24T10:00:00Z' });
});

test('an answer of the server says nothing of the kind', async () => {
  answer({});
  expect(await get('/api/inbox')).toEqual({ waiting: [] });
});

test('what is read or begun with nobody at the page says so, and nothing else does', async () => {
  const sent: (string | null)[] = [];
  vi.stubGlobal('fetch', (_: string, { headers }: RequestInit) => {
    sent.push(new Headers(headers).get('X-Latchkey-Unattended'));
    return Promise.resolve(new Response('{}', { status: 200 }));
  });
  vi.useFakeTimers({ now: Date.now() });
  await get('/api/inbox');
  vi.setSystemTime(Date.now() + 61_000);
  await get('/api/inbox');
  await post('/api/reviews/r1/approve/begin');
  await post('/api/reviews/r1/approve/finish');
  await post('/api/sign-out');
  expect(sent).toEqual([null, '1', '1', null, null]);
});
