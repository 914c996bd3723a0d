import { render } from 'preact-render-to-string';
import { h } from 'preact';
import { beforeAll, expect, test } from 'vitest';
import type { Duty, Me } from '../src/api-types';
import { says, speak } from '../src/i18n';
import { DutyCard } from '../src/screens/duty';
import { explain } from '../src/ui/help';

beforeAll(() => speak('en').then(says('inside', 'account', 'errors')));

const year = new Date().getFullYear();
const duty = (part: Partial<Duty>) => render(h(DutyCard, { me: { duty: { missing: ['recovery-code', 'totp'], by: `${year}-12-03T12:00:00Z`, overdue: false, limits: false, ...part } } as unknown as Me }));

test.each<[string, Partial<Duty>, RegExp, RegExp | null]>([
  ['in time', {}, /Set up by 3 December.*recovery codes, authenticator app/s, /only unlock/],
  ['overdue', { overdue: true }, /Was to be set up by 3 December/, /only unlock/],
  ['overdue, and that has a consequence', { overdue: true, limits: true }, /Until then you can only unlock or make a new passkey\./, null],
  ['it will have one', { limits: true }, /After that you can only unlock or make a new passkey, until it is set up\./, null],
  ['without a date', { by: '' }, /Still to be set up/, /by 3/],
  ['of a kind that this page does not know', { missing: ['smoke-signal'] }, /smoke-signal/, null],
])('what is to be set up is said: %s', (_, part, says, not) => {
  const html = duty(part);
  expect(html).toMatch(says);
  if (not) expect(html).not.toMatch(not);
  expect(html).toContain('href="/proofs"');
});

test('nothing missing, nothing said', () => {
  expect(duty({ missing: [] })).toBe('');
  expect(render(h(DutyCard, { me: { duty: null } as unknown as Me }))).toBe('');
  expect(render(h(DutyCard, { me: {} as Me }))).toBe('');
});

test('a request that is refused for it names what is missing', () => {
  expect(explain({ status: 409, code: 'duty.missing', params: { proofs: 'recovery-code totp' } })).toEqual([
    'Something of yours isn’t set up yet: recovery codes, authenticator app.',
    'Set it up, then ask again. Until then you can only unlock or make a new passkey.',
  ]);
});
