import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Decided, Kind, Request, Review, Reviewing } from '../src/api-types';
import { has, says, speak, t } from '../src/i18n';
import { onScreen } from '../src/screens/request/form';
import { aboutThem, asks, denyChips, freezable, network, over, ownWords, proved, revocable, signs, vouched, went } from '../src/screens/review/said';
import { answers, approvedBy, askChips, ending, left, MAX_WORDS, reasonOf, share } from '../src/screens/review/words';
import { initials } from '../src/ui/face';

beforeAll(() => speak('en').then(says('inside', 'request', 'review', 'errors')));

const now = Date.parse('2026-11-24T10:00:00Z');
const at = (minutes: number) => new Date(now + minutes * 60_000).toISOString();
const decided = (verdict: Decided['verdict'], chip = '', reason = ''): Decided => ({ verdict, at: at(-1), chip, reason });
const request = (state: Request['state'], said: Decided | null, code = '') =>
  ({ id: 'r', kind: 'reset', state, code, deadline: at(50), review: { since: at(-2), decided: said } as Reviewing }) as Request;
const review = (change: Partial<Review>) => ({ id: 'r', kind: 'reset', state: 'pending', open: true, address: '203.0.113.7', internal: false, signs: [], proofs: [], frozen: false, mine: null, ...change }) as unknown as Review;

test.each([
  [at(44.5), '44 minutes'],
  [at(1), '1 minute'],
  [at(0.5), 'less than a minute'],
  [at(65), '1 hour 5 minutes'],
  [at(120), '2 hours'],
  [at(3 * 1440 + 5), '3 days'],
  [at(0), ''],
  [at(-5), ''],
  ['', ''],
  ['nonsense', ''],
])('the time until %s is left as %j', (deadline, want) => expect(left(deadline, now)).toBe(want));

test('the share of the time that is left goes from one to nothing', () => {
  expect(share(at(0), at(60), now)).toBe(1);
  expect(share(at(-30), at(30), now)).toBe(0.5);
  expect(share(at(-90), at(-30), now)).toBe(0);
  expect(share(at(0), at(0), now)).toBe(0);
});

describe('how a review ended for its requester', () => {
  test.each<[string, Request, string, boolean]>([
    ['denied', request('denied', decided('deny', 'unsure')), 'Mara Lindt said no', true],
    ['denied by somebody who may not decide', request('denied', decided('deny', 'not-mine')), 'Mara Lindt said no', false],
    ['reported', request('denied', decided('report')), 'An approver said that this isn’t right', false],
    ['reported, told by its code', request('denied', null, 'review.reported'), 'An approver said that this isn’t right', false],
    ['reported after the approval', request('cancelled', decided('report'), 'review.reported'), 'An approver said that this isn’t right', false],
    ['stopped by a freeze', request('cancelled', null, 'account.frozen'), 'Your account is frozen here', false],
    ['nobody answered', request('expired', null, 'request.expired'), 'Nobody answered in time', true],
    ['three wrong numbers', request('cancelled', null, 'review.number-cancelled'), 'Stopped after three wrong numbers', true],
  ])('%s', (_, r, title, again) => expect(ending(r, 'Mara Lindt')).toMatchObject({ title, again }));

  test('approved, but not used in time, is no review that ended it', () => expect(ending(request('expired', decided('approve')), '')).toBeNull());
  test('stopped by oneself is none, either', () => expect(ending(request('cancelled', null, 'request.cancelled'), '')).toBeNull());
  test('what the approver wrote comes along', () => expect(ending(request('denied', decided('deny', 'other', 'Ring me')), '')).toMatchObject({ title: 'Your request was turned down', words: 'Ring me' }));
  test('a chip from later than this page is another reason', () => expect(ending(request('denied', decided('deny', 'brand-new')), '')?.lead).toBe('They had a reason of their own.'));
});

test('an answer is found on the account for a day, until the next request of its kind', () => {
  const no = { ...request('denied', decided('deny', 'unsure')), updated: at(-5) };
  const late = { ...request('expired', null, 'request.expired'), id: 'late', kind: 'one-time' as const, updated: at(-60) };
  const titles = (list: Request[], when = now) => answers(list, when).map((a) => a.title);
  expect(titles([no, late])).toEqual(['Your request was turned down', 'Nobody answered in time']);
  expect(titles([{ ...request('pending', null), id: 'next' }, no, late])).toEqual(['Nobody answered in time']);
  expect(titles([no], now + 24 * 60 * 60_000)).toEqual([]);
  expect(titles([{ ...request('cancelled', null, 'request.cancelled'), updated: at(-1) }])).toEqual([]); // by oneself
  expect(titles([{ ...late, review: null }])).toEqual([]);
});

test('who approved, when, and until when it is open', () => {
  const r = request('approved', decided('approve'));
  expect(approvedBy(r, 'Mara Lindt')).toMatch(/^Approved by Mara Lindt: .*\. Open until .*\.$/);
  expect(approvedBy(r, '')).toMatch(/^Approved: /);
  expect(approvedBy(request('pending', null), 'Mara Lindt')).toBe('');
});

test.each<[string, Partial<Review>, string]>([
  ['its requester took it back', { code: 'request.cancelled', number: true, numbersLeft: 1 }, 'The request was taken back.'],
  ['three wrong numbers stopped it', { code: 'request.cancelled', number: true, numbersLeft: 0 }, 'That was the third wrong number, so the request was stopped.'],
  ['nobody answered', { code: 'request.expired' }, 'The time was up.'],
  ['somebody else answered', { code: 'review.decided' }, 'This was already answered.'],
  ['it failed in the end', { code: 'request.failed' }, 'This was already answered.'],
  ['another manager', { code: 'review.not-approver' }, 'This is no longer yours to decide.'],
  ['it is the requester’s account that is off', { code: 'account.disabled' }, 'This can’t be done for the account any more.'],
  ['a code from later than this page', { code: 'from.mars' }, 'This was already answered.'],
])('why a request is over without the approver: %s', (_, r, what) => expect(over(review(r))[0]).toBe(what));

test('a form stays while it is executed, and nothing else does', () => {
  const executing = request('executing', null);
  const typing = { ...executing, state: 'approved' as const, needs: [] as string[] };
  const of = (now: Request, before: Request | null) => onScreen(now, before).state;
  expect(of(executing, typing)).toBe('approved');
  expect(of({ ...executing, kind: 'one-time' }, { ...typing, kind: 'one-time', state: 'done', unseen: true })).toBe('done');
  expect(of(executing, null)).toBe('executing'); // opened meanwhile
  expect(of(executing, { ...typing, kind: 'unlock' })).toBe('executing');
  expect(of(executing, { ...typing, needs: ['passkey'] })).toBe('executing');
  expect(of(executing, { ...typing, id: 'another' })).toBe('executing');
  for (const state of ['done', 'unknown', 'failed'] as const) expect(of({ ...executing, state }, typing)).toBe(state);
});

test('what is unusual is said in words, and what this page does not know is left out', () => {
  expect(signs(review({ signs: [{ code: 'new-device', count: 0 }, { code: 'often', count: 3 }] }))).toEqual(['A device not seen before', '3 requests this week']);
  expect(signs(review({ signs: [{ code: 'reported-before', count: 1 }, { code: 'denied-before', count: 2 }] }))).toEqual([
    'Somebody said in the last 7 days that it wasn’t right', 'Denied 2 times in the last 7 days',
  ]);
  expect(signs(review({ signs: [{ code: 'from-mars' as 'often', count: 1 }].slice(1) }))).toEqual([]);
  expect(signs(review({ signs: [{ code: 'from-mars' as 'new-device', count: 1 }] }))).toEqual([]);
  expect(signs(review({ frozen: true }))).toEqual(['The account is frozen here']);
  expect(signs(review({ signs: [{ code: 'weak-proof', count: 0 }], proofs: ['recovery-code', 'totp'] }))).toEqual(['Without a passkey: Recovery code, Authenticator app']);
});

test('the network is named as inside or outside, with the address', () => {
  expect(network(review({}))).toBe('Outside, from 203.0.113.7');
  expect(network(review({ internal: true, address: '10.1.2.3' }))).toBe('Internal network (10.1.2.3)');
  expect(network(review({ address: '' }))).toBe('Unknown');
});

test('freezing is offered for a day after the report', () => {
  const mine = decided('report');
  expect(freezable(review({ mine }), now)).toBe(true);
  expect(freezable(review({ mine, frozen: true }), now)).toBe(false);
  expect(freezable(review({ mine }), now + 24 * 60 * 60_000)).toBe(false);
  for (const said of [null, decided('approve'), decided('deny')]) expect(freezable(review({ mine: said }), now)).toBe(false);
});

test('what became of it is said of an approval, and an open one can be taken back', () => {
  const mine = decided('approve');
  expect(went(review({ mine, state: 'approved' }))).toBe('');
  expect(revocable(review({ mine, state: 'approved' }))).toBe(true);
  expect(revocable(review({ mine, state: 'draft' }))).toBe(true); // it goes on after another proof
  for (const state of ['executing', 'done', 'failed', 'expired', 'cancelled', 'unknown', 'denied'] as const) {
    expect(went(review({ mine, state })), state).not.toBe('');
    expect(revocable(review({ mine, state })), state).toBe(false);
  }
  expect(went(review({ mine: decided('deny'), state: 'denied' }))).toBe('');
});

test('an approver reads of their account, and never of "your" account', () => {
  expect(aboutThem({ code: 'account.disabled' }).code).toBe('review.account');
  expect(aboutThem({ code: 'policy.not-allowed' }).code).toBe('review.account');
  expect(aboutThem({ code: 'account.frozen' }).code).toBe('account.frozen');
  expect(aboutThem({ code: 'review.decided' }).code).toBe('review.decided');
  expect(aboutThem(null)).toBeNull();
});

test('the chips of a denial are those that the server takes, and each has its words on both sides', () => {
  const go = readFileSync(new URL('../../workflow/review.go', import.meta.url), 'utf8');
  const listed = /DenyReasons = \[\]string\{([^}]*)\}/.exec(go)?.[1]?.match(/[a-z-]+/g);
  expect([...denyChips]).toEqual(listed);
  for (const chip of denyChips) {
    expect(has(`rv.chip.${chip}`), chip).toBe(true);
    expect(has(`end.chip.${chip}`) && t(`end.chip.${chip}`).split('\n'), chip).toHaveLength(2);
  }
  expect(ownWords(review({ mine: decided('deny', 'unsure', 'call me') }))).toBe('Not sure who it is: call me');
  expect(ownWords(review({ mine: decided('approve') }))).toBe('');
});

test('every kind has its reasons, and fits what the server takes', () => {
  const kinds: Kind[] = ['unlock', 'reset', 'change', 'one-time', 'enrol'];
  for (const kind of kinds) {
    expect(askChips(kind).length, kind).toBeGreaterThanOrEqual(3);
    for (const key of askChips(kind)) {
      const longest = reasonOf(t(key), '\u{1F511}'.repeat(MAX_WORDS / 2));
      expect(new TextEncoder().encode(longest).length, key).toBeLessThanOrEqual(2000);
    }
  }
  expect(askChips('change')).not.toContain('ask.chip.forgot');
});

test('a reason is one line of the chip and the own words', () => {
  expect(reasonOf('New phone', '  the old one\n\n is gone ')).toBe('New phone: the old one is gone');
  expect(reasonOf('New phone', ' ')).toBe('New phone');
  expect(reasonOf('', 'lost it')).toBe('lost it');
  expect(reasonOf('', '')).toBe('');
});

test.each([
  ['Dana Reyes', 'DR'],
  ['von der Heide, Ömer', 'VÖ'],
  ['Cher', 'C'],
  ['李 小龍', '李小'],
  ['Dana (extern) Reyes', 'DR'],
  ['', ''],
])('the initials of %j are %j', (name, want) => expect(initials(name)).toBe(want));

test('where nobody proved who it is, the page says that somebody asks in their name', () => {
  const none = review({ displayName: 'Noor Haddad', proofs: ['vouching'], signs: [{ code: 'weak-proof', count: 0 }, { code: 'new-device', count: 0 }] });
  expect([vouched(none), asks(none), proved(none), signs(none)]).toEqual([true, 'Somebody asks for a new password for Noor Haddad', '', ['A device not seen before']]);
  expect(proved(review({ proofs: ['pin', 'vouching'] }))).toBe('PIN');
  const known = review({ displayName: 'Noor Haddad', proofs: ['passkey'] });
  expect([vouched(known), asks(known), proved(known)]).toEqual([false, 'Noor Haddad asks to set a new password', 'Passkey']);
});
