import { expect, type Page } from '@playwright/test';
import { test, type People, type Somebody } from './lib/people.ts';
import { attributes } from './lib/further.ts';
import { look } from './lib/looks.ts';
import { keepCodes, loseKeys, mailedCode, makeCodes, without } from './lib/proofs.ts';
import { departments, type Stack } from './lib/stack.ts';
import type { Mail } from './lib/stand.ts';

// "This wasn't me" in Chromium at phone size: by the link of a mail on another device,
// by a notification, and from one's own account.

const button = (page: Page, name: string | RegExp) => page.getByRole('button', { name });
const sees = (page: Page, name: string | RegExp) => expect(page.getByRole('heading', { name }).first()).toBeVisible();
const stop = 'Stop everything on my account';
const fresh = 'Harbour-Lantern-47-quiet';

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
  await expect(noor.phone.page.getByRole('heading', { level: 1 })).toBeFocused();
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
  expect(await sam.phone.notification()).toMatchObject({ title: 'A request waits for you' }); // taken back since
  expect(await sam.phone.notification()).toMatchObject({ title: 'Somebody asks to be let in again', badge: 1 }); // this freeze
  await sam.phone.page.goto('/account');
  await sam.phone.page.getByRole('link', { name: 'Inbox, 1 waits for you' }).first().click();
  await sees(sam.phone.page, /^Let Noor .* in again\?$/);
  await lift.click();
  await expect(sam.phone.page.getByText(/ is let in again$/)).toBeVisible();
  await expect(lift).toHaveCount(0);
  expect(stack.command('freezes', '--config', stack.config)).not.toContain(noor.person.account);
  await page.goto('/account');
  await sees(page, 'Your account is fine');
});

test('whom no rule gives anything sees the freeze all the same, and says: it is me again', async ({ people, stack }) => {
  const { person, phone } = await people.enrolled(people.hire('Noor', 'Haddad'));
  const { page } = phone;
  await stack.under(({ policies, ...rest }) => ({ ...rest, policies: policies.filter((p) => (p as { name: string }).name !== 'staff') }), async () => {
    await page.goto('/account');
    await sees(page, 'Your account is fine');
    await expect(button(page, 'Set a new password')).toHaveCount(0); // nothing is given
    await button(page, /This wasn’t me/).click();
    await button(page, stop).click();
    await sees(page, 'Everything is stopped');
    await page.goto('/');
    await phone.signIn();
    await sees(page, 'Your account is frozen here');
    await expect(page.getByText('Your account is fine')).toHaveCount(0);
    await expect(button(page, /This wasn’t me/)).toHaveCount(0);
    await look(page, 'frozen-no-rule');
    await button(page, 'It is me again').click();
    await expect(page.getByText('IT sees that it is you')).toBeVisible();
    expect(stack.command('freezes', '--config', stack.config)).toMatch(/proved with a passkey at .* that it is them/);
    await page.reload();
    await sees(page, 'Your account is frozen here');
    stack.command('unfreeze', '--config', stack.config, person.upn); // nothing of --without-proof
    await page.goto('/account');
    await sees(page, 'Your account is fine');
    await expect(button(page, /This wasn’t me/)).toBeVisible();
  });
});

test('the phone is lost and everything stopped: a recovery code says that it is me again, and the manager lets me in', { tag: '@database' }, async ({ people, stack }) => {
  const { sam, noor } = await people.pair(departments.both);
  const codes = await makeCodes(noor.phone);
  await keepCodes(noor.phone);
  const lost = noor.phone.page;
  await lost.goto('/account');
  await button(lost, /This wasn’t me/).click();
  await button(lost, stop).click();
  await sees(lost, 'Everything is stopped');
  await loseKeys(noor.phone);

  const { page } = await people.phone();
  const code = page.getByRole('textbox', { name: 'Recovery code' });
  await without(page, noor.person.account, 'A recovery code', 'A new passkey');
  await code.fill(codes[0]!);
  await button(page, 'Continue').click();
  await expect(page.getByText('so Latchkey does nothing for it', { exact: false })).toBeVisible();
  await sam.phone.page.goto('/inbox');
  await expect(button(sam.phone.page, 'We spoke: let them in')).toHaveCount(0); // coming as far as this asked for nothing
  await button(page, 'It is me again').click(); // with what was typed
  await sees(page, 'Your account is frozen here');
  await expect(page.getByText('IT sees that it is you')).toBeVisible();
  await expect(page.getByText('While your account is frozen it only shows how things stand', { exact: false })).toBeVisible();
  await page.reload();
  await expect(page.getByText('IT sees that it is you')).toBeVisible();
  expect(stack.command('freezes', '--config', stack.config)).toMatch(/proved with recovery-code at .* that it is them/);
  await mailTo(stack, 'servicedesk@corp.example.test', /proved without a passkey: it is me again/);
  await mailTo(stack, noor.person.upn, /Somebody without a passkey has now confirmed/);

  await sam.phone.page.reload();
  await sees(sam.phone.page, /^Let Noor .* in again\?$/);
  await expect(sam.phone.page.getByText('Confirmed without a passkey: Recovery code')).toBeVisible();
  await button(sam.phone.page, 'We spoke: let them in').click();
  await expect(sam.phone.page.getByText(/ is let in again$/)).toBeVisible();
  await page.goto('/account');
  await sees(page, 'Locked out?'); // the sign-in was for that alone

  await without(page, noor.person.account, 'A recovery code', 'A new passkey'); // the first is used up
  await code.fill(codes[0]!);
  await button(page, 'Continue').click();
  await expect(page.getByText('That didn’t let you in.')).toBeVisible();
  await code.fill(codes[1]!);
  await button(page, 'Continue').click();
  await expect(button(page, /^Ask /)).toBeVisible(); // for the new passkey, as ever
});

test('whoever never had a passkey says by a new code that it is me again, and IT lets them in', async ({ people, stack }) => {
  const to = `p${Math.random().toString(36).slice(2)}@home.example.test`;
  const person = people.hire('Noor', 'Haddad', { department: departments.byPassword, more: { [attributes.mail]: to } });
  const { page } = await people.phone();
  const sent = (page: Page) => page.getByLabel('Code from the mail');
  const comes = async (password: string) => {
    const before = (await stack.stand.mails()).length;
    await without(page, person.account, 'My current password and a code by mail', 'A new password');
    await page.getByLabel('Your current password').fill(password);
    await sent(page).fill(await mailedCode(stack.stand, to, before));
    await button(page, 'Continue').click();
  };
  await comes(person.password);
  await page.getByLabel('New password').fill(fresh);
  await button(page, 'Set new password').click();
  await sees(page, 'Your new password is set');
  await page.goto(linkIn(await mailTo(stack, person.upn, /A new password was set/)));
  await button(page, stop).click();
  await sees(page, 'Everything is stopped');

  await comes(fresh);
  await expect(page.getByText('so Latchkey does nothing for it', { exact: false })).toBeVisible();
  const before = (await stack.stand.mails()).length;
  await button(page, 'It is me again').click();
  await expect(page.getByText(/, whose account is frozen here$/)).toBeVisible();
  const code = await mailedCode(stack.stand, to, before);
  await expect(page.getByText('We have sent a code', { exact: false })).toBeVisible();
  await page.reload(); // in the middle of it
  await expect(page.getByText(/, whose account is frozen here$/)).toBeVisible();
  await page.getByLabel('Your current password').fill(fresh);
  await sent(page).fill(code);
  await button(page, 'It is me again').click();
  await expect(page.getByText('IT sees that it is you')).toBeVisible();
  stack.command('unfreeze', '--config', stack.config, person.upn); // nothing of --without-proof
  await comes(fresh);
  await expect(page.getByLabel('New password')).toBeVisible();
  await page.goto(linkIn(await mailTo(stack, person.upn, /lifted the stop on your account/))); // and the link of that stops it once more
  await button(page, stop).click();
  await sees(page, 'Everything is stopped');
});
