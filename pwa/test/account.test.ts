import { render } from 'preact-render-to-string';
import { h } from 'preact';
import { beforeAll, expect, test } from 'vitest';
import type { AccountState, Kind, Me, Option, Request } from '../src/api-types';
import { says, speak } from '../src/i18n';
import { put } from '../src/lib/resource';
import { session } from '../src/lib/session';
import { Account } from '../src/screens/account';

beforeAll(() => speak('en').then(says('inside', 'account')));

const me = (part: Partial<Me>, ...state: AccountState[]) =>
  ({
    account: { displayName: 'Noor Haddad', givenName: 'Noor', name: 'noor', department: '', state, lockedSince: '', lockedUntil: '', badPasswords: 0, lastBad: '', passwordSet: '', passwordExpires: '', accountExpires: '', nextLogon: '', readAt: '2026-11-24T10:00:00Z' },
    frozen: false, options: [], requests: [], duty: null, waiting: 0, reviewer: false, passkeys: 1,
    session: { signedIn: '2026-11-24T10:00:00Z', expires: '2026-11-24T18:00:00Z', remember: true, recovered: false }, ...part,
  }) as unknown as Me;

function shown(who: Me): string {
  session.set({ state: 'in', me: who, problem: null, ended: '' });
  put('/api/freeze', { frozen: who.frozen, at: '2026-11-24T09:00:00Z', own: true, asked: '' });
  return render(h(Account, {}));
}

const refused = (code: string) => [{ kind: 'reset', allowed: false, code, approval: false }] as Option[];

test.each<[string, Partial<Me>, AccountState]>([
  ['as the options say too', { options: refused('account.frozen') }, 'ok'],
  ['that is protected', { options: refused('account.protected') }, 'protected'],
  ['that no rule gives anything', {}, 'ok'],
  ['that no rule gives anything, and which is locked', {}, 'locked'],
  ['that somebody came into without a passkey', { session: { ...me({}).session, recovered: true } }, 'ok'],
])('a frozen account %s is shown as one, and its owner says that it is them', (_, part, state) => {
  const html = shown(me({ ...part, frozen: true }, state));
  expect(html).toContain('Your account is frozen here');
  expect(html).toContain('It is me again');
  expect(html).not.toContain('Your account is fine');
  expect(html).not.toContain('This wasn’t me');
});

test('an account that is not frozen is stopped from here, also one that gets nothing', () => {
  for (const who of [me({}, 'ok'), me({ options: refused('account.protected') }, 'protected')]) {
    const html = shown(who);
    expect(html).toContain('This wasn’t me');
    expect(html).not.toContain('It is me again');
    expect(html).not.toContain('frozen');
  }
});

test('what waits leads to the inbox from the first page, and so does having been asked before', () => {
  const links = (part: Partial<Me>) => shown(me(part, 'ok')).split('href="/inbox"').length - 1;
  expect([links({}), links({ reviewer: true }), links({ waiting: 1, reviewer: true })]).toEqual([0, 1, 2]);
});

test.each<[string, Kind, AccountState]>([
  ['a new password', 'reset', 'locked'],
  ['a change of it', 'change', 'password-expires-soon'],
  ['a one-time password', 'one-time', 'locked'],
])('what comes before %s is true with a passkey and without one', async (_, kind, state) => {
  const enrolled = [{ id: 'r', kind: 'enrol', state: 'done', updated: '2026-11-24T10:05:00Z', watchUntil: '' }] as unknown as Request[];
  const who = (recovered: boolean) => me({ options: [{ kind, allowed: true, code: '', approval: false }] as Option[], requests: enrolled, session: { ...me({}).session, recovered } }, state);
  for (const [lang, says, not] of [['en', 'When it’s clear that it’s you', 'with your passkey'], ['de', 'Steht fest, dass Sie es sind', 'mit Ihrem Anmeldeschlüssel']] as const) {
    await speak(lang);
    for (const html of [shown(who(false)), shown(who(true))]) {
      expect(html).toContain(says);
      expect(html).not.toContain(not);
    }
  }
  await speak('en');
});
