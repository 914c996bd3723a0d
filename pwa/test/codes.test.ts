import { beforeAll, expect, test } from 'vitest';
import { speak, speakProofs, t } from '../src/i18n';
import { askable, bare, bareCode, groupedCode, lacks, regroup } from '../src/lib/codes';
import { missing } from '../src/screens/recover/codes';
import { anew, readDraft, wanting } from '../src/screens/recover/draft';
import { wayName, wayNeeds } from '../src/screens/recover/words';

beforeAll(() => speak('en').then(speakProofs));

const code = 'ABCD-EFGH-JKMN-PQRS';

test.each([
  ['as it was given', code],
  ['small letters', 'abcd-efgh-jkmn-pqrs'],
  ['without dashes', 'abcdefghjkmnpqrs'],
  ['spaces around and inside', '  ABCD EFGH  JKMN PQRS '],
  ['dashes of a word processor', 'ABCD–EFGH—JKMN‑PQRS'],
  ['line breaks of a paste', 'ABCD-EFGH\nJKMN-PQRS\r\n'],
])('a recovery code is read with %s', (_, typed) => {
  expect(groupedCode(typed)).toBe(code);
  expect(bare('recovery-code', typed)).toBe(code);
  expect(lacks('recovery-code', typed)).toBe(0);
});

test('letters that look like digits are those digits, as in the alphabet', () => {
  expect(bareCode('oO iI lL')).toBe('001111');
});

test.each<[string, number, string, number]>([
  ['abcd', 4, 'ABCD', 4],
  ['abcde', 5, 'ABCD-E', 6],
  ['ABCD-', 5, 'ABCD', 4], // the dash comes by itself
  ['ABCXD-EFGH', 4, 'ABCX-DEFG-H', 4], // typed in between: the caret stays behind what was typed
  ['ABCD-XEFGH', 6, 'ABCD-XEFG-H', 6],
  ['XABCD-EFGH', 1, 'XABC-DEFG-H', 1],
  ['ABCD-EFGH', 0, 'ABCD-EFGH', 0],
  ['', 0, '', 0],
])('%s with the caret at %i falls into groups and keeps the caret', (typed, caret, text, then) => {
  expect(regroup(typed, caret)).toEqual({ text, caret: then });
});

test('a text in groups stays as it is, wherever the caret stands', () => {
  for (let at = 0; at <= code.length; at++) expect(regroup(code, at).text).toBe(code);
});

test('the digits of an app are read with the space between them', () => {
  expect([lacks('totp', '123 456'), lacks('totp', '12345'), lacks('totp', '1234567')]).toEqual([0, 1, -1]);
  expect(bare('totp', ' 123 456 ')).toBe('123456');
});

test('what can’t be sent yet says why', () => {
  expect(missing(['recovery-code'], {})).toBe('Type a recovery code first.');
  expect(missing(['recovery-code'], { 'recovery-code': 'abcd-e' })).toBe('A recovery code has 16 characters, 11 to go.');
  expect(missing(['recovery-code'], { 'recovery-code': `${code}X` })).toBe(t('rec.go.why.recovery-code.long'));
  expect(missing(['recovery-code', 'totp'], { 'recovery-code': code })).toBe(t('rec.go.why.totp'));
  expect(missing(['recovery-code', 'totp'], { 'recovery-code': code, totp: '123456' })).toBe('');
});

test('an alternative that this page can’t ask for is not offered', () => {
  expect(askable([['recovery-code'], ['totp', 'smoke-signal'], [], ['recovery-code', 'totp']])).toEqual([['recovery-code'], ['recovery-code', 'totp']]);
});

test('an alternative is said in words', () => {
  expect(wayName(['recovery-code', 'totp'])).toBe('A recovery code and my authenticator app');
  expect(wayName(['totp'])).toBe('My authenticator app');
  expect(wayNeeds(['recovery-code'])).toBe('You need one of your recovery codes.');
  expect(wayNeeds(['recovery-code', 'totp'])).toBe('You need all of these: a recovery code and my authenticator app.');
});

test('what was noted is taken as far as it is whole', () => {
  const whole = { name: 'dana', want: 'reset', way: 1, token: 'x', none: false } as const;
  expect(readDraft(whole, 2)).toEqual(whole);
  expect(readDraft(whole, 1)).toMatchObject({ name: 'dana', want: 'reset', way: 0, token: '' }); // the policy changed meanwhile
  expect(readDraft(wanting('enrol'), 2)).toMatchObject({ name: '', want: 'enrol', token: '' });
  expect(readDraft(wanting('one-time'), 2).want).toBe('unlock');
  for (const odd of [null, undefined, 7, 'x', [], { name: 7, want: 'x', way: -1, token: {} }]) {
    expect(readDraft(odd, 2)).toEqual({ name: '', want: 'unlock', way: 0, token: '', none: false });
  }
});

test('nothing that proves anything is noted', () => {
  expect(Object.keys(readDraft({ values: { totp: '123456' }, code }, 2)).sort()).toEqual(['name', 'none', 'token', 'want', 'way']);
});

test('beginning again keeps what was said of oneself', () => {
  expect(anew({ name: 'dana', want: 'reset', way: 1, token: 'x', none: true })).toEqual({ name: 'dana', want: 'reset', way: 1, token: '', none: false });
});
