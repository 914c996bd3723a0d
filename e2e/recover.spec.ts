import { readFileSync } from 'node:fs';
import type { Page } from '@playwright/test';
import { expect } from './lib/fixtures.ts';
import { beginTotp, finishTotp, keepCodes, loseKeys, makeCodes, totp, without } from './lib/proofs.ts';
import { test, type People, type Somebody } from './lib/people.ts';
import { departments } from './lib/stack.ts';

// The way in without a passkey, in Chromium at phone size.

const fresh = 'Harbour-Lantern-47-quiet';
const sees = (page: Page, name: string | RegExp) => expect(page.getByRole('heading', { name }).first()).toBeVisible();
const button = (page: Page, name: string | RegExp) => page.getByRole('button', { name });
const refused = (page: Page) => expect(page.getByRole('alert').getByText('That didn’t let you in.')).toBeVisible();
const codeField = (page: Page) => page.getByRole('textbox', { name: 'Recovery code' });
const appField = (page: Page) => page.getByLabel('Code from your authenticator app');

const dana = (people: People, department: string = departments.recoverable): Promise<Somebody> => people.enrolled(people.hire('Dana', 'Reyes', { department }));

test('somebody locked out whose phone is lost is back in with a recovery code and four touches', { tag: '@database' }, async ({ people, stack }) => {
  const { phone, person } = await dana(people);
  const { page } = phone;
  const codes = await makeCodes(phone);
  expect(new Set(codes).size).toBe(10);
  await keepCodes(phone);
  await expect(page.getByText('10 of 10 left')).toBeVisible();
  await phone.signOut();
  await loseKeys(phone);
  stack.directory.lock(person);
  await page.addInitScript(() => {
    const seen = { touches: 0 };
    Object.assign(window, { seen });
    addEventListener('pointerdown', () => { seen.touches++; }, true);
  });
  await page.goto('/');
  await page.getByRole('link', { name: 'I can’t use my passkey' }).tap();
  await page.getByLabel('The name you sign in with at work').tap();
  await page.keyboard.type(person.account);
  await button(page, 'Next').tap();
  await sees(page, 'Show that it’s you');
  await expect(codeField(page)).toBeFocused();
  await page.keyboard.type(codes[0]!.toLowerCase().replaceAll('-', ' '));
  await expect(codeField(page)).toHaveValue(codes[0]!);
  await button(page, 'Unlock my account').tap();
  await sees(page, 'You are unlocked');
  expect(await page.evaluate(() => (window as unknown as { seen: { touches: number } }).seen.touches)).toBe(4); // the tap into the name's field is one of them
  expect(stack.directory.bind(person, person.password)).toEqual({ ok: true, code: '' });

  // What such a sign-in is for, and what not.
  await button(page, 'Done').tap();
  await expect(page.getByText('You came in without a passkey')).toBeVisible();
  await expect(page.getByText(/This sign-in ends in 1[345] minutes/)).toBeVisible();
  await expect(button(page, 'Make a new passkey')).toBeVisible();
  for (const name of ['My passkeys', 'Ways to prove it’s me', 'Notifications', 'My activity']) await expect(page.getByRole('main').getByRole('link', { name })).toHaveCount(0);
  const proofs = await page.request.get('/api/proofs');
  expect([proofs.status(), (await proofs.json() as { code: string }).code]).toEqual([403, 'session.recovered']);
  await page.goto('/passkeys');
  await expect(page.getByText('Not with a sign-in without a passkey')).toBeVisible();

  // Each code works once.
  await phone.context.clearCookies();
  await without(page, person.account, 'A recovery code');
  await codeField(page).fill(codes[0]!);
  await button(page, 'Unlock my account').click();
  await refused(page);
  await expect(codeField(page)).toHaveValue(codes[0]!); // nothing typed is lost
  stack.directory.lock(person);
  await codeField(page).fill(codes[1]!);
  await button(page, 'Unlock my account').click();
  await sees(page, 'You are unlocked');
});

test('a wrong code, a name that nobody has and somebody who holds none get one answer', async ({ people }) => {
  const person = people.hire('Dana', 'Reyes', { department: departments.recoverable });
  const phone = await people.phone();
  const told: string[] = [];
  for (const name of [person.account, person.upn, `CORP\\${person.account}`, 'nobody.at.all']) {
    await without(phone.page, name, 'A recovery code');
    await codeField(phone.page).fill('ABCD-EFGH-JKMN-PQRS');
    await button(phone.page, 'Unlock my account').click();
    await refused(phone.page);
    told.push((await phone.page.getByRole('main').innerText()).replace(`For ${name}`, '').replace(/Number for IT\s+\S+/, ''));
  }
  expect(new Set(told).size).toBe(1);
  await expect(phone.page.getByText('Each one works once. Cross out what you have used, and take the next.')).toBeVisible();
  await button(phone.page, 'Ask a colleague').click(); // nobody's word alone unlocks here
  await sees(phone.page, 'Let somebody see that it’s you');
});

test('where a colleague’s word alone is enough, asking for it is offered after a refusal', async ({ people }) => {
  const phone = await people.phone();
  await without(phone.page, 'nobody.at.all', 'A recovery code', 'A new password');
  await codeField(phone.page).fill('ABCD-EFGH-JKMN-PQRS');
  await button(phone.page, 'Continue').click();
  await refused(phone.page);
  await button(phone.page, 'Ask a colleague').click();
  await expect(phone.page.getByRole('radio', { name: /^Ask a colleague/ })).toBeChecked(); // the way that needs nothing of one's own
  await button(phone.page, 'I have none of these').click();
  await expect(phone.page.getByText('IT Service Desk can, and gives you a new link.', { exact: false })).toBeVisible();
  await button(phone.page, 'Back').click();
  await expect(phone.page.getByLabel('The name you sign in with at work')).toHaveValue('nobody.at.all');
});

test('a reload loses neither name nor choice nor step, and the code is kept nowhere', async ({ people }) => {
  const phone = await people.phone();
  const { page } = phone;
  await without(page, 'dana', 'A recovery code', 'A new password');
  await codeField(page).fill('ABCD-EFGH-JKMN-PQRS');
  await expect.poll(() => page.evaluate(() => JSON.stringify(history.state))).toContain('dana');
  const kept = await page.evaluate(() => JSON.stringify([history.state, { ...localStorage }, { ...sessionStorage }]));
  expect(kept).not.toMatch(/ABCD|JKMN/);
  await page.reload();
  await sees(page, 'Show that it’s you');
  await expect(page.getByText('For dana')).toBeVisible();
  await expect(codeField(page)).toHaveValue('');
  await button(page, 'Back').click();
  await expect(page.getByRole('radio', { name: 'A new password' })).toBeChecked();
});

test('what goes wrong on the way says what to do, and nothing typed is lost', async ({ people, stack }) => {
  const { phone, person } = await dana(people);
  const { page } = phone;
  const codes = await makeCodes(phone);
  await keepCodes(phone);
  await phone.context.clearCookies();
  stack.directory.lock(person);
  await page.goto('/recover');
  await page.getByLabel('The name you sign in with at work').fill(person.account);
  await phone.context.setOffline(true);
  await button(page, 'Next').click();
  await expect(page.getByText('There is no connection to Latchkey.')).toBeVisible();
  await phone.context.setOffline(false);
  await button(page, 'Next').click();
  await codeField(page).fill(codes[0]!);

  // Answers that take many tries, a quarter of an hour, or an accident.
  const answers = [{ status: 429, code: 'limit.reached', retryAfter: 300 }, { status: 503, code: 'directory.unavailable' }, { status: 410, code: 'ceremony.unknown' }];
  await page.route('**/api/recover/finish', async (route) => {
    const next = answers.shift();
    return next ? route.fulfill({ status: next.status, contentType: 'application/problem+json', json: { title: '', ...next } }) : route.continue();
  });
  for (const says of ['Try again in 5 minutes.', 'The directory doesn’t answer.']) {
    await button(page, 'Unlock my account').click();
    await expect(page.getByText(says)).toBeVisible();
    await expect(codeField(page)).toHaveValue(codes[0]!);
  }
  const begun = page.waitForRequest('**/api/recover/begin');
  await button(page, 'Unlock my account').click(); // too old: it begins again by itself
  await begun;
  await sees(page, 'You are unlocked');
  expect(answers).toEqual([]);
});

test('the ten codes are saved as a file or printed, and left only when they are put away', async ({ people }) => {
  const { phone, person } = await dana(people);
  const { page } = phone;
  const complaints: string[] = [];
  page.on('console', (m) => { if (/Content Security Policy|Trusted/i.test(m.text())) complaints.push(m.text()); });
  const codes = await makeCodes(phone);
  const download = page.waitForEvent('download');
  await button(page, 'Save').click();
  const file = await download;
  expect(file.suggestedFilename()).toBe('latchkey-recovery-codes.txt');
  const text = readFileSync(await file.path(), 'utf8');
  for (const code of codes) expect(text).toContain(code);
  expect(text).not.toContain(person.account);
  expect(complaints).toEqual([]);
  await page.emulateMedia({ media: 'print' }); // on paper: the codes, what they are for, and nothing else
  for (const code of codes) await expect(page.getByText(code)).toBeVisible();
  await expect(page.getByText(/Each works once: open/)).toBeVisible();
  await expect(page.getByRole('button')).toHaveCount(0);
  await page.emulateMedia({ media: 'screen' });

  await expect(button(page, 'Done')).toBeDisabled();
  await page.getByRole('link', { name: 'Latchkey' }).first().click();
  await sees(page, 'Have you put the codes away?');
  await button(page, 'Back to the codes').click();
  await keepCodes(phone);

  // New ones end the old ones.
  const others = await makeCodes(phone);
  expect(others.filter((code) => codes.includes(code))).toEqual([]);
  await keepCodes(phone);
  await phone.context.clearCookies();
  await without(page, person.account, 'A recovery code', 'A new password');
  await codeField(page).fill(codes[0]!);
  await button(page, 'Continue').click();
  await refused(page);
});

test('an authenticator app unlocks, and each of its codes counts once', async ({ people, stack }) => {
  const { phone, person } = await dana(people);
  const { page } = phone;
  const secret = await beginTotp(phone);
  await expect(page.getByRole('link', { name: 'Open in my authenticator' })).toHaveAttribute('href', /^otpauth:\/\/totp\//);
  await finishTotp(phone, totp(secret) === '000000' ? '000001' : '000000');
  await expect(page.getByText('That code isn’t right.')).toBeVisible();
  expect((await page.getByTestId('totp-secret').innerText()).trim()).toBe(secret);
  await finishTotp(phone, totp(secret));
  await expect(page.getByText('Your authenticator app is set up.')).toBeVisible();

  await phone.context.clearCookies();
  stack.directory.lock(person);
  await without(page, person.account, 'My authenticator app');
  const code = totp(secret, 1);
  await appField(page).fill(`${code.slice(0, 3)} ${code.slice(3)}`);
  await button(page, 'Unlock my account').click();
  await sees(page, 'You are unlocked');

  await phone.context.clearCookies();
  await without(page, person.account, 'My authenticator app', 'A new password');
  await appField(page).fill(code); // used
  await button(page, 'Continue').click();
  await refused(page);
});

test('a passkey is stronger than an app; where none is held the app sets a new password', async ({ people, stack }) => {
  test.setTimeout(120_000); // a code of the next half minute, twice
  const { phone, person } = await dana(people);
  const { page } = phone;
  const secret = await beginTotp(phone);
  await finishTotp(phone, totp(secret));
  await expect(page.getByText('Your authenticator app is set up.')).toBeVisible();
  const reset = async (page: Page) => {
    await without(page, person.account, 'My authenticator app', 'A new password');
    await appField(page).fill(totp(secret, 1));
    await button(page, 'Continue').click();
  };
  const { passkeys } = await (await page.request.get('/api/passkeys')).json() as { passkeys: { id: string }[] };
  const elsewhere = (await people.phone()).page;
  await reset(elsewhere);
  await refused(elsewhere);
  await expect(elsewhere.getByText('Your organisation may ask you for something else.')).toBeVisible();

  await page.goto(`/passkeys/${passkeys[0]!.id}`);
  await button(page, 'Remove this passkey').click();
  await button(page, 'Remove my last passkey').click();
  await expect(page.getByText('The passkey of this device was removed', { exact: false })).toBeVisible();
  await reset(page);
  await page.getByLabel('New password').fill(fresh);
  await button(page, 'Set new password').click();
  await sees(page, 'Your new password is set');
  expect(stack.directory.bind(person, fresh)).toEqual({ ok: true, code: '' });
});

test('a lost phone: a recovery code makes a new passkey, and the old one and its sessions are gone', { tag: '@database' }, async ({ people }) => {
  const old = await dana(people);
  const codes = await makeCodes(old.phone);
  await keepCodes(old.phone);

  const phone = await people.phone();
  const { page } = phone;
  await without(page, old.person.upn, 'A recovery code', 'A new passkey');
  await codeField(page).fill(codes[3]!);
  await button(page, 'Continue').click();
  await page.getByLabel('What is this device called?').fill('The new phone');
  await expect(page.getByRole('checkbox')).toBeChecked();
  await button(page, 'Make my passkey').click();
  await sees(page, 'Your new passkey is made');
  await expect(page.getByText('What else was on it')).toBeVisible(); // its app, or its number, is taken away by nobody else
  await button(page, 'Try it once').click();
  await sees(page, 'My account');
  await expect(page.getByText('You came in without a passkey')).toHaveCount(0);
  await page.goto('/passkeys');
  await expect(page.getByRole('link', { name: /The new phone/ })).toBeVisible();
  await expect(page.getByRole('main').getByRole('listitem')).toHaveCount(1);

  await old.phone.page.goto('/account');
  await button(old.phone.page, 'Unlock with my passkey').click();
  await expect(old.phone.page.getByText('That passkey isn’t known here.')).toBeVisible();
});

test('two proofs, and a manager’s word for a new passkey', async ({ people, stack }) => {
  test.setTimeout(120_000);
  const sam = await people.enrolled(people.hire('Sam', 'Okafor'));
  const noor = await people.enrolled(people.hire('Noor', 'Haddad', { department: departments.both, manager: sam.person }));
  const codes = await makeCodes(noor.phone);
  await keepCodes(noor.phone);
  const secret = await beginTotp(noor.phone);
  await finishTotp(noor.phone, totp(secret));
  await expect(noor.phone.page.getByText('Your authenticator app is set up.')).toBeVisible();

  const phone = await people.phone();
  const { page } = phone;
  stack.directory.lock(noor.person);
  await without(page, noor.person.account, 'A recovery code');
  await codeField(page).fill(codes[0]!);
  await button(page, 'Unlock my account').click();
  await refused(page); // right, and not enough: so it is not used up
  await without(page, noor.person.account, 'A recovery code and my authenticator app');
  await codeField(page).fill(codes[0]!);
  await appField(page).fill(totp(secret, 1));
  await button(page, 'Unlock my account').click();
  await sees(page, 'You are unlocked');

  await button(page, 'Done').click();
  await button(page, 'Make a new passkey').click();
  await button(page, 'New phone').click();
  await button(page, 'Ask for approval').click();
  await sees(page, 'Show once more that it’s you'); // what opened the session was for the unlock
  await button(page, 'Prove it once more').click();
  await expect(page.getByRole('radio', { name: 'A new passkey' })).toBeChecked();
  await page.getByLabel('The name you sign in with at work').fill(noor.person.account);
  await button(page, 'Next').click();
  await codeField(page).fill(codes[1]!);
  await button(page, 'Continue').click();
  await button(page, 'Ask for approval').or(page.getByRole('heading', { name: 'Waiting for Sam Okafor' })).first().waitFor();
  if (await button(page, 'Ask for approval').isVisible()) await button(page, 'Ask for approval').click();
  await sees(page, 'Waiting for Sam Okafor');

  await sam.phone.page.goto((await sam.phone.notification()).navigate);
  await sees(sam.phone.page, 'Noor Haddad asks to make a new passkey');
  await expect(sam.phone.page.getByText('Without a passkey: Recovery code')).toBeVisible();
  await sam.phone.page.getByLabel('The number on their screen').fill((await page.getByTestId('number').innerText()).trim()); // nobody approves unasked what came without a passkey
  await button(sam.phone.page, 'Approve with my passkey').click();
  await sees(sam.phone.page, 'You approved this');
  await button(page, 'Make my passkey').click();
  await sees(page, 'Your new passkey is made');
});
