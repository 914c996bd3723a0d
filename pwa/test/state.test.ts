import { beforeAll, expect, test } from 'vitest';
import type { Account, AccountState, Kind, Me } from '../src/api-types';
import { says, speak } from '../src/i18n';
import { match } from '../src/lib/router';
import { primary, renewed, statesOf, useful, words, type Standing } from '../src/screens/state';

beforeAll(() => speak('en').then(says('inside', 'account')));

const account = (...state: AccountState[]) =>
  ({ state, lockedSince: '2026-11-24T10:20:00Z', lockedUntil: '2026-11-24T10:52:00Z', badPasswords: 6, lastBad: '', passwordExpires: '2026-11-27T10:00:00Z', accountExpires: '', nextLogon: '' }) as Account;
const me = (allowed: Kind[], ...state: AccountState[]) => ({ account: account(...state), options: allowed.map((kind) => ({ kind, allowed: true, code: '' })), requests: [], session: { recovered: false, signedIn: '2026-11-24T10:00:00Z' } }) as unknown as Me;
const all: Kind[] = ['unlock', 'reset', 'change', 'one-time'];

test.each<[string, Me, Kind | null]>([
  ['locked: unlock', me(all, 'locked'), 'unlock'],
  ['locked and unlock not allowed: a new password', me(['reset'], 'locked'), 'reset'],
  ['expired: a new password', me(['reset', 'change'], 'password-expired'), 'reset'],
  ['expires soon: change', me(['reset', 'change'], 'password-expires-soon'), 'change'],
  ['fine: nothing is pressed on anybody', me(['reset', 'change'], 'ok'), null],
  ['disabled: nothing here', me(all, 'disabled', 'locked'), null],
  ['nothing allowed', me([], 'locked'), null],
])('the large button: %s', (_, who, want) => expect(primary(who)).toBe(want));

test('whoever came without a passkey is offered a new one, and nobody else', () => {
  const who = me([...all, 'enrol'], 'ok');
  expect([useful(who).includes('enrol'), primary(who)]).toEqual([false, null]);
  who.session.recovered = true;
  expect([useful(who).includes('enrol'), primary(who)]).toEqual([true, 'enrol']);
  who.account = account('locked');
  expect(primary(who)).toBe('unlock'); // first back in
});

test('whoever made a new passkey in that sign-in is not asked to make one again', () => {
  const who = me([...all, 'enrol'], 'ok');
  who.session.recovered = true;
  const made = (kind: Kind, state: string, updated: string) => {
    who.requests = [{ kind, state, updated }] as Me['requests'];
    return [renewed(who), primary(who)];
  };
  expect(made('enrol', 'done', '2026-11-24T10:00:05Z')).toEqual([true, null]);
  expect(made('enrol', 'approved', '2026-11-24T10:00:05Z')).toEqual([false, 'enrol']);
  expect(made('enrol', 'done', '2026-11-24T09:59:59Z')).toEqual([false, 'enrol']); // before, and lost since
  expect(made('unlock', 'done', '2026-11-24T10:00:05Z')).toEqual([false, 'enrol']);
  who.session.recovered = false;
  expect(made('enrol', 'done', '2026-11-24T10:00:05Z')).toEqual([false, null]);
});

test('what is not allowed is not offered', () => {
  const who = me(['change'], 'ok');
  who.options.push({ kind: 'reset', allowed: false, code: 'policy.not-allowed', approval: false });
  expect(useful(who)).toEqual(['change']);
});

test('a frozen account is never said to be fine', () => {
  const who = me([], 'ok');
  expect(statesOf(who)).toEqual(['ok']);
  who.options.push({ kind: 'reset', allowed: false, code: 'account.frozen', approval: false });
  expect(statesOf(who)).toEqual(['frozen']);
  who.account = account('locked');
  expect(statesOf(who)).toEqual(['frozen', 'locked']);
  expect(primary(who)).toBeNull();
});

test('a frozen account is said to be one, and offered nothing, whatever the options are', () => {
  for (const options of [[], [{ kind: 'reset', allowed: false, code: 'account.protected' }], [{ kind: 'reset', allowed: true, code: '' }]] as unknown as Me['options'][]) {
    const who = { ...me([], 'ok'), frozen: true, options };
    expect(statesOf(who)).toEqual(['frozen']);
    expect([useful(who), primary(who)]).toEqual([[], null]);
    expect(statesOf({ ...who, account: account('protected') })).toEqual(['frozen', 'protected']);
    who.account = account('locked');
    expect(primary(who)).toBeNull();
  }
});

test('every state has a title and a line', () => {
  const states: Standing[] = ['frozen', 'ok', 'locked', 'disabled', 'account-expired', 'must-change', 'password-expired', 'password-expires-soon', 'outside-hours', 'protected', 'smartcard'];
  for (const s of states) {
    const w = words(s, s === 'frozen' ? account('ok') : account(s));
    expect(w.title, s).not.toMatch(/^s\./);
    expect(w.lines.length, s).toBeGreaterThan(0);
  }
});

test('a lock without an end says so', () => {
  const a = { ...account('locked'), lockedUntil: '' };
  expect(words('locked', a).title).toBe('You are locked out');
  expect(words('locked', a).lines).toContain('It stays locked until somebody unlocks it.');
});

test('addresses match whole, and odd ones match nothing', () => {
  expect(match('/request/:id', '/request/7')).toEqual({ id: '7' });
  expect(match('/passkeys/:id', '/passkeys/a%2Fb')).toEqual({ id: 'a/b' });
  expect(match('/passkeys/:id', '/passkeys/')).toBeNull();
  expect(match('/passkeys', '/passkeys/')).toEqual({});
  expect(match('/request/:id', '/request/%E0%A4%A')).toBeNull();
  expect(match('/account', '/account/x')).toBeNull();
});
