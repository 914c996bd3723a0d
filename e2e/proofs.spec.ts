import type { Page } from '@playwright/test';
import { expect } from './lib/fixtures.ts';
import { attributes } from './lib/further.ts';
import { test } from './lib/people.ts';
import { answerQuestions, answers, chooseQuestions, loseKeys, mailedCode, openProof, sentBefore, setPin, textedCode, toldOf, without } from './lib/proofs.ts';
import { departments } from './lib/stack.ts';

// Each further proof, set up in the app and then the way in, in Chromium at phone size.

const fresh = 'Harbour-Lantern-47-quiet';
const sees = (page: Page, name: string | RegExp) => expect(page.getByRole('heading', { name }).first()).toBeVisible();
const button = (page: Page, name: string | RegExp) => page.getByRole('button', { name });
const refused = (page: Page) => expect(page.getByRole('alert').getByText('That didn’t let you in.')).toBeVisible();
const mailField = (page: Page) => page.getByLabel('Code from the mail');
const textField = (page: Page) => page.getByLabel('Code from the text message');
const other = (code: string) => (code.startsWith('9') ? `8${code.slice(1)}` : `9${code.slice(1)}`);
let counter = 0;
const atHome = () => `private${++counter}@home.example.test`;

test('a code by mail to the address that IT keeps lets somebody in', async ({ people, stack }) => {
  const { stand, directory } = stack;
  const kept = `library${++counter}@partner.example.test`;
  const { phone, person } = await people.enrolled(people.hire('Dana', 'Reyes', { department: departments.byMail, more: { [attributes.mail]: kept } }));
  const { page } = phone;
  await page.goto('/proofs');
  await expect(page.getByText('From the directory. Your IT keeps it.')).toBeVisible();
  await expect(page.getByText(kept)).toHaveCount(0); // masked

  // Locked out, without the phone's passkey: the code goes to the directory's address.
  await phone.signOut();
  await loseKeys(phone);
  directory.lock(person);
  const before = (await stand.mails()).length;
  await without(page, person.account, 'A code by mail');
  await expect(page.getByText('We have sent a code, if there is an address that we may use.', { exact: false })).toBeVisible();
  await expect(mailField(page)).toBeFocused();
  const code = await mailedCode(stand, kept, before);
  await mailField(page).fill(other(code));
  await button(page, 'Unlock my account').click();
  await refused(page);
  await mailField(page).fill('');
  await mailField(page).pressSequentially(code.replace(' ', ''));
  await expect(mailField(page)).toHaveValue(code); // in its groups
  await button(page, 'Unlock my account').click();
  await sees(page, 'You are unlocked');
  expect(directory.bind(person, person.password)).toEqual({ ok: true, code: '' });
  await toldOf((seen) => stand.mails(seen), kept, /Subject: Somebody signed in without a passkey[\s\S]*freeze#/); // a channel of theirs, like any other
});

test('a mail address of one’s own is verified, and takes the place of the one that IT keeps', async ({ people, stack }) => {
  const { stand, directory } = stack;
  const kept = `library${++counter}@partner.example.test`;
  const { phone, person } = await people.enrolled(people.hire('Dana', 'Reyes', { department: departments.byMail, more: { [attributes.mail]: kept } }));
  const { page } = phone;
  const home = atHome();
  await openProof(phone, 'Code by mail');
  await page.getByLabel('Your mail address').fill(home);
  await stand.mail('down');
  const touched = stack.touches(person);
  await button(page, 'Send me the code').click();
  await expect(page.getByText('The code could not be sent.')).toBeVisible();
  await stand.mail('');
  let before = (await stand.mails()).length;
  await button(page, 'Send me the code').click();
  await sees(page, 'Type the code');
  expect(stack.touches(person) - touched).toBe(1); // the touch was not used up
  const proves = await mailedCode(stand, home, before);
  await mailField(page).fill(other(proves));
  await button(page, 'Confirm').click();
  await expect(page.getByText('That code isn’t right')).toBeVisible();
  await mailField(page).fill(proves);
  await button(page, 'Confirm').click();
  await expect(page.getByText('Codes can go to your mail now.')).toBeVisible();
  await expect(page.getByText('Verified by you')).toBeVisible();
  await toldOf((seen) => stand.mails(seen), kept, /freeze#/); // whose place was taken hears of it

  await phone.context.clearCookies();
  directory.lock(person);
  before = (await stand.mails()).length;
  await without(page, person.upn, 'A code by mail');
  await mailField(page).fill(await mailedCode(stand, home, before));
  await button(page, 'Unlock my account').click();
  await sees(page, 'You are unlocked');
  expect((await stand.mails()).slice(before).some((m) => m.to.includes(kept))).toBe(false);
});

test('a code by text message: a number is verified, lets its owner in, and is told how to stop what was not them', async ({ people, stack }) => {
  const { stand, directory } = stack;
  const { phone, person } = await people.enrolled(people.hire('Noor', 'Haddad', { department: departments.byText }));
  const { page } = phone;
  const number = `+4915155501${String(++counter).padStart(2, '0')}`;
  await openProof(phone, 'Code by text message');
  const field = page.getByLabel('Your mobile number');
  await field.fill('0151 555 01 01');
  await expect(page.getByText('Begin with + and the country, as +49.')).toBeVisible();
  await field.fill('+1 202 555 0143');
  await button(page, 'Send me the code').click();
  await expect(page.getByText('Your organisation sends nothing to that country.')).toBeVisible();
  await stand.gateway('nonsense');
  await field.fill(`${number.slice(0, 3)} (${number.slice(3, 6)}) ${number.slice(6)}`);
  await button(page, 'Send me the code').click();
  await expect(page.getByText('The code could not be sent.')).toBeVisible();
  await stand.gateway('');
  let before = (await stand.texts()).length;
  await button(page, 'Send me the code').click();
  await textField(page).fill(await textedCode(stand, number, before));
  await button(page, 'Confirm').click();
  await expect(page.getByText('Codes can go to your mobile now.')).toBeVisible();

  await phone.context.clearCookies();
  directory.lock(person);
  before = (await stand.texts()).length;
  await without(page, person.account, 'A code by text message');
  const first = await textedCode(stand, number, before);
  await expect(button(page, /^Another one in/)).toBeVisible();

  // Nothing comes: after half a minute another one, and another way.
  await sentBefore(page, 31);
  await expect(page.getByText('Nothing comes?')).toBeVisible();
  await button(page, 'Send another one').click();
  const second = await textedCode(stand, number, before + 1);
  await expect(page.getByText('Nothing comes?')).toHaveCount(0);
  expect(second).not.toBe(first);
  await textField(page).fill(second);
  await button(page, 'Unlock my account').click();
  await sees(page, 'You are unlocked');
  const told = await toldOf((seen) => stand.texts(seen), number, /Somebody signed in without a passkey/);

  // Whoever reads that without having done it stops everything, from any browser.
  const link = /This wasn't me: (\S+)$/.exec(told)![1]!;
  const other = await people.phone();
  await other.page.goto(link);
  await sees(other.page, 'Was this not you?');
  await button(other.page, 'Stop everything on my account').click();
  await sees(other.page, 'Everything is stopped');
  expect(stack.command('freezes', '--config', stack.config)).toContain(person.account);
  const stopped = await toldOf((seen) => stand.texts(seen), number, /Your account is stopped here/);
  expect(stopped).not.toContain('http');
});

test('a number that nobody verified, and a name that nobody has, are told the same and get nothing', async ({ people, stack }) => {
  const person = people.hire('Dana', 'Reyes', { department: departments.byText });
  const { page } = await people.phone();
  const before = [(await stack.stand.texts()).length, (await stack.stand.mails()).length];
  const told: string[] = [];
  for (const name of [person.account, 'nobody.at.all']) {
    await without(page, name, 'A code by text message');
    await expect(page.getByText('We have sent a code, if there is a number that we may use.', { exact: false })).toBeVisible();
    await textField(page).fill('1234 5678');
    await button(page, 'Unlock my account').click();
    await refused(page);
    told.push((await page.getByRole('main').innerText()).replace(`For ${name}`, '').replace(/Number for IT\s+\S+/, '').replace(/\d\d:\d\d|in \d+ seconds?/g, ''));
  }
  expect(new Set(told).size).toBe(1);
  expect([(await stack.stand.texts()).length, (await stack.stand.mails()).length]).toEqual(before);
});

test('a PIN and the employee number let somebody in', { tag: '@database' }, async ({ people, stack }) => {
  const { phone, person } = await people.enrolled(people.hire('Sam', 'Okafor', { department: departments.byPin, more: { [attributes.number]: 'K-40711' } }));
  const { page } = phone;
  const touched = stack.touches(person);
  await setPin(phone, '840672');
  await expect(page.getByText('Your PIN is set.')).toBeVisible();
  await openProof(phone, 'PIN');
  await button(page, 'Change the PIN').click();
  await page.getByLabel('New PIN').fill('123456');
  await page.getByLabel('Once more').fill('123457');
  await expect(page.getByText('The two differ.')).toBeVisible();
  await page.getByLabel('Once more').fill('123456');
  await button(page, 'Keep this PIN').click();
  await expect(page.getByText('Others would try that PIN first.')).toBeVisible();
  await page.getByLabel('New PIN').fill('837 1946');
  await page.getByLabel('Once more').fill('8371946');
  await button(page, 'Keep this PIN').click();
  await expect(page.getByText('Your PIN is set.')).toBeVisible();
  expect(stack.touches(person) - touched).toBe(2); // one for each PIN that was set

  await phone.context.clearCookies();
  stack.directory.lock(person);
  const enter = async (pin: string, number: string) => {
    await page.getByLabel('Your Latchkey PIN').fill(pin);
    await page.getByLabel('Employee number').fill(number);
    await button(page, 'Unlock my account').click();
  };
  // It unlocks, and is offered for nothing else; what no rule does for anybody here is no choice.
  await page.goto('/recover');
  const byPin = page.getByRole('radio', { name: 'My Latchkey PIN and my employee number', exact: true });
  await expect(byPin).toBeVisible();
  await page.getByRole('radio', { name: 'A new password' }).check();
  await expect(byPin).toHaveCount(0);
  await expect(page.getByRole('radio', { name: 'A recovery code', exact: true })).toBeChecked();
  await expect(page.getByRole('radio', { name: 'A one-time password' })).toHaveCount(0);
  await without(page, person.account, 'My Latchkey PIN and my employee number');
  await enter('840672', 'K-40711'); // the one before
  await refused(page);
  await enter('8371946', 'K-40712');
  await refused(page);
  await enter('8371946', ' K-40711 ');
  await sees(page, 'You are unlocked');
});

test('answers to questions and a code by mail let somebody in', async ({ people, stack }) => {
  const { stand } = stack;
  const to = atHome();
  const { phone, person } = await people.enrolled(people.hire('Ada', 'Brandt', { department: departments.byQuestions, more: { [attributes.mail]: to } }));
  const { page } = phone;
  await openProof(phone, 'Questions');
  await expect(page.getByText('Answers are easy to find out')).toBeVisible();
  await chooseQuestions(phone, { ...answers, 'first-street': 'street' });
  await button(page, 'Keep these answers').click();
  await expect(page.getByText('This answer stands in the question.')).toBeVisible();
  await page.getByLabel('In which street did you live as a child?').fill(answers['first-street']!);
  await button(page, 'Keep these answers').click();
  await expect(page.getByText('Your answers are kept.')).toBeVisible();

  await phone.context.clearCookies();
  stack.directory.lock(person);
  let before = (await stand.mails()).length;
  await without(page, person.account, 'The answers to my questions and a code by mail');
  const asked = await answerQuestions(page);
  expect(asked).toHaveLength(3);
  expect(asked.every((id) => id in answers)).toBe(true);
  await mailField(page).fill(await mailedCode(stand, to, before));
  await expect(page.getByText('We have sent a code,', { exact: false })).toBeVisible();
  await page.reload(); // the mail app was open meanwhile
  await sees(page, 'Show that it’s you');
  expect(await page.evaluate(() => JSON.stringify(history.state))).not.toMatch(/Ungeheuer|Hafen|Kettle|Narvik|Lighthouse/);
  expect((await stand.mails()).slice(before).filter((m) => m.to.includes(to))).toHaveLength(1); // nothing is sent again
  const typed = Object.fromEntries(Object.entries(answers).map(([id, a]) => [id, `  ${a.toUpperCase()} `]));
  expect(await answerQuestions(page, typed)).toEqual(asked);
  await mailField(page).fill(await mailedCode(stand, to, before));
  await button(page, 'Unlock my account').click();
  await sees(page, 'You are unlocked');

  // What took too long: the next code, and what was typed otherwise counts on.
  await phone.context.clearCookies();
  stack.directory.lock(person);
  before = (await stand.mails()).length;
  await without(page, person.account, 'The answers to my questions and a code by mail');
  await answerQuestions(page);
  await mailField(page).fill(await mailedCode(stand, to, before));
  await page.route('**/api/recover/finish', (route) => route.fulfill({ status: 410, contentType: 'application/problem+json', json: { title: '', status: 410, code: 'ceremony.unknown' } }), { times: 1 });
  await button(page, 'Unlock my account').click();
  await expect(page.getByText('The code counts no more. You need a new one.')).toBeVisible();
  before = (await stand.mails()).length;
  await button(page, 'Send me the code').click();
  await answerQuestions(page);
  await mailField(page).fill(await mailedCode(stand, to, before));
  await button(page, 'Unlock my account').click();
  await sees(page, 'You are unlocked');
});

test('who has no passkey sets a new password with the current one and a code by mail', async ({ people, stack }) => {
  const to = atHome();
  const person = people.hire('Noor', 'Haddad', { department: departments.byPassword, more: { [attributes.mail]: to } });
  const { page } = await people.phone();
  const before = (await stack.stand.mails()).length;
  await without(page, person.account, 'My current password and a code by mail', 'A new password');
  await page.getByLabel('Your current password').fill(`${person.password}?`);
  await mailField(page).fill(await mailedCode(stack.stand, to, before));
  await button(page, 'Continue').click();
  await refused(page);
  await page.getByLabel('Your current password').fill(person.password);
  await button(page, 'Continue').click();
  await page.getByLabel('New password').fill(fresh);
  await button(page, 'Set new password').click();
  await sees(page, 'Your new password is set');
  expect(stack.directory.bind(person, fresh)).toEqual({ ok: true, code: '' });
});

test('a request that needs more than the passkey takes the rest in either order', { tag: '@database' }, async ({ people, stack }) => {
  const { stand } = stack;
  const to = atHome();
  const { phone, person } = await people.enrolled(people.hire('Dana', 'Reyes', { department: departments.more, more: { [attributes.mail]: to } }));
  const { page } = phone;
  await setPin(phone, '8371946');
  await expect(page.getByText('Your PIN is set.')).toBeVisible();
  const ask = async () => {
    await page.goto('/account');
    await button(page, 'Set a new password').click();
    await expect(page.getByText('For this your organisation asks for more than your passkey.')).toBeVisible();
  };
  const send = async () => {
    const before = (await stand.mails()).length;
    await button(page, 'Send me the code').click();
    await expect(page.getByText(/^Sent to p•+@home\.example\.test at/)).toBeVisible();
    return mailedCode(stand, to, before);
  };
  await ask();
  await stand.mail('down');
  await button(page, 'Send me the code').click();
  await expect(page.getByText('The code could not be sent.')).toBeVisible();
  await stand.mail('');
  const code = await send();
  await page.reload();
  await page.getByLabel('Your Latchkey PIN').fill('8371947');
  await mailField(page).fill(code);
  await button(page, 'Continue').click();
  await expect(page.getByText('That isn’t right')).toBeVisible();
  await page.getByLabel('Your Latchkey PIN').fill('8371946');
  await button(page, 'Continue').click();
  await button(page, 'Confirm with my passkey').click();
  await page.getByLabel('New password').fill(fresh);
  await button(page, 'Set new password').click();
  await sees(page, 'Your new password is set');

  await ask();
  await button(page, 'My passkey first').click();
  await button(page, 'Confirm with my passkey').click();
  await expect(button(page, 'My passkey first')).toHaveCount(0);
  const second = await send();
  await mailField(page).fill(second);
  await page.getByLabel('Your Latchkey PIN').fill('8371946');
  await button(page, 'Continue').click();
  await page.getByLabel('New password').fill(`${fresh}-2`);
  await button(page, 'Set new password').click();
  await sees(page, 'Your new password is set');
  expect(stack.directory.bind(person, `${fresh}-2`)).toEqual({ ok: true, code: '' });
});

test('with the mail server down a PIN does as well, and both are offered before', async ({ people, stack }) => {
  const { stand } = stack;
  const to = atHome();
  const { phone, person } = await people.enrolled(people.hire('Noor', 'Haddad', { department: departments.either, more: { [attributes.mail]: to } }));
  const { page } = phone;
  const pinWay = /^My Latchkey PIN Then your passkey/;
  const mailWay = /^A code by mail Then your passkey/;
  const ask = async () => {
    await page.goto('/account');
    await button(page, 'Set a new password').click();
    await expect(button(page, 'Send me the code')).toBeVisible();
  };

  // Without a PIN the other way leads to where one is set up.
  await ask();
  await button(page, 'Another way').click();
  await sees(page, 'Another way');
  await expect(page.getByRole('heading', { name: 'Not set up yet' })).toBeVisible();
  await page.getByRole('link', { name: /^My Latchkey PIN Set it up/ }).click();
  await sees(page, 'Ways to prove it’s me');
  await setPin(phone, '8371946');
  await expect(page.getByText('Your PIN is set.')).toBeVisible();

  await ask();
  await stand.mail('down');
  await button(page, 'Send me the code').click();
  await expect(page.getByRole('alert').getByText('The code could not be sent.')).toBeVisible();
  await button(page, pinWay).click();
  const pin = page.getByLabel('Your Latchkey PIN');
  await expect(pin).toBeVisible();
  await expect(mailField(page)).toHaveCount(0);
  await page.reload(); // the way that was taken stays
  await pin.fill('8371947');
  await button(page, 'Continue').click();
  await expect(page.getByText('That isn’t right')).toBeVisible();
  await pin.fill('8371946');
  await button(page, 'Continue').click();
  await button(page, 'Confirm with my passkey').click();
  await page.getByLabel('New password').fill(fresh);
  await button(page, 'Set new password').click();
  await sees(page, 'Your new password is set');
  expect(stack.directory.bind(person, fresh)).toEqual({ ok: true, code: '' });
  await stand.mail('');

  // There and back before anything was sent, and the passkey first: what is left is of the way that was taken.
  await ask();
  await button(page, 'Another way').click();
  await button(page, pinWay).click();
  await button(page, 'Another way').click();
  await button(page, mailWay).click();
  await expect(button(page, 'Send me the code')).toBeVisible();
  await button(page, 'Another way').click();
  await button(page, 'Back').click();
  await expect(button(page, 'Send me the code')).toBeVisible();
  await button(page, 'Another way').click();
  await button(page, pinWay).click();
  await button(page, 'My passkey first').click();
  await button(page, 'Confirm with my passkey').click();
  await pin.fill('8371946');
  await button(page, 'Continue').click();
  await page.getByLabel('New password').fill(`${fresh}-2`);
  await button(page, 'Set new password').click();
  await sees(page, 'Your new password is set');
  expect(stack.directory.bind(person, `${fresh}-2`)).toEqual({ ok: true, code: '' });
});

test('each is removed, and what the organisation does not offer is not shown', async ({ people, stack }) => {
  const { stand } = stack;
  const { phone } = await people.enrolled(people.hire('Sam', 'Okafor', { department: departments.byPin }));
  const { page } = phone;
  const to = atHome();
  await setPin(phone, '8371946');
  await expect(page.getByText('Your PIN is set.')).toBeVisible();
  await openProof(phone, 'Code by mail');
  await page.getByLabel('Your mail address').fill(to);
  const before = (await stand.mails()).length;
  await button(page, 'Send me the code').click();
  await mailField(page).fill(await mailedCode(stand, to, before));
  await button(page, 'Confirm').click();
  await expect(page.getByText('Codes can go to your mail now.')).toBeVisible();
  await openProof(phone, 'Questions');
  await chooseQuestions(phone);
  await button(page, 'Keep these answers').click();
  await expect(page.getByText('Your answers are kept.')).toBeVisible();
  await page.goto('/stored');
  for (const what of ['A PIN', 'A mail address of your own', 'Answers to your questions']) await expect(page.getByText(what, { exact: true })).toBeVisible();

  for (const [row, remove, says] of [['PIN', 'Remove the PIN', 'Your PIN is removed.'], ['Code by mail', 'Remove the address', 'The address is removed.'], ['Questions', 'Remove my answers', 'Your answers are removed.']] as const) {
    await openProof(phone, row);
    await button(page, remove).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
    await expect(page.getByText(says)).toBeVisible();
    // The address is told of the PIN with the way to stop it all, and last of its own end, with that too: whoever took it
    // away may not be its owner, who still reads there.
    if (row === 'PIN') await toldOf((seen) => stand.mails(seen), to, /Subject: A way to prove that it is you was removed[\s\S]*freeze#/);
  }
  await expect.poll(async () => (await stand.mails()).map((m) => ({ to: m.to, text: m.raw.replace(/=\r?\n/g, '') }))
    .filter((m) => m.to.includes(to) && /Subject: A way to prove that it is you was removed[\s\S]*freeze#/.test(m.text)).length).toBe(2);
  const held = await (await page.request.get('/api/proofs')).json() as { pin: { held: boolean }; questions: { held: boolean }; mailCode: { from: string } };
  expect([held.pin.held, held.questions.held, held.mailCode.from]).toEqual([false, false, '']);

  await page.route('**/api/proofs', async (route) => {
    const response = await route.fetch();
    const all = await response.json() as Record<string, { offered: boolean }>;
    await route.fulfill({ response, json: Object.fromEntries(Object.entries(all).map(([kind, one]) => [kind, { ...one, offered: false }])) });
  });
  await page.goto('/proofs');
  await expect(page.getByText('Your organisation offers no other way.')).toBeVisible();
  await expect(page.getByRole('main').getByRole('listitem')).toHaveCount(1); // the passkey
});
