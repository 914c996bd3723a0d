import { expect, test } from 'vitest';
import { choose, target, type Place } from '../src/sw/notice';

const origin = 'https://unlock.example.test';
const at: Place = { origin, language: 'en-GB', actions: 2 };
const push = {
  web_push: 8030,
  mutable: true,
  app_badge: 3,
  notification: {
    title: 'A request waits for you',
    body: 'Open it to decide.',
    navigate: `${origin}/review/r1`,
    tag: 'r1',
    lang: 'en',
    data: { kind: 'review.asked', request: 'r1', actions: [{ action: 'open', title: 'Open' }, { action: 'deny', title: 'Deny' }, { action: 'more', title: 'More' }] },
  },
};
const told = (change: object = {}, place: Partial<Place> = {}) =>
  choose(JSON.stringify({ ...push, notification: { ...push.notification, ...change } }), { ...at, ...place });

test('a push is shown as the server worded it', () => {
  const { title, options, badge } = told();
  expect([title, options.body, options.tag, options.lang, badge]).toEqual(['A request waits for you', 'Open it to decide.', 'r1', 'en', 3]);
  expect(options.data.path).toBe('/review/r1');
});

test('the first asking is quiet when it comes twice, a reminder is not', () => {
  expect(told().options.renotify).toBe(false);
  expect(told({ data: { kind: 'review.reminder' } }).options.renotify).toBe(true);
});

test('without a tag nothing is asked to replace anything', () => {
  expect(told({ tag: '' }).options).not.toHaveProperty('renotify'); // a browser throws at renotify without a tag
});

test('only as many actions as the browser shows', () => {
  expect(told().options.actions?.map((a) => a.action)).toEqual(['open', 'deny']);
  expect(told().options).not.toHaveProperty('navigate');
});

test('a browser without actions gets none, and the address to open by itself', () => {
  const { options } = told({}, { actions: 0 });
  expect(options).not.toHaveProperty('actions');
  expect(options.navigate).toBe(`${origin}/review/r1`);
});

test('a payload that is the notification itself is read, too', () => {
  expect(choose(JSON.stringify(push.notification), at).title).toBe('A request waits for you');
});

test.each([
  ['nothing', ''],
  ['no JSON', 'hello'],
  ['half a JSON', '{"notification":{"title":"A re'],
  ['null', 'null'],
  ['a number', '7'],
  ['a list', '[]'],
  ['no title', JSON.stringify({ notification: { body: 'x' } })],
  ['a title that is no text', JSON.stringify({ notification: { title: { a: 1 } } })],
  ['a notification that is none', JSON.stringify({ notification: 'x' })],
])('something is shown for a push of %s', (_, payload) => {
  const { title, options } = choose(payload, at);
  expect(title).toBe('Latchkey');
  expect(options.body).toMatch(/^There is something new/);
  expect(options.data.path).toBe('/');
  expect(choose(payload, { ...at, language: 'de-CH' }).options.body).toMatch(/^Es gibt etwas Neues/);
});

test.each([
  [0, 0],
  [12, 12],
  [-1, null],
  [1.5, null],
  ['3', null],
  [undefined, null],
])('a badge of %s is %s', (sent, shown) => {
  expect(choose(JSON.stringify({ ...push, app_badge: sent }), at).badge).toBe(shown);
});

test.each([
  ['another site', 'https://evil.example/review/r1'],
  ['another site without a scheme', '//evil.example/review/r1'],
  ['our name in another', `${origin}.evil.example/`],
  ['another port', `${origin}:8443/`],
  ['plain http', 'http://unlock.example.test/review/r1'],
  ['a script', 'javascript:alert(1)'],
  ['no address', 'https://'],
])('%s is never opened', (_, navigate) => {
  expect(told({ navigate }).options.data.path).toBe('/');
  expect(target({ path: navigate }, '', origin)).toBe('/');
  expect(target({ path: navigate }, 'deny', origin)).toBe('/#deny');
});

test('broken actions are left out', () => {
  expect(told({ data: { actions: [null, { action: 'open' }, 7, { action: 'deny', title: 'Deny' }] } }).options.actions).toEqual([{ action: 'deny', title: 'Deny' }]);
  expect(told({ data: { actions: 'open' } }).options.actions).toEqual([]);
});

test('a tap opens the page, and deny opens it with Deny set', () => {
  const { data } = told().options;
  expect(target(data, '', origin)).toBe('/review/r1');
  expect(target(data, 'open', origin)).toBe('/review/r1');
  expect(target(data, 'deny', origin)).toBe('/review/r1#deny');
  expect(target({ path: '/review/r1?x=1#old' }, 'deny', origin)).toBe('/review/r1?x=1#deny');
});

test('“this wasn’t me” opens the page that asks, with the secret that the push brought', () => {
  const navigate = `${origin}/request/r1#stop=AbC-_9`;
  const { data, actions } = told({ navigate, data: { kind: 'request.approved', actions: [{ action: 'freeze', title: 'This wasn’t me' }] } }).options;
  expect(actions).toEqual([{ action: 'freeze', title: 'This wasn’t me' }]);
  expect(target(data, 'freeze', origin)).toBe('/freeze#AbC-_9');
  expect(target(data, '', origin)).toBe('/request/r1#stop=AbC-_9');
  expect(target({ path: '/account' }, 'freeze', origin)).toBe('/account'); // brought none
  expect(target({ path: 'https://evil.example/#stop=x' }, 'freeze', origin)).toBe('/');
});

test('a notification of an older version opens the start', () => {
  expect(target(undefined, '', origin)).toBe('/');
  expect(target({ kind: 'x' }, '', origin)).toBe('/');
});
