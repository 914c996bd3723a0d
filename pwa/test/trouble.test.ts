import { h } from 'preact';
import { renderToString } from 'preact-render-to-string';
import { beforeEach, expect, test, vi } from 'vitest';

beforeEach(() => void vi.resetModules());

const said = async (code: string) => {
  const { Trouble } = await import('../src/ui/help');
  return renderToString(h(Trouble, { problem: { type: '', title: '', status: 409, code }, quiet: true }));
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
