import { expect, type Locator, type Page } from '@playwright/test';
import { look } from './lib/looks.ts';
import { test } from './lib/people.ts';
import { beginTotp, finishTotp, keepCodes, makeCodes, totp, without } from './lib/proofs.ts';
import { departments } from './lib/stack.ts';

// The screens of the proofs, and of the way in without a passkey: a picture, axe with
// all its rules and no sideways scroll for each, in both themes, sizes and languages.

test.use({ trace: 'off' });
test.setTimeout(240_000);

const button = (page: Page | Locator, name: string | RegExp) => page.getByRole('button', { name });
const sees = (page: Page, name: string | RegExp) => expect(page.getByRole('heading', { name }).first()).toBeVisible();

test('the proofs: recovery codes and an authenticator app, from none to removed', async ({ people }) => {
  const { phone } = await people.enrolled(people.hire('Dana', 'Reyes', { department: departments.recoverable }));
  const { page } = phone;
  await page.goto('/proofs');
  await expect(page.getByText('None yet.', { exact: false })).toBeVisible();
  await look(page, 'proofs-none');
  await button(page, /^Recovery codes/).click();
  await look(page, 'codes-none');
  await makeCodes(phone);
  await look(page, 'codes-shown');
  await page.getByRole('link', { name: 'Latchkey' }).first().click();
  await look(page, 'codes-leave');
  await button(page, 'Back to the codes').click();
  await keepCodes(phone);
  const secret = await beginTotp(phone);
  await finishTotp(phone, totp(secret) === '000000' ? '000001' : '000000');
  await expect(page.getByText('That code isn’t right.')).toBeVisible();
  await look(page, 'totp-wrong');
  await finishTotp(phone, totp(secret));
  await expect(page.getByText('Your authenticator app is set up.')).toBeVisible();
  await page.route('**/api/proofs', async (route) => {
    const response = await route.fetch();
    const said = await response.json() as { recoveryCodes: object };
    await route.fulfill({ response, json: { ...said, recoveryCodes: { ...said.recoveryCodes, left: 2 } } });
  });
  await page.reload();
  await expect(page.getByText('2 of 10 left')).toBeVisible();
  await look(page, 'proofs');
  await button(page, /^Recovery codes/).click();
  await look(page, 'codes');
  await button(page, 'Back').click();
  await button(page, /^Authenticator app/).click();
  await button(page, 'Remove the authenticator app').click();
  await look(page, 'totp-remove');
  await button(page.getByRole('dialog'), 'Remove').click();
  await expect(page.getByText('The authenticator app is removed.', { exact: false })).toBeVisible();
});

test('without a passkey: the way in, what is refused, and a new passkey', async ({ people }) => {
  const { phone, person } = await people.enrolled(people.hire('Dana', 'Reyes', { department: departments.recoverable }));
  const codes = await makeCodes(phone);
  await keepCodes(phone);
  const { page } = await people.phone();
  await page.goto('/recover');
  await page.getByLabel('The name you sign in with at work').fill(person.account);
  await look(page, 'recover');
  await without(page, person.account, 'A recovery code and my authenticator app', 'A new passkey');
  await page.getByRole('textbox', { name: 'Recovery code' }).fill('ABCD-EFGH-J');
  await look(page, 'recover-codes');
  await page.getByRole('textbox', { name: 'Recovery code' }).fill('ABCD-EFGH-JKMN-PQRS');
  await page.getByLabel('Code from your authenticator app').fill('123 456');
  await button(page, 'Continue').click();
  await expect(page.getByRole('alert')).toBeVisible();
  await look(page, 'recover-refused');
  await button(page, 'Ask a colleague').click();
  await sees(page, 'Let somebody see that it’s you');
  await look(page, 'recover-none');

  await without(page, person.account, 'A recovery code', 'A new passkey');
  await page.getByRole('textbox', { name: 'Recovery code' }).fill(codes[0]!);
  await button(page, 'Continue').click();
  await sees(page, 'Make a new passkey');
  await look(page, 'new-passkey');
  await page.goto('/account');
  await expect(page.getByText('You came in without a passkey')).toBeVisible();
  await look(page, 'account-recovered');
  await page.getByRole('link', { name: 'Go on: new passkey' }).click();
  await button(page, 'Make my passkey').click();
  await sees(page, 'Your new passkey is made');
  await look(page, 'done-passkey');
});
