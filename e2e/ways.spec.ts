import type { Request } from '@playwright/test';
import { test, expect } from './lib/fixtures.ts';

test('the first tap counts, though the server is slow and nothing is fetched yet', async ({ phone, enrolled }) => {
  const { page } = phone;
  expect(enrolled.account).not.toBe('');
  let answer = () => {};
  const held = new Promise<void>((resolve) => { answer = resolve; });
  await page.route('/api/sign-in/begin', async (route) => { await held; await route.continue(); });
  await page.goto('/');
  const button = page.getByRole('button', { name: 'Unlock with my passkey' });
  await button.tap();
  await expect(page.getByRole('button', { name: 'Follow your device…' })).toBeVisible();
  answer();
  await expect(page.getByRole('heading', { name: 'My account' })).toBeAttached();
});

test('back leads one step back from every screen', async ({ phone, enrolled }) => {
  const { page } = phone;
  expect(enrolled.account).not.toBe('');
  await phone.signIn();
  const back = () => page.getByRole('button', { name: 'Back', exact: true }).tap();
  const sees = (name: string | RegExp) => expect(page.getByRole('heading', { name, level: 1 })).toBeAttached();
  for (const name of ['My activity', 'What is stored about me', 'Help'] as const) {
    await page.getByRole('main').getByRole('link', { name }).tap();
    await sees(name === 'Help' ? 'I can’t use my passkey' : name);
    await back();
    await sees('My account');
  }
  for (const name of ['Set a new password', 'Change my password', 'Get a one-time password']) {
    await page.getByRole('button', { name }).tap();
    await sees(name);
    await back();
    await sees('My account');
  }
  await page.getByRole('main').getByRole('link', { name: 'My passkeys' }).tap();
  await page.getByRole('button', { name: 'Add a passkey' }).tap();
  await page.getByRole('button', { name: /On another device/ }).tap();
  await sees('On another device');
  for (const name of ['Add a passkey', 'My passkeys', 'My account']) {
    await back();
    await sees(name);
  }
});

test('a session that is over says so and comes back to where it was', async ({ phone, enrolled }) => {
  const { page, context } = phone;
  expect(enrolled.account).not.toBe('');
  // What the page still asks by itself would be told first, and before the tap.
  const asking = new Set<Request>();
  page.on('request', (r) => { if (!r.url().endsWith('/api/live')) asking.add(r); });
  for (const over of ['requestfinished', 'requestfailed'] as const) page.on(over, (r: Request) => { asking.delete(r); });
  const live = page.waitForResponse((r) => r.url().endsWith('/api/live') && r.ok());
  await phone.signIn();
  await live;
  await expect.poll(() => asking.size).toBe(0);
  await context.clearCookies();
  await page.getByRole('main').getByRole('link', { name: 'My activity' }).tap();
  await expect(page.getByText('You were signed out, because the time was up.')).toBeVisible();
  await page.getByRole('button', { name: 'Sign in with my passkey' }).tap();
  await expect(page.getByRole('heading', { name: 'My activity' })).toBeVisible();
});
