import { expect, test, vi } from 'vitest';

/** The catalogues anew, as in a fresh page. */
async function fresh() {
  vi.resetModules();
  return import('../src/i18n');
}

test('a text that is still on its way shows nothing, and its key never', async () => {
  const { speak, speakInside, t, has } = await fresh();
  await speak('en');
  expect(t('start.title')).toBe('Locked out?');
  expect(t('account.title')).toBe('');
  expect(has('account.title')).toBe(false);
  await speakInside();
  expect(t('account.title')).toBe('My account');
  expect(t('start.title')).toBe('Locked out?');
});

test('who waits for a text is told when it is there', async () => {
  const { speak, speakInside, lang } = await fresh();
  await speak('en');
  const told = vi.spyOn(lang, 'set');
  await speakInside();
  await speakInside();
  expect(told).toHaveBeenCalledExactlyOnceWith('en');
});

test('another language brings along what this one had', async () => {
  const { speak, speakInside, t } = await fresh();
  await speak('en');
  await speakInside();
  await speak('de');
  expect(t('account.title')).toBe('Mein Konto');
  expect(t('start.title')).toBe('Ausgesperrt?');
});

test('a language chosen while the rest loads is whole, too', async () => {
  const { speak, speakInside, t, lang } = await fresh();
  await speak('en');
  await Promise.all([speakInside(), speak('de')]);
  expect(lang.get()).toBe('de');
  expect(t('account.title')).toBe('Mein Konto');
  expect(t('start.title')).toBe('Ausgesperrt?');
});
