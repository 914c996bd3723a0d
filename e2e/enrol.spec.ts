import { test, expect } from './lib/fixtures.ts';

test('opening a link does not use it up, a wrong password neither, enrolling does', { tag: '@database' }, async ({ stack, phone, person }) => {
  const { page } = phone;
  const link = stack.invite(person);
  await page.goto(link);
  await expect(page.getByText(/Hello Dana/)).toBeVisible();
  await page.reload();
  await page.getByLabel('The password you use at work').fill('not-it-at-all-1!');
  await page.getByRole('button', { name: 'Check my password' }).click();
  await expect(page.getByRole('alert').first()).toBeVisible();
  await phone.enrol(person, link);
  await phone.context.clearCookies();
  await page.goto('/');
  await page.goto(link);
  await expect(page.getByText(/Ask for a new link/).first()).toBeVisible();
});

test('a PC screen shows the link as a QR code first', async ({ stack, browser, person }) => {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 }, locale: 'en-GB' });
  await page.goto(stack.invite(person));
  await expect(page.getByRole('img', { name: 'QR code with this link' })).toBeVisible();
  await page.close();
});

test('a browser inside another app says how to open the real one', async ({ stack, browser, person }) => {
  const page = await browser.newPage({
    viewport: { width: 390, height: 844 }, locale: 'en-GB',
    userAgent: 'Mozilla/5.0 (Linux; Android 14; Pixel 7; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/125.0 Mobile Safari/537.36',
  });
  await page.goto(stack.invite(person));
  await expect(page.getByRole('heading', { name: 'Open this in your browser' })).toBeVisible();
  await page.close();
});

test('passkeys are renamed, and removing the last one warns', { tag: '@database' }, async ({ phone, enrolled }) => {
  const { page } = phone;
  expect(enrolled.account).not.toBe('');
  await phone.signIn();
  await page.goto('/passkeys');
  await page.getByRole('button', { name: /Last used|In use now/ }).or(page.getByRole('link', { name: /In use now/ })).first().click();
  await page.getByLabel('Name').fill('Red phone');
  await page.getByRole('button', { name: 'Save name' }).click();
  await expect(page.getByText('Saved.')).toBeVisible();
  await page.getByRole('button', { name: 'Remove this passkey' }).click();
  await expect(page.getByText('This is your last passkey')).toBeVisible();
  await page.getByRole('button', { name: 'Keep' }).click();
});
