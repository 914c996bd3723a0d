import { render } from 'preact-render-to-string';
import { h } from 'preact';
import { beforeAll, expect, test } from 'vitest';
import type { Proofs } from '../src/api-types';
import { says, speak, t } from '../src/i18n';
import { bare, bareCode, groupedCode, lacks, phoneNumber, regroup, regroupDigits } from '../src/lib/codes';
import { info } from '../src/lib/session';
import { askable } from '../src/lib/ways';
import { given, missing } from '../src/ui/given';
import { Address, addressLacks } from '../src/screens/proofs/address';
import { shownOf, type PartProps } from '../src/screens/proofs';
import { pinLacks } from '../src/screens/proofs/pin';
import { answersLack, Questions } from '../src/screens/proofs/questions';
import { anew, fitted, readDraft } from '../src/screens/recover/draft';
import { leadsOf, leadsTo, wanting, wantsOf, wayTo, type Lead } from '../src/screens/recover/leads';
import { wayName, wayNeeds } from '../src/screens/recover/words';

beforeAll(() => speak('en').then(says('inside', 'proofs')));

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
  expect(missing(['mail-code', 'pin'], { 'mail-code': '1234 567' })).toBe('Type the eight digits from the mail.');
  expect(missing(['mail-code', 'pin'], { 'mail-code': '1234 5678', pin: '13579' })).toBe(t('rec.go.why.pin'));
  expect(missing(['mail-code', 'pin'], { 'mail-code': '1234 5678', pin: '135 790' })).toBe('');
  expect(missing(['directory'], { directory: ' ' })).toBe('Type your number at work.');
  expect(missing(['password'], {})).toBe('Type your password.');
});

const pet = { id: 'pet', en: 'Name of your first pet?', de: 'Name Ihres ersten Haustiers?' };
const road = { id: 'road', en: 'Where did you learn to ride?', de: 'Wo lernten Sie Rad fahren?' };

test('questions want an answer each, and give them in the order asked', () => {
  const values = { 'questions.road': ' By the canal ', pin: '135 790' };
  expect(missing(['questions'], values, [pet, road])).toBe('Answer each of the questions.');
  const all = { ...values, 'questions.pet': 'Rex II' };
  expect(missing(['questions'], all, [pet, road])).toBe('');
  expect(given(['pin', 'questions'], all, [road, pet])).toEqual([
    { kind: 'pin', value: '135790' },
    { kind: 'questions', value: '', answers: ['By the canal', 'Rex II'] },
  ]);
});

test('a password is sent as it is, spaces and all; an attribute without those around it', () => {
  expect(given(['password', 'directory'], { password: ' a b ', directory: ' 4711-0 ' }, [])).toEqual([
    { kind: 'password', value: ' a b ' },
    { kind: 'directory', value: '4711-0' },
  ]);
});

test('a code that was sent falls into two groups of four and keeps the caret', () => {
  expect(regroupDigits('12345', 5)).toEqual({ text: '1234 5', caret: 6 });
  expect(regroupDigits('1234 5678', 4)).toEqual({ text: '1234 5678', caret: 4 });
  expect(regroupDigits('12x34-5678\n', 11)).toEqual({ text: '1234 5678', caret: 9 });
  expect([lacks('mail-code', '1234 5678'), lacks('sms-code', '1234567'), lacks('mail-code', '123456789')]).toEqual([0, 1, -1]);
  expect(bare('mail-code', '1234 5678')).toBe('12345678');
});

test.each([
  ['', '', 'Type a PIN first.'],
  ['12a456', '', 'Only digits count.'],
  ['13579', '', 'Type 6 digits or more.'],
  ['12345678901234567', '', 'Those are more than 16 digits.'],
  ['135790', '', 'Type it once more.'],
  ['135790', '135791', 'The two differ.'],
  ['135 790', '135790', ''],
])('the PIN %s, then %s: %s', (pin, again, says) => {
  expect(pinLacks(pin, again, 6)).toBe(says);
});

test('as many digits as the organisation asks for', () => {
  expect(pinLacks('135790', '135790', 8)).toBe('Type 8 digits or more.');
  expect(pinLacks('13579024', '13579024', 8)).toBe('');
});

test('each of the questions is answered', () => {
  const list = ['pet', 'road'].map((id) => ({ id, en: id, de: id }));
  expect(answersLack({}, list)).toBe('2 answers are missing.');
  expect(answersLack({ pet: 'Rex II', road: ' ' }, list)).toBe('One answer is missing.');
  expect(answersLack({ pet: 'Rex II', road: 'canal' }, list)).toBe('');
});

test.each<['mail-code' | 'sms-code', string, string]>([
  ['sms-code', '+49 (151) 234-567 89', ''],
  ['sms-code', '0049 151 23456789', ''],
  ['sms-code', '0151 23456789', 'Begin with + and the country, as +49.'],
  ['sms-code', '+49', 'Begin with + and the country, as +49.'],
  ['sms-code', ' ', 'Type the number first.'],
  ['mail-code', ' dana@example.test ', ''],
  ['mail-code', 'dana@example', 'That is no whole mail address yet.'],
  ['mail-code', '', 'Type the address first.'],
])('%s to %s: %s', (kind, typed, says) => {
  expect(addressLacks(kind, typed)).toBe(says);
});

test('a number is sent as the world dials it', () => {
  expect(phoneNumber(' 0049 (151) 234/567-89 ')).toBe('+4915123456789');
});

test('an alternative that this page can’t ask for is not offered', () => {
  expect(askable([['recovery-code'], ['totp', 'smoke-signal'], [], ['recovery-code', 'totp']])).toEqual([['recovery-code'], ['recovery-code', 'totp']]);
  const every = [['mail-code', 'sms-code', 'pin', 'questions', 'directory', 'password']];
  expect(askable(every)).toEqual(every);
  expect(askable([['passkey']])).toEqual([]);
});

test('an alternative is said in words', () => {
  expect(wayName(['recovery-code', 'totp'])).toBe('A recovery code and my authenticator app');
  expect(wayName(['totp'])).toBe('My authenticator app');
  expect(wayNeeds(['recovery-code'])).toBe('You need one of your recovery codes.');
  expect(wayNeeds(['recovery-code', 'totp'])).toBe('You need all of these: a recovery code and my authenticator app.');
});

test('what is neither offered nor held is not shown', () => {
  const none = { offered: false, held: false, created: '', lastUsed: '' };
  const nowhere = { offered: false, address: '', from: '', canVerify: true, stale: '', created: '', lastUsed: '' } as const;
  const proofs = { recoveryCodes: { offered: false, total: 0, left: 0, created: '' }, totp: none, mailCode: nowhere, smsCode: nowhere, pin: { ...none, least: 6 }, questions: { ...none, stale: false, answer: 5, ask: 3, list: [] } };
  expect(shownOf(proofs)).toEqual([]);
  expect(shownOf({ ...proofs, mailCode: { ...nowhere, address: 'd•••@x', from: 'directory' } })).toEqual([]); // IT's, and not asked for
  expect(shownOf({ ...proofs, smsCode: { ...nowhere, address: '+49 •••', from: 'verified' }, pin: { ...none, held: true, least: 6 } })).toEqual(['sms-code', 'pin']);
  expect(shownOf({ ...proofs, mailCode: { ...nowhere, offered: true }, questions: { ...proofs.questions, offered: true } })).toEqual(['mail-code', 'questions']);
  expect(shownOf({ ...proofs, mailCode: { ...nowhere, stale: 'd•••@x' }, smsCode: { ...nowhere, address: '+49 •••', from: 'directory', canVerify: false, stale: '+41 •••' }, questions: { ...proofs.questions, stale: true } })).toEqual(['mail-code', 'sms-code', 'questions']); // it counts no more, and may be taken away
});

test('what counts no more says so, and may be taken away', () => {
  const times = { created: '2026-11-01T08:00:00Z', lastUsed: '' };
  const part = (change: Partial<Proofs>): PartProps => ({ proofs: change as Proofs, onProofs: () => {}, onBack: () => {} });
  const questions = (change: object) => render(h(Questions, part({ questions: { ...times, offered: true, held: false, stale: true, answer: 6, ask: 3, list: [], ...change } })));
  for (const what of ['The questions have changed', 'Answer them anew', 'Remove my answers']) expect(questions({})).toContain(what);
  expect(questions({})).not.toContain('>6<'); // that many are not answered
  expect(questions({ held: true, stale: false })).not.toContain('have changed');
  expect(questions({ offered: false })).not.toContain('have changed');
  expect(questions({ offered: false })).toContain('Remove my answers');
  const number = (change: object) =>
    render(h(Address, { ...part({ smsCode: { ...times, offered: true, address: '+49 ••• •••78', from: 'directory', canVerify: false, stale: '+41 ••• •••21', ...change } }), kind: 'sms-code' }));
  for (const what of ['Codes go only to a number that your IT keeps', '+41 ••• •••21', 'Remove the number']) expect(number({})).toContain(what);
  expect(number({})).not.toContain('Use another number');
  const mail = render(h(Address, { ...part({ mailCode: { ...times, offered: true, address: '', from: '', canVerify: true, stale: 'd•••@corp.test' } }), kind: 'mail-code' }));
  for (const what of ['Your work account opens this mailbox', 'd•••@<wbr/>corp.test', 'Use another address', 'Remove the address']) expect(mail).toContain(what);
});

test('the directory attribute goes by the organisation’s name for it, in either language', async () => {
  info.set({ ...info.get(), attribute: { en: 'Employee number', de: 'Personalnummer' } });
  expect(wayName(['pin', 'directory'])).toBe('My Latchkey PIN and my employee number');
  expect(wayNeeds(['directory', 'mail-code'])).toBe('You need all of these: my employee number and a code by mail.');
  await speak('de');
  expect(wayName(['pin', 'directory'])).toBe('Meine Latchkey-PIN und Personalnummer');
  expect(wayName(['mail-code', 'questions'])).toBe('Einen Code per Mail und die Antworten auf meine Fragen');
  info.set({ ...info.get(), attribute: { en: 'ID card', de: 'Ausweis-ID' } });
  await speak('en');
  expect(wayName(['directory'])).toBe('My ID card');
  info.set({ ...info.get(), attribute: null });
});

const pinUnlocks: Lead = { way: ['pin'], wants: ['unlock'] };
const codeDoesAll: Lead = { way: ['recovery-code'], wants: ['unlock', 'reset', 'enrol'] };

test('each way in is offered for what it leads to, and for nothing else', () => {
  const leads = leadsOf({ recovery: [['pin'], ['totp', 'smoke-signal'], ['recovery-code'], ['vouching']] as never, recoveryKinds: [['unlock'], ['unlock'], ['unlock', 'reset', 'enrol'], []] });
  expect(leads).toEqual([pinUnlocks, codeDoesAll]);
  expect(wantsOf(leads)).toEqual(['unlock', 'reset', 'enrol']);
  expect(wantsOf([pinUnlocks])).toEqual(['unlock']);
  expect(leadsOf({ recovery: [['pin']], recoveryKinds: [['one-time', 'change']] })).toEqual([{ way: ['pin'], wants: ['one-time'] }]);
  expect(leadsOf({ recovery: [['pin']] })).toEqual([{ way: ['pin'], wants: ['unlock', 'reset', 'one-time', 'enrol'] }]); // a server that doesn't say
  expect(wantsOf([])).toEqual([]);
});

test('what was chosen stays where it leads to what is wanted', () => {
  expect([wayTo([pinUnlocks, codeDoesAll], 'unlock', 0), wayTo([pinUnlocks, codeDoesAll], 'unlock', 1)]).toEqual([0, 1]);
  expect(wayTo([pinUnlocks, codeDoesAll], 'reset', 0)).toBe(1);
  expect([wayTo([pinUnlocks], 'enrol', 0), wayTo([], 'unlock', 0)]).toEqual([-1, -1]);
});

test('whatever is proved may say that it is me again, but for somebody’s word', () => {
  const word: Lead = { way: ['vouching', 'pin'], wants: ['unlock'] };
  expect([pinUnlocks, codeDoesAll, word].map((lead) => leadsTo(lead, 'thaw'))).toEqual([true, true, false]);
  const asked = { name: 'dana', want: 'thaw', way: 1, token: 'x', questions: [], sent: { 'mail-code': 1 }, none: false };
  expect(readDraft(asked, [word, pinUnlocks])).toEqual(asked);
  expect(readDraft({ ...asked, way: 0 }, [word, pinUnlocks])).toMatchObject({ want: 'thaw', way: 1, token: '' });
  expect(fitted({ ...readDraft(asked, [word, pinUnlocks]), way: -1 }, [word])).toMatchObject({ want: 'unlock', way: 0 }); // no way to it any more
  expect(wantsOf([pinUnlocks])).toEqual(['unlock']); // nobody is asked whether they are frozen
});

test('what was noted is taken as far as it is whole and leads somewhere', () => {
  const both = [pinUnlocks, codeDoesAll];
  const whole = { name: 'dana', want: 'reset', way: 1, token: 'x', questions: [pet], sent: { 'mail-code': 1700000000000 }, none: false };
  expect(readDraft(whole, both)).toEqual(whole);
  // The policy changed meanwhile: fewer ways, another order, another kind.
  expect(readDraft(whole, [codeDoesAll])).toMatchObject({ name: 'dana', want: 'reset', way: 0, token: '', questions: [], sent: {} });
  expect(readDraft(whole, [codeDoesAll, pinUnlocks])).toMatchObject({ want: 'reset', way: 0, token: '', sent: {} });
  expect(readDraft(whole, [pinUnlocks, pinUnlocks])).toMatchObject({ want: 'unlock', way: 1, token: '', sent: {} });
  expect(readDraft(wanting('enrol'), both)).toMatchObject({ name: '', want: 'enrol', way: 1, token: '' });
  expect(readDraft(wanting('one-time'), both).want).toBe('unlock');
  expect(readDraft(wanting('one-time'), [{ way: ['totp'], wants: ['one-time'] }]).want).toBe('one-time');
  for (const odd of [null, undefined, 7, 'x', [], { name: 7, want: 'x', way: -1, token: {} }, { way: 0.5, want: 'unlock', token: 'x' }, { sent: { 'mail-code': 1 }, questions: [pet] }, { questions: 'x', sent: 7 }]) {
    expect(readDraft(odd, both)).toEqual({ name: '', want: 'unlock', way: 0, token: '', questions: [], sent: {}, none: false });
  }
});

test('what was chosen gives way to a policy that changed meanwhile', () => {
  const draft = { ...readDraft(wanting('reset'), [pinUnlocks, codeDoesAll]), name: 'dana', token: 'x' };
  expect(fitted(draft, [pinUnlocks, codeDoesAll])).toBe(draft);
  expect(fitted(draft, [pinUnlocks])).toMatchObject({ name: 'dana', want: 'unlock', way: 0, token: '' });
  expect(fitted(draft, [codeDoesAll])).toMatchObject({ name: 'dana', want: 'reset', way: 0, token: '' });
});

test('nothing that proves anything is noted', () => {
  expect(Object.keys(readDraft({ values: { totp: '123456' }, code }, [codeDoesAll])).sort()).toEqual(['name', 'none', 'questions', 'sent', 'token', 'want', 'way']);
  const read = readDraft({ way: 0, want: 'unlock', token: 'x', questions: [{ ...pet, answer: 'Rex' }, { id: 'half' }], sent: { 'mail-code': 1, code: '12345678', 'sms-code': '12345678' } }, [codeDoesAll]);
  expect([read.questions, read.sent]).toEqual([[pet], { 'mail-code': 1 }]);
});

test('beginning again keeps what was said of oneself', () => {
  expect(anew({ name: 'dana', want: 'reset', way: 1, token: 'x', questions: [pet], sent: { 'sms-code': 1 }, none: true })).toEqual({ name: 'dana', want: 'reset', way: 1, token: '', questions: [], sent: {}, none: false });
});
