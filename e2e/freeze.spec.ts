import { expect, type Page } from '@playwright/test';
import { test, type People, type Somebody } from './lib/people.ts';
import { departments, type Stack } from './lib/stack.ts';
import type { Mail } from './lib/stand.ts';

// "This wasn't me" in Chromium at phone size: by the link of a mail on another device,
// by a notification, and from one's own account.

const button = (page: Page, name: string | RegExp) => page.getByRole('button', { name });
const sees = (page: Page, name: string | RegExp) => expect(page.getByRole('heading', { name }).first()).toBeVisible();
const stop = 'Stop everything on my account';

/** A mail's text (RFC 2045 6.7). */
const text = (mail: Mail) => Buffer.from(
  mail.raw.slice(mail.raw.search(/\r?\n\r?\n/)).replace(/=\r?\n/g, '').replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16))), 'latin1',
).toString('utf8');

/** The first mail to somebody that says this, once it has come. */
async function mailTo(stack: Stack, to: string, says: RegExp): Promise<string> {
  for (let seen: number | undefined; ;) {
    const all = await stack.stand.mails(seen);
    seen = all.length;
    const found = all.find((m) => m.to.includes(to) && says.test(text(m)));
    if (found) return text(found);
  }
}

const linkIn = (mail: string) => /This wasn’t me: (\S+)/.exec(mail)![1]!;

/** Noor was unlocked, was told of it, and has asked Sam for a new password since. */
async function unlockedAndAsking(people: People, stack: Stack): Promise<{ sam: Somebody; noor: Somebody; request: string }> {
  const { sam, noor } = await people.pair(departments.byManager);
  stack.directory.lock(noor.person);
  await noor.phone.page.goto('/account');
  await button(noor.phone.page, 'Unlock my account').click();
  await sees(noor.phone.page, 'You are unlocked');
  await noor.phone.page.goto('/account');
  return { sam, noor, request: await noor.phone.askForReset() };
}

test('the link of a mail stops everything from any device, once, and says nothing of whose it is', { tag: '@database' }, async ({ people, stack }) => {
  const { sam, noor, request } = await unlockedAndAsking(people, stack);
  const link = linkIn(await mailTo(stack, noor.person.upn, /Your account at Example Corp was unlocked/));
  await stack.restart(); // nothing of a link is kept
  const { page } = await people.phone(); // nobody's
  await page.goto(link);
  await sees(page, 'Was this not you?');
  await noor.phone.page.goto(`/request/${request}`); // opening it has done nothing
  await sees(noor.phone.page, /^Waiting for/);
  await button(page, stop).click();
  await sees(page, 'Everything is stopped');
  await expect(page.getByRole('link', { name: 'Call IT Service Desk' })).toBeVisible();
  await expect(page.locator('body')).not.toContainText(/noor|haddad/i);

  expect(stack.actions(request).at(-1)).toBe('request.cancelled');
  await noor.phone.page.goto('/account');
  await expect(button(noor.phone.page, 'Unlock with my passkey')).toBeVisible(); // signed out
  expect((await noor.phone.notification()).title).toBe('Your account was unlocked');
  expect((await noor.phone.notification()).title).toBe('Your account is stopped here');
  await mailTo(stack, noor.person.upn, /“This wasn’t me” was chosen for your account/);
  const alert = await mailTo(stack, 'servicedesk@corp.example.test', new RegExp(stack.directory.id(noor.person)));
  expect(alert).toContain('Noor Haddad');
  await sam.phone.page.goto(`/review/${request}`);
  await expect(button(sam.phone.page, 'Approve with my passkey')).toHaveCount(0);

  await noor.phone.page.goto('/');
  await noor.phone.signIn();
  await sees(noor.phone.page, 'Your account is frozen here');
  await expect(button(noor.phone.page, /This wasn’t me/)).toHaveCount(0);
  await noor.phone.page.goto('/activity');
  await expect(noor.phone.page.getByText('“This wasn’t me” was chosen, and your account was frozen here')).toBeVisible();

  await noor.phone.page.goto('/account');
  await button(noor.phone.page, 'It is me again').click();
  await expect(noor.phone.page.getByText('IT sees that it is you')).toBeVisible();
  await mailTo(stack, 'servicedesk@corp.example.test', /proved with a passkey: it is me again/);
  expect(stack.command('freezes', '--config', stack.config)).toMatch(/proved with a passkey at .* that it is them/);
  await noor.phone.page.reload();
  await expect(noor.phone.page.getByText('IT sees that it is you')).toBeVisible();

  // Its owner is told, and the link of that takes it back: it may have been a thief's passkey.
  await page.goto(linkIn(await mailTo(stack, noor.person.upn, /Somebody has now confirmed with a passkey of yours/)));
  await button(page, stop).click();
  await sees(page, 'Everything is stopped');
  expect(stack.command('freezes', '--config', stack.config)).not.toMatch(/proved with a passkey/);
  await noor.phone.page.goto('/');
  await noor.phone.signIn();
  await sees(noor.phone.page, 'Your account is frozen here');
  await button(noor.phone.page, 'It is me again').click();
  await expect(noor.phone.page.getByText('IT sees that it is you')).toBeVisible();

  await page.goto(link); // one from before answers the same, and takes nothing back
  await button(page, stop).click();
  await sees(page, 'Everything is stopped');
  expect(stack.command('freezes', '--config', stack.config)).toContain('its owner (this wasn\'t me)');
  stack.command('unfreeze', '--config', stack.config, noor.person.upn);
  await page.reload();
  await button(page, stop).click();
  await sees(page, 'This link is no good any more');
  await noor.phone.page.goto('/account');
  await sees(noor.phone.page, 'Your account is fine');
});

test('a notification leads to the button also where nobody is signed in, and there is no network for a moment', async ({ people, stack }) => {
  const { noor } = await unlockedAndAsking(people, stack);
  const { page } = noor.phone;
  const push = await noor.phone.notification();
  expect(push.actions).toEqual(['This wasn’t me']);
  expect(push.navigate).toMatch(/\/account#stop=[\w-]{60,}$/);
  await noor.phone.context.clearCookies();
  await page.goto(push.navigate);
  await sees(page, 'Locked out?');
  expect(page.url()).toBe(`${stack.url}/account`); // the secret does not stay in the address
  await button(page, 'This wasn’t me').click();
  await sees(page, 'Was this not you?');
  await noor.phone.context.setOffline(true);
  await button(page, stop).click();
  await expect(page.getByText('There is no connection to Latchkey.')).toBeVisible();
  await noor.phone.context.setOffline(false);
  expect(stack.command('freezes', '--config', stack.config)).not.toContain(noor.person.account); // nothing was kept to be sent later
  await button(page, stop).click();
  await sees(page, 'Everything is stopped');
  expect(stack.command('freezes', '--config', stack.config)).toContain(noor.person.account);
});

test('from my account it takes a touch and a yes, and the manager lets me in again', async ({ people, stack }) => {
  const { sam, noor, request } = await unlockedAndAsking(people, stack);
  const { page } = noor.phone;
  await page.goto('/account');
  await button(page, /This wasn’t me/).click();
  await button(page, 'Leave it on').click();
  await expect(page.getByRole('dialog')).toHaveCount(0);
  await button(page, /This wasn’t me/).click();
  await button(page, stop).click();
  await sees(page, 'Everything is stopped');
  expect(stack.actions(request).at(-1)).toBe('request.cancelled');
  await page.goto('/');
  await noor.phone.signIn();
  await sees(page, 'Your account is frozen here');

  await sam.phone.page.goto('/inbox');
  const lift = button(sam.phone.page, 'We spoke: let them in');
  await expect(lift).toHaveCount(0);
  await button(page, 'It is me again').click();
  await expect(page.getByText('IT sees that it is you')).toBeVisible();
  expect(stack.command('freezes', '--config', stack.config)).toContain(noor.person.account);
  await sam.phone.page.reload();
  await sees(sam.phone.page, /^Let Noor .* in again\?$/);
  await lift.click();
  await expect(sam.phone.page.getByText(/ is let in again$/)).toBeVisible();
  await expect(lift).toHaveCount(0);
  expect(stack.command('freezes', '--config', stack.config)).not.toContain(noor.person.account);
  await page.goto('/account');
  await sees(page, 'Your account is fine');
});
