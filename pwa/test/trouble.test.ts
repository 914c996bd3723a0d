import { h } from 'preact';
import { renderToString } from 'preact-render-to-string';
import { beforeEach, expect, test, vi } from 'vitest';

beforeEach(() => void vi.resetModules());

const said = async (code: string, params?: Record<string, string>) => {
  const { Trouble } = await import('../src/ui/help');
  return renderToString(h(Trouble, { problem: { type: '', title: '', status: 409, code, params }, quiet: true }));
};

test('a problem is said in its own words, once they are here', async () => {
  const { speak, speakParts } = await import('../src/i18n');
  await speak('en');
  expect(await said('account.frozen')).toBe(''); // not in other words first
  await speakParts('inside', 'errors');
  expect(await said('account.frozen')).toContain('frozen');
});

test('what Start can say is said at once', async () => {
  const { speak } = await import('../src/i18n');
  await speak('en');
  expect(await said('network.offline')).toContain('banner');
});

test.each([
  ['en', 'behind', '4 min behind', 'Set it to automatic, then type'],
  ['en', 'ahead', '4 min ahead', 'Set it to automatic, then type'],
  ['en', 'ahead-used', '4 min ahead', 'wait 4 min'],
  ['de', 'behind', '4 Min. nach', 'Stellen Sie sie auf automatisch, dann'],
  ['de', 'ahead', '4 Min. vor', 'Stellen Sie sie auf automatisch, dann'],
  ['de', 'ahead-used', '4 Min. vor', 'Warten Sie 4 Min.'],
] as const)('%s: of a clock that is %s it is said by how much', async (language, clock, what, todo) => {
  const { speak, speakParts } = await import('../src/i18n');
  await speak(language);
  await speakParts('inside', 'errors');
  const words = await said('proof.clock', { clock, minutes: '4' });
  expect(words).toContain(what);
  expect(words).toContain(todo);
});
