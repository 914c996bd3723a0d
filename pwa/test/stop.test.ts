import { beforeEach, expect, test, vi } from 'vitest';

const at = { hash: '', pathname: '/account', search: '?x=1' };
const replaced: string[] = [];
vi.stubGlobal('location', at);
vi.stubGlobal('history', { state: null, replaceState: (_: unknown, __: string, to: string) => replaced.push(to) });
const { readStop, stopLink } = await import('../src/lib/stop');

beforeEach(() => {
  stopLink.set('');
  replaced.length = 0;
});

test('the secret of a message is taken, and does not stay in the address', () => {
  at.hash = '#stop=AbC-_9';
  readStop();
  expect(stopLink.get()).toBe('/freeze#AbC-_9');
  expect(replaced).toEqual(['/account?x=1']);
});

test.each(['', '#', '#stop', '#stop=', '#deny', '#stop=a/b', '#stop=a"onclick', '#xstop=a', '#stop=a#b'])('%s is none', (hash) => {
  at.hash = hash;
  readStop();
  expect(stopLink.get()).toBe('');
  expect(replaced).toEqual([]);
});
