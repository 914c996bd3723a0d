import { afterEach, expect, test, vi } from 'vitest';

afterEach(() => vi.unstubAllGlobals());

/** The catalogues anew, as in a fresh page. */
async function fresh() {
  vi.resetModules();
  return import('../src/i18n');
}

test('a text that is still on its way shows nothing, and its key never', async () => {
  const { speak, speakParts, t, has } = await fresh();
  await speak('en');
  expect(t('start.title')).toBe('Locked out?');
  expect(t('account.title')).toBe('');
  expect(has('account.title')).toBe(false);
  await speakParts('inside', 'account');
  expect(t('account.title')).toBe('My account');
  expect(t('start.title')).toBe('Locked out?');
});

test('who waits for a text is told when it is there', async () => {
  const { speak, speakParts, lang } = await fresh();
  await speak('en');
  const told = vi.spyOn(lang, 'set');
  await speakParts('inside', 'account');
  await speakParts('inside', 'account');
  expect(told).toHaveBeenCalledExactlyOnceWith('en');
});

test('another language brings along what this one had', async () => {
  const { speak, speakParts, t } = await fresh();
  await speak('en');
  await speakParts('inside', 'account');
  await speak('de');
  expect(t('account.title')).toBe('Mein Konto');
  expect(t('start.title')).toBe('Ausgesperrt?');
});

test('a language chosen while the rest loads is whole, too', async () => {
  const { speak, speakParts, t, lang } = await fresh();
  await speak('en');
  await Promise.all([speakParts('inside', 'account'), speak('de')]);
  expect(lang.get()).toBe('de');
  expect(t('account.title')).toBe('Mein Konto');
  expect(t('start.title')).toBe('Ausgesperrt?');
});

/** A document that brought the first and one more part of English. */
const withTexts = () =>
  vi.stubGlobal('document', {
    documentElement: { lang: '' },
    querySelector: (what: string) => (what === '#texts' ? { content: { textContent: JSON.stringify({ lang: 'en', texts: { first: { 'start.title': 'As brought' }, account: { 'account.title': 'Brought, too' } } }) } } : null),
  });

test('what the document brought is not loaded', async () => {
  withTexts();
  const { speak, speakParts, t } = await fresh();
  await speak('en');
  await speakParts('inside', 'account');
  expect([t('start.title'), t('account.title')]).toEqual(['As brought', 'Brought, too']);
  expect(t('duty.passkey')).toBe('passkey'); // of that part it brought nothing
});

test('another language than the document’s is loaded', async () => {
  withTexts();
  const { speak, speakParts, t } = await fresh();
  await speak('de');
  await speakParts('account');
  expect([t('start.title'), t('account.title')]).toEqual(['Ausgesperrt?', 'Mein Konto']);
});
