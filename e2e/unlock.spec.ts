import { test, expect } from './lib/fixtures.ts';

test('somebody locked out is back in with two taps and nothing typed', { tag: '@database' }, async ({ stack, phone, enrolled }) => {
  const { page } = phone;
  stack.directory.lock(enrolled);
  await page.addInitScript(() => {
    const seen = { taps: 0, keys: 0 };
    Object.assign(window, { seen });
    addEventListener('pointerdown', () => { seen.taps++; }, true);
    addEventListener('keydown', () => { seen.keys++; }, true);
  });
  await page.goto('/');
  await page.getByRole('button', { name: 'Unlock with my passkey' }).tap();
  await expect(page.getByText(/You are locked out/)).toBeVisible();
  await page.getByRole('button', { name: 'Unlock my account' }).tap();
  await expect(page.getByRole('heading', { name: 'You are unlocked' })).toBeVisible();
  expect(await page.evaluate(() => (window as unknown as { seen: unknown }).seen)).toEqual({ taps: 2, keys: 0 });

  expect(stack.directory.bind(enrolled, enrolled.password)).toEqual({ ok: true, code: '' });
  expect(stack.directory.read(enrolled, 'lockoutTime')).toBe('0');
});

test('the page says who is locked since when and after how many tries', async ({ stack, phone, enrolled }) => {
  stack.directory.lock(enrolled);
  await phone.signIn();
  await expect(phone.page.getByText(/Locked since \d\d:\d\d, after \d+ wrong passwords/)).toBeVisible();
});

test('after an unlock a new lockout is said with its likely cause', async ({ stack, phone, enrolled }) => {
  test.setTimeout(120_000); // the account is looked at every 20 seconds
  stack.directory.lock(enrolled);
  await phone.signIn();
  await phone.page.getByRole('button', { name: 'Unlock my account' }).click();
  await expect(phone.page.getByRole('heading', { name: 'You are unlocked' })).toBeVisible();
  stack.directory.lock(enrolled);
  await expect(phone.page.getByText(/Locked again at/)).toBeVisible({ timeout: 60_000 });
});

test('an unlock survives a restart of the server', { tag: '@database' }, async ({ stack, phone, enrolled }) => {
  stack.directory.lock(enrolled);
  await stack.restart();
  await phone.page.reload();
  await phone.signIn();
  await phone.page.getByRole('button', { name: 'Unlock my account' }).click();
  await expect(phone.page.getByRole('heading', { name: 'You are unlocked' })).toBeVisible();
  expect(stack.directory.bind(enrolled, enrolled.password).ok).toBe(true);
});
