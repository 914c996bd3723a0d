import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Me } from '../src/api-types';
import { get } from '../src/lib/api';
import { ahead, forgetAll, put, held } from '../src/lib/resource';
import { refresh, refreshAgain, session, signedIn, signedOut } from '../src/lib/session';

const me = (userId: string) => ({ account: {}, options: [], requests: [], passkeys: 1, signal: { rpId: 'localhost', userId, credentialIds: [], name: userId, displayName: userId } }) as unknown as Me;

beforeEach(() => {
  signedIn(me('anna'));
  put('/api/activity', 'what Anna did');
});
afterEach(() => vi.unstubAllGlobals());

test('nothing of a person outlives their session: signed out', () => {
  signedOut('out');
  expect(held('/api/activity')).toBeNull();
});

test('nothing of a person outlives their session: the server ended it', async () => {
  vi.stubGlobal('fetch', () => Promise.resolve(new Response(JSON.stringify({ code: 'session.unknown' }), { status: 401 })));
  await expect(get('/api/me')).rejects.toThrow('session.unknown');
  expect(session.get().state).toBe('out');
  expect(held('/api/activity')).toBeNull();
});

test('nothing of a person outlives their session: somebody else signed in elsewhere in this browser', () => {
  signedIn(me('ben'));
  expect(held('/api/activity')).toBeNull();
});

test('the same person keeps what was read', () => {
  signedIn(me('anna'));
  expect(held('/api/activity')).toBe('what Anna did');
});

test('what is asked ahead is asked once, and forgotten with the rest', () => {
  const fetched = vi.fn(() => Promise.resolve(Response.json({})));
  vi.stubGlobal('fetch', fetched);
  ahead('/api/requests/r1');
  ahead('/api/requests/r1');
  ahead('/api/activity'); // read already
  expect(fetched).toHaveBeenCalledTimes(1);
  forgetAll();
  ahead('/api/requests/r1');
  expect(fetched).toHaveBeenCalledTimes(2);
});

test('what changed while the account was on its way is read after it, once', async () => {
  const answers: ((me: Me) => void)[] = [];
  vi.stubGlobal('fetch', () => new Promise((resolve) => answers.push((me) => resolve(Response.json(me)))));
  void refresh();
  const told = [refreshAgain(), refreshAgain()];
  answers[0]?.({ ...me('anna'), passkeys: 2 });
  await vi.waitFor(() => expect(answers).toHaveLength(2));
  answers[1]?.({ ...me('anna'), passkeys: 3 });
  await Promise.all(told);
  expect(session.get().me?.passkeys).toBe(3);
  expect(answers).toHaveLength(2);
});

test('a session that was over while something changed is not asked about again', async () => {
  const fetched = vi.fn(() => Promise.resolve(new Response(JSON.stringify({ code: 'session.unknown' }), { status: 401 })));
  vi.stubGlobal('fetch', fetched);
  void refresh();
  await refreshAgain();
  expect(session.get()).toMatchObject({ state: 'out', ended: 'over' });
  expect(fetched).toHaveBeenCalledTimes(1);
});
