import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { says, speak } from '../src/i18n';
import type { Me } from '../src/api-types';
import { askable, isTyped } from '../src/lib/ways';
import { forgetWait, keepWait, keptWait, listen, readWait, type Wait } from '../src/screens/recover/word';
import { wayName, wayNeeds, waySub, wordAlone } from '../src/screens/recover/words';

beforeAll(() => speak('en').then(says('inside', 'proofs')));

const wait: Wait = { token: 'w1', number: '07', until: '2026-11-27T08:31:00Z', since: '2026-11-27T07:31:00Z', name: 'dana', want: 'reset' };

describe('what is waited for', () => {
  afterEach(() => {
    forgetWait();
    vi.unstubAllGlobals();
  });

  test.each([
    ['nothing', null],
    ['a text', 'w1'],
    ['no token', { ...wait, token: '' }],
    ['a number of one digit', { ...wait, number: '7' }],
    ['a number that is none', { ...wait, number: 47 }],
    ['a time that is none', { ...wait, until: 'soon' }],
    ['another act', { ...wait, want: 'change' }],
  ])('is not taken from %s', (_, found) => expect(readWait(found)).toBeNull());

  test('is kept in this tab across a reload, and forgotten', () => {
    const kept = new Map<string, string>();
    vi.stubGlobal('sessionStorage', { getItem: (k: string) => kept.get(k) ?? null, setItem: (k: string, v: string) => kept.set(k, v), removeItem: (k: string) => kept.delete(k) });
    expect(keptWait()).toBeNull();
    keepWait(wait);
    expect(keptWait()).toEqual(wait);
    forgetWait();
    expect([keptWait(), kept.size]).toEqual([null, 0]);
  });

  test('holds while the page is open where storage is switched off', () => {
    const no = () => {
      throw new Error('SecurityError');
    };
    vi.stubGlobal('sessionStorage', { getItem: no, setItem: no, removeItem: no });
    keepWait(wait);
    expect(keptWait()).toEqual(wait);
    forgetWait();
    expect(keptWait()).toBeNull();
  });
});

describe('waiting', () => {
  let answers: (() => Promise<Response>)[] = [];
  let asked = 0;
  let said: string[] = [];
  let seen: Record<string, () => void> = {};
  let page = { visibilityState: 'visible' };
  const answer = (body: object, status = 200, headers = {}) => () => Promise.resolve(new Response(JSON.stringify(body), { status, headers }));
  const still = answer({ state: 'waiting', me: null, request: '' });
  const on = (name: string, fn: () => void) => void (seen[name] = fn);
  const off = (name: string) => delete seen[name];
  const heard = {
    onIn: (me: Me, request: string) => void said.push(`in ${(me as unknown as { account: string }).account} ${request}`),
    onOver: () => void said.push('over'),
    onProblem: (p: { code: string } | null) => void said.push(p?.code ?? 'fine'),
  };

  beforeEach(() => {
    [answers, asked, said, seen, page] = [[], 0, [], {}, { visibilityState: 'visible' }];
    vi.useFakeTimers();
    vi.stubGlobal('document', Object.assign(page, { addEventListener: on, removeEventListener: off }));
    vi.stubGlobal('window', { addEventListener: on, removeEventListener: off });
    vi.stubGlobal('fetch', (path: string, init: RequestInit) => {
      asked++;
      expect([path, init.body]).toEqual(['/api/recover/wait', '{"token":"w1"}']);
      return (answers.shift() ?? still)();
    });
  });
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.useRealTimers();
  });

  test('asks at once, every five seconds, and no more once somebody vouched', async () => {
    listen('w1', heard);
    await vi.advanceTimersByTimeAsync(0);
    expect(asked).toBe(1);
    answers = [still, answer({ state: 'in', me: { account: 'dana' }, request: 'r7' })];
    await vi.advanceTimersByTimeAsync(5_000);
    expect([asked, said.filter((s) => s !== 'fine')]).toEqual([2, []]);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(asked).toBe(3);
    expect(said.at(-1)).toBe('in dana r7');
    expect(seen).toEqual({});
  });

  test('the time is up: says so once', async () => {
    answers = [answer({ code: 'ceremony.unknown' }, 410)];
    listen('w1', heard);
    await vi.advanceTimersByTimeAsync(60_000);
    expect([asked, said]).toEqual([1, ['over']]);
  });

  test('a page that nobody sees asks nothing, and at once when it is seen again', async () => {
    listen('w1', heard);
    await vi.advanceTimersByTimeAsync(0);
    page.visibilityState = 'hidden';
    await vi.advanceTimersByTimeAsync(600_000);
    expect(asked).toBe(1);
    page.visibilityState = 'visible';
    seen.visibilitychange?.();
    await vi.advanceTimersByTimeAsync(0);
    expect(asked).toBe(2);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(asked).toBe(3);
  });

  test('an answer that is lost is asked for again with the same token', async () => {
    answers = [() => Promise.reject(new TypeError('lost')), answer({ state: 'in', me: { account: 'dana' }, request: 'r7' })];
    listen('w1', heard);
    await vi.advanceTimersByTimeAsync(0);
    expect(said).toEqual(['network.offline']);
    seen.online?.(); // sooner than the next turn
    await vi.advanceTimersByTimeAsync(0);
    expect(said).toEqual(['network.offline', 'fine', 'in dana r7']);
  });

  test('a server that is asked too often is left in peace as long as it says', async () => {
    answers = [answer({ code: 'limit.reached' }, 429, { 'Retry-After': '30' })];
    listen('w1', heard);
    await vi.advanceTimersByTimeAsync(29_000);
    expect(asked).toBe(1);
    await vi.advanceTimersByTimeAsync(1_000);
    expect([asked, said]).toEqual([2, ['limit.reached', 'fine']]);
  });

  test('what is answered after the end is nobody’s', async () => {
    let tell: (r: Response) => void = () => undefined;
    answers = [() => new Promise((resolve) => (tell = resolve))];
    const end = listen('w1', heard);
    end();
    tell(new Response(JSON.stringify({ state: 'in', me: { account: 'dana' }, request: 'r7' })));
    await vi.advanceTimersByTimeAsync(60_000);
    expect([asked, said, seen]).toEqual([1, [], {}]);
  });
});

test('somebody’s word is an alternative, alone or beside what is typed', () => {
  expect(askable([['vouching'], ['vouching', 'pin'], ['vouching', 'smoke-signal']])).toEqual([['vouching'], ['vouching', 'pin']]);
  expect(isTyped('vouching')).toBe(false);
  expect([wayName(['vouching']), waySub(['vouching'])]).toEqual(['Ask a colleague', 'Your manager or a colleague says that it’s you.']);
  expect([wayName(['vouching', 'pin']), waySub(['vouching', 'pin'])]).toEqual(['My Latchkey PIN and a colleague’s word', '']);
  expect(wayNeeds(['vouching', 'recovery-code'])).toBe('You need all of these: a recovery code and a colleague’s word.');
  expect([wordAlone([['pin'], ['vouching', 'pin'], ['vouching']]), wordAlone([['vouching', 'pin']])]).toEqual([2, -1]);
});
