import { expect, type Page } from '@playwright/test';
import { look } from './lib/looks.ts';
import { test } from './lib/people.ts';
import { departments } from './lib/stack.ts';

// The screens of approvals and notifications: a picture, axe with all its rules and
// no sideways scroll for each, in both themes, sizes and languages. One journey
// passes several of them.

test.use({ trace: 'off' });
test.setTimeout(240_000);

const button = (page: Page, name: string | RegExp) => page.getByRole('button', { name });
const sees = (page: Page, name: string | RegExp) => expect(page.getByRole('heading', { name }).first()).toBeVisible();

test('asking, waiting, the inbox, the review and a denial', async ({ people }) => {
  const { sam, noor } = await people.pair();
  const [asks, decides] = [noor.phone.page, sam.phone.page];
  await decides.goto('/inbox');
  await expect(decides.getByText('Nothing waits for you.')).toBeVisible();
  await look(decides, 'inbox-empty');
  await button(asks, 'Set a new password').click();
  await button(asks, 'New phone').click();
  await look(asks, 'ask');
  await button(asks, 'Ask for approval').click();
  await button(asks, 'Confirm with my passkey').click();
  await sees(asks, 'Waiting for Sam Okafor');
  await look(asks, 'waiting');
  await button(asks, 'Stop this request').click();
  await look(asks, 'waiting-stop');
  await button(asks, 'Keep waiting').click();

  await expect(decides.getByRole('link', { name: /Noor Haddad/ })).toBeVisible();
  await look(decides, 'inbox');
  await sam.phone.context.setOffline(true);
  await decides.reload();
  await expect(decides.getByText(/This is your inbox as of/)).toBeVisible();
  await look(decides, 'inbox-offline');
  await sam.phone.context.setOffline(false);
  await decides.goto('/account');
  await expect(decides.getByRole('link', { name: /wait/ }).first()).toBeVisible();
  await look(decides, 'account-reviewer');

  await decides.goto((await sam.phone.notification()).navigate);
  await sees(decides, /Noor Haddad asks/);
  await look(decides, 'review');
  await button(decides, 'Deny').click();
  await look(decides, 'review-deny');
  await button(decides, 'Not now').or(button(decides, 'Not just now')).click();
  await button(decides, 'Deny this request').click();
  await sees(decides, 'You said no');
  await look(decides, 'review-denied');
  await sees(asks, 'Sam Okafor said no');
  await look(asks, 'denied');
  await decides.goto('/inbox');
  await expect(decides.getByText('You decided')).toBeVisible();
  await look(decides, 'inbox-decided');
});

test('the number, a report, a frozen account, a yes', async ({ people }) => {
  const { sam, noor } = await people.pair(departments.numbered);
  const [asks, decides] = [noor.phone.page, sam.phone.page];
  await noor.phone.askForReset();
  await look(asks, 'waiting-number');
  const right = (await asks.getByTestId('number').innerText()).trim();
  await decides.goto((await sam.phone.notification()).navigate);
  await decides.getByLabel('The number on their screen').fill(right === '47' ? '48' : '47');
  await button(decides, 'Approve with my passkey').click();
  await expect(decides.getByText('2 tries left.')).toBeVisible();
  await look(decides, 'review-number');
  await decides.getByLabel('The number on their screen').fill(right);
  await button(decides, 'Approve with my passkey').click();
  await sees(decides, 'You approved this');
  await look(decides, 'review-approved');
  await expect(asks.getByLabel('New password')).toBeVisible();
  await look(asks, 'password-approved');
  await button(decides, 'This isn’t right').click();
  await look(decides, 'review-wrong');
  await button(decides, 'Stop this request').click();
  await sees(decides, 'You stopped this');
  await look(decides, 'review-reported');
  await sees(asks, 'An approver said that this isn’t right');
  await look(asks, 'reported');
  await button(decides, 'Freeze their account here').click();
  await expect(button(decides, 'Freeze their account here')).toHaveCount(0);
  await look(decides, 'review-frozen');
  await asks.goto('/');
  await noor.phone.signIn();
  await look(asks, 'account-frozen');
});

test('notifications: offered, off, on, blocked, and first the home screen', async ({ people, stack }) => {
  const person = people.hire('Sam', 'Okafor');
  const phone = await people.phone();
  const { page } = phone;
  await page.goto(stack.invite(person));
  await page.getByLabel('The password you use at work').fill(person.password);
  await button(page, 'Check my password').click();
  await button(page, 'Make my passkey').click();
  await button(page, 'Try it once').click();
  await sees(page, 'Hear about it');
  await look(page, 'enrol-notify');
  await page.goto('/devices');
  await look(page, 'devices-none');
  await page.addInitScript(() => { Object.defineProperty(Notification, 'permission', { get: () => 'denied' }); });
  await page.goto('/devices');
  await expect(page.getByText('This browser blocks notifications')).toBeVisible();
  await look(page, 'devices-blocked');

  const { phone: on } = await people.enrolled(person);
  await on.page.goto('/devices');
  await expect(on.page.getByText('Notifications are on here')).toBeVisible();
  await look(on.page, 'devices-on');
  await button(on.page, 'Turn off here').click();
  await look(on.page, 'devices-end');
});
