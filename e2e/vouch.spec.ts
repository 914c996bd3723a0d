import type { Locator, Page } from '@playwright/test';
import { expect } from './lib/fixtures.ts';
import { test, type People, type Somebody } from './lib/people.ts';
import { askColleague, setPin, waitingNumber, without } from './lib/proofs.ts';
import { departments } from './lib/stack.ts';

// "Ask a colleague", in Chromium at phone size: whoever has no proof left waits for the
// word of somebody who knows them.

const fresh = 'Harbour-Lantern-47-quiet';
const button = (where: Page | Locator, name: string | RegExp) => where.getByRole('button', { name });
const sees = (page: Page, name: string | RegExp) => expect(page.getByRole('heading', { name }).first()).toBeVisible();
const other = (number: string) => (number === '47' ? '48' : '47');

/** Dana, whose phone is lost, and Sam, who knows her. */
async function couple(people: People, department: string = departments.byWord): Promise<{ sam: Somebody; dana: Somebody }> {
  const sam = await people.enrolled(people.hire('Sam', 'Okafor'));
  const dana = await people.enrolled(people.hire('Dana', 'Reyes', { department, manager: sam.person }));
  return { sam, dana };
}

/** Sam opens what the notification leads to. */
async function open(sam: Somebody, asks: string): Promise<Page> {
  const { page } = sam.phone;
  await page.goto((await sam.phone.notification()).navigate);
  await sees(page, asks);
  return page;
}

async function vouch(at: Page, number: string): Promise<void> {
  await at.getByLabel('The number on their screen').fill(number);
  await button(at, 'Approve with my passkey').click();
}

/** What the server says to whoever waits, from now on, once it has said it so often. */
async function waits(page: Page, often: number): Promise<string[]> {
  const said: string[] = [];
  while (said.length < often) {
    const answer = await page.waitForResponse('**/api/recover/wait', { timeout: 15_000 });
    said.push(`${answer.status()} ${await answer.text()}`);
  }
  return said;
}

test('a lost phone and a forgotten password: a manager who was called vouches, and the waiting page goes on by itself', { tag: '@database' }, async ({ people, stack }) => {
  const { sam, dana } = await couple(people);
  const { page } = await people.phone();
  const number = await askColleague(page, dana.person.account, 'A new password');
  await expect(page.getByText('We have asked the people who may vouch for you, if there is somebody.')).toBeVisible();

  const push = await sam.phone.notification();
  expect(`${push.title} ${push.body}`).not.toMatch(/dana|reyes/i);
  const at = sam.phone.page;
  await at.goto(push.navigate);
  await sees(at, 'Somebody asks for a new password for Dana Reyes');
  await expect(at.getByText('Nobody has proved who this is yet')).toBeVisible();
  await expect(at.getByText('Call Dana Reyes back on a number that you know', { exact: false })).toBeVisible();
  await expect(button(at, 'Approve with my passkey')).toBeDisabled(); // without the number
  await vouch(at, other(number));
  await expect(at.getByText('2 tries left.')).toBeVisible();
  await vouch(at, number);
  await sees(at, 'You vouched for them');

  await page.getByLabel('New password').fill(fresh); // nothing was pressed there
  const id = page.url().split('/').at(-1)!;
  await dana.phone.page.goto(`/request/${id}`); // it is that browser's alone
  await expect(dana.phone.page.getByText('A colleague has vouched. It can be carried out now.')).toBeVisible();
  await expect(dana.phone.page.getByLabel('New password')).toHaveCount(0);
  expect(await page.evaluate(() => JSON.stringify({ ...sessionStorage }))).toBe('{}');
  await button(page, 'Set new password').click();
  await sees(page, 'Your new password is set');
  expect(stack.directory.bind(dana.person, fresh)).toEqual({ ok: true, code: '' });
  expect(stack.actions(id)).toEqual(expect.arrayContaining(['request.submitted', 'request.approved', 'session.recovered', 'execution.intended']));
});

test('a lost phone: a colleague’s word makes a new passkey, a reload goes on waiting, and the old one is gone', { tag: '@database' }, async ({ people }) => {
  const { sam, dana } = await couple(people);
  const { page } = await people.phone();
  const number = await askColleague(page, dana.person.upn, 'A new passkey');
  await page.reload();
  expect(await waitingNumber(page)).toBe(number);
  await page.goto('/');
  await page.getByRole('link', { name: 'I can’t use my passkey' }).click();
  expect(await waitingNumber(page)).toBe(number);

  await vouch(await open(sam, 'Somebody asks for a new passkey for Dana Reyes'), number);
  await sees(page, 'Make a new passkey');
  await page.getByLabel('What is this device called?').fill('The new phone');
  await expect(page.getByRole('checkbox')).toBeChecked();
  await button(page, 'Make my passkey').click();
  await sees(page, 'Your new passkey is made');
  await button(page, 'Try it once').click();
  await sees(page, 'My account');
  await page.goto('/passkeys');
  await expect(page.getByRole('link', { name: /The new phone/ })).toBeVisible();
  await expect(page.getByRole('main').getByRole('listitem')).toHaveCount(1);
  await dana.phone.page.goto('/account');
  await button(dana.phone.page, 'Unlock with my passkey').click();
  await expect(dana.phone.page.getByText('That passkey isn’t known here.')).toBeVisible();
});

test('a name that nobody has gets the same screens and answers, and waits on', async ({ people }) => {
  const dana = people.hire('Dana', 'Reyes', { department: departments.byWord, manager: people.hire('Sam', 'Okafor') });
  const stranger = people.hire('Theo', 'Wisniewski'); // no rule lets him in that way
  const { page } = await people.phone();
  const seen: unknown[] = [];
  for (const name of [dana.account, 'nobody.at.all', stranger.account]) {
    const number = await askColleague(page, name, 'A new password');
    const text = (await page.getByRole('main').innerText()).replace(new RegExp(`^${number}$`, 'm'), 'NN').replace(name, 'NAME').replace(/\d+ minutes|1 hour/, 'TIME').replace(/\d\d:\d\d/, 'CLOCK');
    seen.push([text, await waits(page, 2)]);
    await button(page, 'Stop waiting').first().click();
    await button(page.getByRole('dialog'), 'Stop waiting').click();
    await expect(page.getByLabel('The name you sign in with at work')).toHaveValue(name);
  }
  expect(seen[1]).toEqual(seen[0]);
  expect(seen[2]).toEqual(seen[0]);
  expect(seen[0]).toEqual([expect.stringContaining('Your number'), Array(2).fill(expect.stringMatching(/^200 .*"state":"waiting"/))]);
});

test('a manager who did not speak with them says no; the page waits on and nothing was done', async ({ people, stack }) => {
  const { sam, dana } = await couple(people);
  const { page } = await people.phone();
  await askColleague(page, dana.person.account, 'A new password');
  const at = await open(sam, 'Somebody asks for a new password for Dana Reyes');
  await button(at, 'Deny').click();
  await button(at, 'Not sure who it is').click();
  await button(at, 'Deny this request').click();
  await sees(at, 'You said no');
  await expect(at.getByText('The page where it was asked doesn’t say so', { exact: false })).toBeVisible();
  for (const said of await waits(page, 2)) expect(said).toMatch(/^200 .*"state":"waiting"/);
  await waitingNumber(page);
  expect((await page.request.get('/api/me')).status()).toBe(401);
  expect(stack.directory.bind(dana.person, dana.person.password)).toEqual({ ok: true, code: '' });
});

test('its owner, signed in elsewhere, is told, sees no number, and stops it', async ({ people }) => {
  const { sam, dana } = await couple(people);
  const { page } = await people.phone();
  const number = await askColleague(page, dana.person.account, 'A new password');
  const told = await dana.phone.notification();
  const old = dana.phone.page;
  await old.goto(told.navigate.replace(/#.*/, ''));
  await sees(old, 'Somebody asked for this without a passkey');
  const text = (await old.getByRole('main').innerText()).replaceAll(/\d+:\d\d|\+[\d ]+/g, ''); // clocks and the helpdesk's phone number may hold it
  expect(text).not.toContain(number);
  await expect(old.getByLabel('New password')).toHaveCount(0);
  await old.goto('/account');
  await button(old, 'Set a new password').click(); // her own goes before it
  await expect(button(old, 'Ask for approval')).toBeVisible();
  await old.goto('/account');
  await old.getByRole('link', { name: /^Somebody asked for this without a passkey/ }).click();
  await button(old, 'Stop this request').click();
  await sees(old, /stopped/i);
  const at = sam.phone.page;
  await at.goto((await sam.phone.notification()).navigate);
  await sees(at, 'The request was taken back');
  await expect(button(at, 'Approve with my passkey')).toHaveCount(0);
  for (const said of await waits(page, 2)) expect(said).toMatch(/^200 .*"state":"waiting"/);
});

test('a word beside a PIN: the PIN first, then the wait, and the account is unlocked', async ({ people, stack }) => {
  const { sam, dana } = await couple(people, departments.byWordAndPin);
  await setPin(dana.phone, '8371946');
  await expect(dana.phone.page.getByText('Your PIN is set.')).toBeVisible();
  stack.directory.lock(dana.person);
  const { page } = await people.phone();
  await without(page, dana.person.account, 'My Latchkey PIN and a colleague’s word');
  await page.getByLabel('Your Latchkey PIN').fill('8371947');
  await button(page, 'Ask a colleague').click();
  await expect(page.getByRole('alert').getByText('That didn’t let you in.')).toBeVisible();
  await page.getByLabel('Your Latchkey PIN').fill('8371946');
  await button(page, 'Ask a colleague').first().click();
  const number = await waitingNumber(page);
  const at = await open(sam, 'Somebody asks to unlock Dana Reyes');
  await expect(at.getByText('This is not enough to know who it is: PIN')).toBeVisible();
  await vouch(at, number);
  await sees(at, 'You vouched for them');
  await sees(page, 'You are unlocked');
  expect(stack.directory.bind(dana.person, dana.person.password)).toEqual({ ok: true, code: '' });
});
