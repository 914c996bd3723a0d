import type { Page } from '@playwright/test';
import { expect } from './lib/fixtures.ts';
import { test } from './lib/people.ts';
import { beginTotp, finishTotp, keepCodes, makeCodes, totp } from './lib/proofs.ts';
import { departments } from './lib/stack.ts';

// What an organisation wants its people to hold before they need it.

const fresh = 'Harbour-Lantern-47-quiet';
const button = (page: Page, name: string | RegExp) => page.getByRole('button', { name });
const sees = (page: Page, name: string | RegExp) => expect(page.getByRole('heading', { name }).first()).toBeVisible();
const toAccount = (page: Page) => page.locator('.brand').click(); // without a reload

test('what is to be set up in time is said on the first page, and is gone once it is', async ({ people, stack }) => {
  const { phone, person } = await people.enrolled(people.hire('Dana', 'Reyes', { department: departments.reminded }));
  const { page } = phone;
  const { duty } = await (await page.request.get('/api/me')).json() as { duty: { by: string } };
  expect(Date.parse(duty.by) - Date.now(), 'two weeks from the first passkey').toBeGreaterThan((14 * 24 * 60 - 5) * 60_000);
  const day = new Date(duty.by).toLocaleDateString('en-GB', { day: 'numeric', month: 'long', timeZone: 'Europe/Berlin' });
  const card = page.getByRole('link', { name: /^Set up by / });
  await expect(card).toHaveAccessibleName(new RegExp(`^Set up by ${day}.*recovery codes, authenticator app`));
  await card.click();
  await sees(page, 'Ways to prove it’s me');
  await makeCodes(phone);
  await keepCodes(phone);
  await toAccount(page);
  await expect(card).toHaveAccessibleName(/authenticator app/);
  await expect(card).not.toHaveAccessibleName(/recovery codes/);

  await button(page, 'Set a new password').click(); // nothing is kept from her meanwhile
  await button(page, 'Confirm with my passkey').click();
  await page.getByLabel('New password').fill(fresh);
  await button(page, 'Set new password').click();
  await sees(page, 'Your new password is set');
  expect(stack.directory.bind(person, fresh)).toEqual({ ok: true, code: '' });

  const secret = await beginTotp(phone);
  await finishTotp(phone, totp(secret));
  await expect(page.getByText('Your authenticator app is set up.')).toBeVisible();
  await toAccount(page);
  await sees(page, 'Your account is fine');
  await expect(card).toHaveCount(0);
});

test('what is overdue leaves an unlock and no more, until it is set up', async ({ people, stack }) => {
  const { phone, person } = await people.enrolled(people.hire('Dana', 'Reyes', { department: departments.limited }));
  const { page } = phone;
  const card = page.getByRole('link', { name: /^Still to be set up.*recovery codes.*Until then you can only unlock or make a new passkey\.$/ });
  await expect(card).toBeVisible();
  await sees(page, 'Your account is fine');
  await expect(button(page, 'Set a new password')).toHaveCount(0);
  const refused = await page.request.post('/api/requests', { data: { kind: 'reset' }, headers: { Origin: stack.url } });
  expect(await refused.json()).toMatchObject({ code: 'duty.missing', params: { proofs: 'recovery-code' } });

  stack.directory.lock(person);
  await page.goto('/account');
  await button(page, 'Unlock my account').click();
  await sees(page, 'You are unlocked');
  expect(stack.directory.bind(person, person.password)).toEqual({ ok: true, code: '' });

  await makeCodes(phone);
  await keepCodes(phone);
  await toAccount(page);
  await sees(page, 'Your account is fine');
  await expect(card).toHaveCount(0);
  await button(page, 'Set a new password').click();
  await button(page, 'Confirm with my passkey').click();
  await page.getByLabel('New password').fill(fresh);
  await button(page, 'Set new password').click();
  await sees(page, 'Your new password is set');
  expect(stack.directory.bind(person, fresh)).toEqual({ ok: true, code: '' });
});
