import { devices } from '@playwright/test';
import { test, expect, Phone } from './lib/fixtures.ts';

test('a second device is added by its link and lets its owner in', async ({ phone, enrolled, browser, stack }) => {
  const { page } = phone;
  expect(enrolled.account).not.toBe('');
  await phone.signIn();
  await page.goto('/passkeys/add');
  await page.getByRole('button', { name: 'On another device' }).or(page.getByRole('link', { name: 'On another device' })).first().click();
  const invited = page.waitForResponse('**/api/passkeys/invite');
  await page.getByRole('button', { name: 'Confirm with my passkey' }).click();
  const { link } = await (await invited).json() as { link: string };
  await expect(page.getByRole('heading', { name: 'Scan this with the other device' })).toBeVisible();

  const other = await Phone.open(await browser.newContext({ ...devices['Pixel 7'], baseURL: stack.url, locale: 'en-GB' }));
  await other.page.goto(link);
  await other.page.getByRole('button', { name: 'This is me, go on' }).click();
  await other.page.getByRole('button', { name: 'Make my passkey' }).click();
  await other.page.getByRole('button', { name: 'Try it once' }).click();
  await other.hearsAboutIt();
  await other.signOut();
  await other.signIn();
  await other.page.goto('/passkeys');
  await expect(other.page.getByText(/In use now/)).toHaveCount(1);
  expect((await (await other.page.request.get('/api/passkeys')).json() as { passkeys: unknown[] }).passkeys).toHaveLength(2);
  await other.context.close();
});

test('the rules on the page are those of the fine-grained policy, and the directory holds to them', async ({ stack, phone, enrolled }) => {
  const { page } = phone;
  stack.directory.policy(`strict-${enrolled.account}`, enrolled, 17);
  await phone.signIn();
  await page.getByRole('button', { name: 'Set a new password' }).or(page.getByRole('link', { name: 'Set a new password' })).first().click();
  await page.getByRole('button', { name: 'Confirm with my passkey' }).click();
  await expect(page.getByText('At least 17 characters')).toBeVisible();
  await page.getByLabel('New password').fill('Harbour-Lamp-47x');
  await expect(page.getByRole('button', { name: 'Set new password' })).toBeDisabled();
  await page.getByLabel('New password').fill('Harbour-Lantern-47-quiet');
  await page.getByRole('button', { name: 'Set new password' }).click();
  await expect(page.getByRole('heading', { name: 'Your new password is set' })).toBeVisible();
  expect(stack.directory.bind(enrolled, 'Harbour-Lantern-47-quiet').ok).toBe(true);
});
