import type { Page } from '@playwright/test';
import { expect } from './lib/fixtures.ts';
import { Maker, model, plug } from './lib/maker.ts';
import { test } from './lib/people.ts';
import { loseKeys } from './lib/proofs.ts';

// People whose policy takes security keys of one maker and no other passkey, in Chromium
// with a virtual security key.

const fresh = 'Harbour-Lantern-47-quiet';
const button = (page: Page, name: string | RegExp) => page.getByRole('button', { name });
const sees = (page: Page, name: string | RegExp) => expect(page.getByRole('heading', { name }).first()).toBeVisible();
const vault = 'Vault';
const key = { prove: ['hardware-key'] };
const policy = { name: vault, who: { department: vault }, unlock: key, reset: key };

/** Tries to make a passkey; the server's status. */
async function make(page: Page): Promise<number> {
  const finished = page.waitForResponse('**/finish');
  await button(page, 'Make my passkey').click();
  return (await finished).status();
}

test('a security key that its maker vouches for is registered and used; another key and a synced passkey are refused', async ({ people, stack }) => {
  test.setTimeout(120_000);
  const maker = new Maker(stack.dir);
  await stack.under((c) => ({ ...c, proofs: { ...c.proofs, hardware_key: { roots_file: maker.roots, models: [model] } }, policies: [policy, ...c.policies] }), async () => {
    const person = people.hire('Dana', 'Reyes', { department: vault });
    const phone = await people.phone();
    const { page } = phone;
    await page.goto(stack.invite(person));
    await page.getByLabel('The password you use at work').fill(person.password);
    await button(page, 'Check my password').click();
    const refused = page.getByRole('alert').getByText('That passkey isn’t on a security key or computer that your organisation accepts.');
    const unknown = make(page); // the browser passes the phone's own over, and waits
    await expect(button(page, 'Follow your device…')).toBeVisible();
    let unplug = await plug(phone.cdp);
    expect(await unknown, 'on a key that nobody vouches for').toBe(422);
    await expect(refused).toBeVisible();
    await expect(page.getByText('Choose your security key, or the computer if it is accepted, when your browser asks where to keep it.')).toBeVisible();
    await loseKeys(phone);
    await unplug();
    await maker.certifies(page);
    unplug = await plug(phone.cdp, { defaultBackupEligibility: true, defaultBackupState: true });
    expect(await make(page), 'on what may be backed up, whoever vouches').toBe(422);
    await expect(refused).toBeVisible();
    await unplug();
    await plug(phone.cdp);
    expect(await make(page), 'on the maker’s').toBe(200);
    await button(page, 'Try it once').click();
    await phone.hearsAboutIt();
    await page.goto('/passkeys');
    await expect(page.getByRole('link', { name: /Security key/ })).toBeVisible();
    await expect(page.getByRole('main').getByRole('listitem')).toHaveCount(1);

    stack.directory.lock(person);
    await phone.signOut();
    await phone.signIn();
    await button(page, 'Unlock my account').click();
    await sees(page, 'You are unlocked');
    await page.goto('/account');
    await button(page, 'Set a new password').click();
    await button(page, 'Confirm with my security key').click();
    await page.getByLabel('New password').fill(fresh);
    await button(page, 'Set new password').click();
    await sees(page, 'Your new password is set');
    expect(stack.directory.bind(person, fresh)).toEqual({ ok: true, code: '' });

    // Once more on the same key: the browser refuses, and the page says what to do.
    await page.goto('/passkeys/add');
    await button(page, /On this device/).click();
    await button(page, 'Confirm with my passkey').click();
    await button(page, 'Make a passkey here').click();
    await expect(page.getByText('This security key or device already has a passkey of yours.')).toBeVisible();
    await button(page, 'To my passkeys').click();
    await expect(page.getByRole('main').getByRole('listitem')).toHaveCount(1);
  });
});

test('a passkey of before counts for as much as before, and its key is registered anew once it is removed', async ({ people, stack }) => {
  test.setTimeout(120_000);
  const maker = new Maker(stack.dir);
  const person = people.hire('Sam', 'Okafor', { department: vault });
  const phone = await people.phone();
  const { page } = phone;
  await loseKeys(phone);
  await plug(phone.cdp);
  await phone.enrol(person, stack.invite(person)); // nobody asked who vouches for the key
  await stack.under((c) => ({ ...c, proofs: { ...c.proofs, hardware_key: { roots_file: maker.roots } }, policies: [policy, ...c.policies] }), async () => {
    await maker.certifies(page);
    await phone.signOut();
    await phone.signIn();
    await button(page, 'Set a new password').click();
    await button(page, 'Confirm with my security key').click();
    await expect(page.getByRole('alert').getByText('That passkey isn’t on a security key or computer that your organisation accepts.')).toBeVisible();

    await page.goto(stack.invite(person));
    await page.getByLabel('The password you use at work').fill(person.password);
    await button(page, 'Check my password').click();
    await button(page, 'Make my passkey').click();
    await expect(page.getByText('This security key or device already has a passkey of yours.')).toBeVisible();
    await expect(page.getByText('remove that passkey under “My passkeys”', { exact: false })).toBeVisible();
    const link = stack.invite(person);
    await page.goto('/passkeys');
    await page.getByRole('main').getByRole('listitem').getByRole('link').click();
    await button(page, 'Remove this passkey').click();
    await button(page, 'Remove my last passkey').click();
    await expect(page.getByText('The passkey of this device was removed', { exact: false })).toBeVisible();
    await phone.enrol(person, link);
    await page.goto('/passkeys');
    await expect(page.getByRole('link', { name: /Security key/ })).toBeVisible();
  });
});
