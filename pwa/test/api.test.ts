import { afterEach, expect, test, vi } from 'vitest';
import { get } from '../src/lib/api';

afterEach(() => vi.unstubAllGlobals());

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
