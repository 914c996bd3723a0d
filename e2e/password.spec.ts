import type { Page } from '@playwright/test';
import { test, expect } from './lib/fixtures.ts';

const fresh = 'Harbour-Lantern-47-quiet';

async function open(page: Page, what: string): Promise<void> {
  await page.getByRole('button', { name: what }).or(page.getByRole('link', { name: what })).first().click();
  await page.getByRole('button', { name: 'Confirm with my passkey' }).click();
}

test('a locked person sets a new password, and the old one is refused', { tag: '@database' }, async ({ stack, phone, enrolled }) => {
  const { page } = phone;
  stack.directory.lock(enrolled);
  await phone.signIn();
  await open(page, 'Set a new password');
  await page.getByLabel('New password').fill(fresh);
  await page.getByRole('button', { name: 'Set new password' }).click();
  await expect(page.getByRole('heading', { name: 'Your new password is set' })).toBeVisible();
  expect(stack.directory.bind(enrolled, fresh)).toEqual({ ok: true, code: '' });
  expect(stack.directory.bind(enrolled, enrolled.password)).toEqual({ ok: false, code: '52e' });
});

test('somebody whose password must be changed sets a new one', async ({ stack, phone, enrolled }) => {
  stack.directory.mustChange(enrolled);
  await phone.signIn();
  await expect(phone.page.getByText('A new password is due')).toBeVisible();
  await open(phone.page, 'Set a new password');
  await phone.page.getByLabel('New password').fill(fresh);
  await phone.page.getByRole('button', { name: 'Set new password' }).click();
  await expect(phone.page.getByRole('heading', { name: 'Your new password is set' })).toBeVisible();
  expect(stack.directory.bind(enrolled, fresh).ok).toBe(true);
});

test('a change takes the old password and never falls back to a reset', { tag: '@database' }, async ({ stack, phone, enrolled }) => {
  const { page } = phone;
  await phone.signIn();
  await open(page, 'Change my password');
  await page.getByLabel('Old password').fill('not-the-old-one-9!');
  await page.getByLabel('New password').fill(fresh);
  await page.getByRole('button', { name: 'Change password' }).click();
  await expect(page.getByRole('alert').first()).toBeVisible();
  expect(stack.directory.bind(enrolled, fresh)).toEqual({ ok: false, code: '52e' });
  await page.getByLabel('Old password').fill(enrolled.password);
  await page.getByRole('button', { name: 'Change password' }).click();
  await expect(page.getByRole('heading', { name: 'Your password is changed' })).toBeVisible();
  expect(stack.directory.bind(enrolled, fresh)).toEqual({ ok: true, code: '' });
  expect(stack.directory.bind(enrolled, enrolled.password)).toEqual({ ok: false, code: '52e' });
});

test('a one-time password is shown once, works, and must be changed', { tag: '@database' }, async ({ stack, phone, enrolled }) => {
  const { page } = phone;
  stack.directory.lock(enrolled);
  await phone.signIn();
  await open(page, 'Get a one-time password');
  await page.getByRole('button', { name: 'Set a one-time password' }).click();
  await expect(page.getByRole('heading', { name: 'Your one-time password' })).toBeVisible();
  const shown = (await page.getByTestId('one-time-password').innerText()).replace(/\s/g, '');
  await page.getByRole('button', { name: 'I have it' }).click();
  expect(stack.directory.bind(enrolled, shown)).toEqual({ ok: false, code: '773' });
  expect(stack.directory.bind(enrolled, enrolled.password)).toEqual({ ok: false, code: '52e' });
  expect(stack.directory.read(enrolled, 'pwdLastSet')).toBe('0');
  await page.reload();
  await expect(page.getByText(shown)).toHaveCount(0);
});

test('a weak or banned password is refused with its reason before it is sent', async ({ stack, phone, enrolled }) => {
  const { page } = phone;
  const before = stack.directory.read(enrolled, 'msDS-KeyVersionNumber');
  await phone.signIn();
  await open(page, 'Set a new password');
  for (const weak of ['short', 'Latchkey-2026-Latchkey', `Reyes-${enrolled.account}-77x!`]) {
    await page.getByLabel('New password').fill(weak);
    await expect(page.getByRole('button', { name: 'Set new password' })).toBeDisabled();
  }
  expect(stack.directory.read(enrolled, 'msDS-KeyVersionNumber')).toBe(before);
});

test('what the page hears while an answer is on its way takes nothing from the screen', async ({ stack, phone, enrolled }) => {
  const { page } = phone;
  let writing = false; // as with a slow directory: the page reads that it is under way
  await page.route('**/execute', async (route) => {
    writing = true;
    const response = await route.fetch();
    await page.waitForTimeout(1000);
    writing = false;
    await route.fulfill({ response });
  });
  await page.route(/\/api\/requests\/[^/]+$/, async (route) => {
    const response = await route.fetch();
    await route.fulfill(writing ? { response, json: { ...(await response.json() as object), state: 'executing' } } : { response });
  });
  await phone.signIn();
  await open(page, 'Change my password');
  await page.getByLabel('Old password').fill('not-the-old-one-9!');
  await page.getByLabel('New password').fill(fresh);
  await page.getByRole('button', { name: 'Change password' }).click();
  await expect(page.getByRole('alert').first()).toBeVisible();
  await expect(page.getByLabel('New password')).toHaveValue(fresh);

  await page.goto('/account');
  await open(page, 'Get a one-time password');
  await page.getByRole('button', { name: 'Set a one-time password' }).click();
  const shown = (await page.getByTestId('one-time-password').innerText()).replace(/\s/g, '');
  expect(stack.directory.bind(enrolled, shown)).toEqual({ ok: false, code: '773' });
});
