import { expect, type Locator, type Page } from '@playwright/test';
import { attributes } from './lib/further.ts';
import { look, picture } from './lib/looks.ts';
import { test } from './lib/people.ts';
import { answers, beginTotp, chooseQuestions, finishTotp, keepCodes, mailedCode, makeCodes, openProof, sentBefore, setPin, totp, waitingNumber, without } from './lib/proofs.ts';
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
  await offer(page, ['recovery-code'], ['totp'], ['recovery-code', 'totp']);
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
  await button(page, 'Done').click();
  await expect(page.getByText('Your new passkey is made')).toBeVisible();
  await expect(button(page, 'Sign in with my new passkey')).toBeVisible();
  await look(page, 'account-renewed');
  await button(page, 'Sign in with my new passkey').click();
  await expect(page.getByRole('link', { name: 'My passkeys' })).toBeVisible();
});

/** As an organisation of its own would have it: not every alternative that the journeys need. */
const offer = (page: Page, ...recovery: string[][]) => offerFor(page, ['unlock', 'reset', 'enrol'], ...recovery);

const offerFor = (page: Page, kinds: string[], ...recovery: string[][]) =>
  page.route('**/api/info', async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, json: { ...await response.json() as object, recovery, recoveryKinds: recovery.map(() => kinds) } });
  });

test('without a passkey: one way for one thing, and whom to ask for the rest', async ({ people, stack }) => {
  const { phone, person } = await people.enrolled(people.hire('Dana', 'Reyes', { department: departments.recoverable }));
  const codes = await makeCodes(phone);
  await keepCodes(phone);
  stack.directory.lock(person);
  const { page } = await people.phone();
  await offerFor(page, ['unlock'], ['recovery-code']);
  await page.goto('/recover');
  await page.getByLabel('The name you sign in with at work').fill(person.account);
  await expect(page.getByText('This unlocks your account. Your password stays.')).toBeVisible();
  await expect(page.getByText('You need one of your recovery codes.')).toBeVisible();
  await expect(page.getByRole('radio')).toHaveCount(0);
  await look(page, 'recover-one');
  await button(page, 'Next').click();
  await page.getByRole('textbox', { name: 'Recovery code' }).fill(codes[0]!);
  await button(page, 'Unlock my account').click();
  await sees(page, 'You are unlocked');
  await page.goto('/account');
  await button(page, 'Set a new password').click();
  await sees(page, 'This needs your passkey');
  await expect(page.getByRole('link', { name: /IT Service Desk/ })).toBeVisible();
  await expect(button(page, 'Prove it once more')).toHaveCount(0);
  await look(page, 'prove-key');

  await page.unrouteAll();
  await offerFor(page, ['one-time'], ['recovery-code'], ['totp']);
  await page.goto('/about');
  await page.goto('/recover');
  await expect(page.getByText('This shows you a one-time password, once.')).toBeVisible();
  await expect(page.getByRole('radio')).toHaveCount(2);
});

test('the further proofs: a PIN, questions and addresses, from none to set up', async ({ people, stack }) => {
  const { phone, person } = await people.enrolled(people.hire('Dana', 'Reyes', { department: departments.byPin, more: { [attributes.phone]: '+49 151 555 0178' } }));
  const { page } = phone;
  const { stand } = stack;
  await openProof(phone, 'PIN');
  await page.getByLabel('New PIN').fill('123456');
  await page.getByLabel('Once more').fill('123456');
  await button(page, 'Keep this PIN').click();
  await expect(page.getByText('Others would try that PIN first.')).toBeVisible();
  await look(page, 'pin-trivial');
  await setPin(phone, '8371946');
  await expect(page.getByText('Your PIN is set.')).toBeVisible();
  await openProof(phone, 'Questions');
  await look(page, 'questions-none');
  await chooseQuestions(phone, { ...answers, 'first-street': 'street' });
  await button(page, 'Keep these answers').click();
  await expect(page.getByText('This answer stands in the question.')).toBeVisible();
  await look(page, 'questions-refused');
  await openProof(phone, 'Code by text message');
  await page.getByLabel('Your mobile number').fill('+49 151 555 01');
  await look(page, 'address-text');
  await openProof(phone, 'Code by mail');
  await page.getByLabel('Your mail address').fill(person.upn);
  await button(page, 'Send me the code').click();
  await expect(page.getByText('This is the mailbox that your account opens')).toBeVisible();
  await look(page, 'address-own');
  await page.getByLabel('Your mail address').fill('dana@home.example.test');
  const before = (await stand.mails()).length;
  await button(page, 'Send me the code').click();
  const code = await mailedCode(stand, 'dana@home.example.test', before);
  await page.getByLabel('Code from the mail').fill(code.startsWith('9') ? '8000 0000' : '9000 0000');
  await button(page, 'Confirm').click();
  await expect(page.getByText('That code isn’t right')).toBeVisible();
  await look(page, 'address-wrong');
  await page.getByLabel('Code from the mail').fill(code);
  await button(page, 'Confirm').click();
  await expect(page.getByText('Codes can go to your mail now.')).toBeVisible();
  await look(page, 'proofs-further');
  await openProof(phone, 'PIN');
  await button(page, 'Remove the PIN').click();
  await look(page, 'pin-remove');
});

test('without a passkey: codes that are sent, a PIN, questions and a number', async ({ people }) => {
  const { page } = await people.phone();
  await offer(page, ['mail-code'], ['sms-code', 'pin'], ['recovery-code'], ['questions', 'directory', 'password']);
  await page.goto('/recover');
  await page.getByLabel('The name you sign in with at work').fill('dana.reyes');
  await look(page, 'recover-ways');
  await page.getByRole('radio', { name: 'A code by text message and my Latchkey PIN' }).check();
  await button(page, 'Send me the code').click();
  await expect(page.getByText('We have sent a code,', { exact: false })).toBeVisible();
  await page.getByLabel('Code from the text message').fill('1234 56');
  await look(page, 'recover-sent');
  await sentBefore(page, 31);
  await expect(page.getByText('Nothing comes?')).toBeVisible();
  await look(page, 'recover-nothing');
  await page.getByLabel('Code from the text message').fill('1234 5678');
  await page.getByLabel('Your Latchkey PIN').fill('837194');
  await button(page, 'Unlock my account').click();
  await expect(page.getByRole('alert')).toBeVisible();
  await look(page, 'recover-sent-refused');
  await page.goto('/about');
  await page.goto('/recover');
  await page.getByLabel('The name you sign in with at work').fill('dana.reyes');
  await page.getByRole('radio', { name: 'The answers to my questions, my employee number and my current password' }).check();
  await button(page, 'Next').click();
  await expect(page.getByLabel('Employee number')).toBeVisible();
  await look(page, 'recover-questions');
});

test('a request that needs more than the passkey', async ({ people }) => {
  const { phone } = await people.enrolled(people.hire('Dana', 'Reyes', { department: departments.more, more: { [attributes.mail]: 'dana@home.example.test' } }));
  const { page } = phone;
  await setPin(phone, '8371946');
  await expect(page.getByText('Your PIN is set.')).toBeVisible();
  await page.goto('/account');
  await button(page, 'Set a new password').click();
  await expect(page.getByText('For this your organisation asks', { exact: false })).toBeVisible();
  await look(page, 'answers-ask');
  await button(page, 'Send me the code').click();
  await page.getByLabel('Code from the mail').fill('1234 5678');
  await page.getByLabel('Your Latchkey PIN').fill('8371947');
  await button(page, 'Continue').click();
  await expect(page.getByText('That isn’t right')).toBeVisible();
  await look(page, 'answers-wrong');
});

test('a request with another way, once the code for the first can’t be sent', async ({ people, stack }) => {
  const { phone } = await people.enrolled(people.hire('Noor', 'Haddad', { department: departments.either, more: { [attributes.mail]: 'noor@home.example.test' } }));
  const { page } = phone;
  await page.goto('/account');
  await button(page, 'Set a new password').click();
  await button(page, 'Another way').click();
  await sees(page, 'Another way');
  await look(page, 'ways-lacking');
  await setPin(phone, '8371946');
  await expect(page.getByText('Your PIN is set.')).toBeVisible();
  await page.goto('/account');
  await button(page, 'Set a new password').click();
  await expect(button(page, 'Another way')).toBeVisible();
  await look(page, 'ways-first');
  await stack.stand.mail('down');
  await button(page, 'Send me the code').click();
  await expect(page.getByRole('alert').getByText('The code could not be sent.')).toBeVisible();
  await look(page, 'ways-down');
  await stack.stand.mail('');
  await button(page, /^My Latchkey PIN/).click();
  await expect(page.getByLabel('Your Latchkey PIN')).toBeVisible();
  await look(page, 'ways-taken');
  await button(page, 'Another way').click();
  await sees(page, 'Another way');
  await look(page, 'ways');
});

test('a colleague’s word: the choice, the wait, nobody in time, and both who see it', async ({ people }) => {
  const sam = await people.enrolled(people.hire('Sam', 'Okafor'));
  const dana = await people.enrolled(people.hire('Dana', 'Reyes', { department: departments.byWord, manager: sam.person }));
  const { page } = await people.phone();
  await offer(page, ['vouching'], ['vouching', 'pin'], ['recovery-code']);
  await page.goto('/recover');
  await page.getByLabel('The name you sign in with at work').fill(dana.person.account);
  await page.getByRole('radio', { name: 'A new password' }).check();
  await look(page, 'vouch-ways');
  await button(page, 'Ask a colleague').click();
  await waitingNumber(page);
  await look(page, 'vouch-wait');
  await picture(page, 'vouch-wait');
  await button(page, 'Stop waiting').click();
  await look(page, 'vouch-stop');
  await button(page, 'Keep waiting').click();
  await page.context().setOffline(true);
  await expect(page.getByText('There is no connection just now.', { exact: false })).toBeVisible();
  await look(page, 'vouch-offline');
  await page.context().setOffline(false);

  await sam.phone.page.goto('/inbox');
  await expect(sam.phone.page.getByText('Nobody proved who it is', { exact: false })).toBeVisible();
  await look(sam.phone.page, 'inbox-vouch');
  await sam.phone.page.goto((await sam.phone.notification()).navigate);
  await sees(sam.phone.page, 'Somebody asks for a new password for Dana Reyes');
  await look(sam.phone.page, 'review-vouch');
  const old = dana.phone.page;
  await old.goto('/account');
  await old.getByRole('link', { name: /^Somebody asked for this/ }).click();
  await sees(old, 'Somebody asked for this without a passkey');
  await look(old, 'vouch-stranger');

  await page.route('**/api/recover/wait', (route) => route.fulfill({ status: 410, contentType: 'application/problem+json', json: { title: '', status: 410, code: 'ceremony.unknown' } }));
  await sees(page, 'Nobody vouched in time');
  await look(page, 'vouch-over');
  await button(page, 'Begin again').click();
  await expect(page.getByLabel('The name you sign in with at work')).toHaveValue(dana.person.account);
});

test('what is to be set up by when, and a security key', async ({ people }) => {
  const { phone } = await people.enrolled(people.hire('Dana', 'Reyes', { department: departments.recoverable }));
  const { page } = phone;
  let duty: object = { missing: ['recovery-code', 'totp'], by: new Date(Date.now() + 6 * 24 * 3600_000).toISOString(), overdue: false, limits: true };
  await page.route('**/api/me', async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, json: { ...await response.json() as object, duty } });
  });
  await page.goto('/account');
  await expect(page.getByRole('link', { name: /^Set up by .*recovery codes, authenticator app/ })).toHaveAttribute('href', '/proofs');
  await look(page, 'account-duty');
  duty = { ...duty, by: '2026-11-20T10:00:00Z', overdue: true };
  await page.reload();
  await expect(page.getByRole('link', { name: /^Was to be set up by .*Until then you can only unlock or make a new passkey\./ })).toBeVisible();
  await page.route('**/api/requests', (route) => route.fulfill({ status: 409, contentType: 'application/problem+json', json: { title: '', status: 409, code: 'duty.missing', params: { proofs: 'recovery-code totp' } } }), { times: 1 });
  await button(page, 'Set a new password').click();
  await expect(page.getByRole('alert').getByText('Something of yours isn’t set up yet: recovery codes, authenticator app.')).toBeVisible();
  await expect(page.locator('.trouble').getByRole('link', { name: 'Ways to prove it’s me' })).toHaveAttribute('href', '/proofs');
  await look(page, 'duty-missing');

  await page.route('**/api/passkeys', async (route) => {
    const response = await route.fetch();
    const { passkeys } = await response.json() as { passkeys: object[] };
    await route.fulfill({ response, json: { passkeys: [...passkeys, { ...passkeys[0], id: 'k2', name: 'On my key ring', synced: false, current: false, hardware: true }, { ...passkeys[0], id: 'k3', name: 'Work laptop', synced: false, current: false, hardware: true, computer: true }] } });
  });
  await page.goto('/passkeys');
  await expect(page.getByRole('link', { name: /On my key ring.*Security key/ })).toBeVisible();
  await look(page, 'passkeys-hardware');
  await page.route(/\/api\/requests\/[^/]+$/, async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, json: { ...await response.json() as object, needs: ['hardware-key'], ways: [{ needs: ['hardware-key'], lacks: [] }] } });
  });
  await page.goto('/account');
  await button(page, 'Set a new password').click();
  await button(page, /^Confirm with my (passkey|security key)$/).waitFor();
  await page.reload(); // what the answer told may have come first
  await expect(button(page, 'Confirm with my security key')).toBeVisible();
  await look(page, 'prove-hardware');

  // On Windows the computer itself may be what is asked for.
  await page.addInitScript(() => Object.defineProperty(navigator, 'userAgent', { get: () => 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/141.0 Safari/537.36' }));
  await page.reload();
  await expect(page.getByText('or this computer if your organisation accepts it')).toBeVisible();
  await expect(button(page, 'Confirm with my passkey')).toBeVisible();
  await look(page, 'prove-windows');
});

test('where only a passkey lets people in, help says what to bring to whom', async ({ people }) => {
  const { page } = await people.phone();
  await offer(page);
  await page.goto('/');
  await page.getByRole('link', { name: 'I can’t use my passkey' }).click();
  await expect(page).toHaveURL(/\/help$/);
  await sees(page, 'Let somebody see that it’s you');
  await expect(page.getByText('Take your staff card along')).toBeVisible();
  await look(page, 'help-bring');
  await page.goto('/recover');
  await sees(page, 'There is no other way in here');
  await expect(page.getByText('Take your staff card along')).toBeVisible();
  await look(page, 'recover-off');
});

test('the proofs that count no more, and how they are set up anew or taken away', async ({ people }) => {
  const { phone } = await people.enrolled(people.hire('Dana', 'Reyes', { department: departments.recoverable }));
  const { page } = phone;
  await openProof(phone, 'Questions');
  await chooseQuestions(phone);
  await button(page, 'Keep these answers').click();
  await expect(page.getByText('Your answers are kept.')).toBeVisible();
  await page.route('**/api/proofs', async (route) => {
    const response = await route.fetch();
    const all = await response.json() as Record<'questions' | 'mailCode' | 'smsCode', object>;
    await route.fulfill({ response, json: {
      ...all, questions: { ...all.questions, held: false, stale: true },
      mailCode: { ...all.mailCode, address: '', from: '', stale: 'd•••@home.example' }, smsCode: { ...all.smsCode, stale: '+49•••••678' },
    } });
  });
  await page.goto('/proofs');
  await expect(page.getByText('The questions have changed.', { exact: false }).first()).toBeVisible();
  await look(page, 'proofs-stale');
  await openProof(phone, 'Questions');
  await expect(page.getByText('Your answers prove nothing', { exact: false })).toBeVisible();
  await look(page, 'questions-stale');
  await openProof(phone, 'Code by mail');
  await look(page, 'address-stale');
});
