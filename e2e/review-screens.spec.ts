import { expect, type Page } from '@playwright/test';
import { look, picture } from './lib/looks.ts';
import { test, type Somebody } from './lib/people.ts';
import { keepCodes, makeCodes, without } from './lib/proofs.ts';
import { departments } from './lib/stack.ts';

// The screens of approvals and notifications: a picture, axe with all its rules and
// no sideways scroll for each, in both themes, sizes and languages. One journey
// passes several of them. Everything is real, but for the last but one test: its
// answers are altered on their way, since they take minutes or an accident.

test.use({ trace: 'off' });
test.setTimeout(240_000);

const button = (page: Page, name: string | RegExp) => page.getByRole('button', { name });
const sees = (page: Page, name: string | RegExp) => expect(page.getByRole('heading', { name }).first()).toBeVisible();

/** Reads the page anew, with what the server says altered. */
async function told<T extends object>(page: Page, path: string, alter: (said: T) => object): Promise<void> {
  await page.unroute(path);
  await page.route(path, async (route) => {
    if (route.request().method() !== 'GET') return route.fallback();
    const response = await route.fetch();
    const said = await response.json() as T;
    return route.fulfill({ response, json: { ...said, ...alter(said) } });
  });
  await page.reload();
}

async function number(at: Page, digits: string): Promise<void> {
  await at.getByLabel('The number on their screen').fill(digits);
  await button(at, 'Approve with my passkey').click();
}

test('asking, waiting, the inbox, the review and a denial', async ({ people }) => {
  const { sam, noor } = await people.pair();
  people.stack.directory.photo(noor.person);
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
  await expect(decides.locator('.face img')).toBeVisible();
  await picture(decides, 'review');
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
  people.stack.directory.photo(sam.person);
  const photos = new Set<number>(); // noor has none
  decides.on('response', (r) => { if (r.url().includes('/photo/')) photos.add(r.status()); });
  const ask = async () => {
    await noor.phone.askForReset();
    await decides.goto((await sam.phone.notification()).navigate);
    return (await asks.getByTestId('number').innerText()).trim();
  };
  let right = await ask();
  await expect(asks.locator('.face img')).toBeVisible();
  await picture(asks, 'waiting');
  await look(asks, 'waiting-number');
  for (const left of ['2 tries left.', 'One try left, then the request stops.', '']) {
    await number(decides, right === '47' ? '48' : '47');
    if (left) await expect(decides.getByText(left)).toBeVisible();
  }
  await sees(asks, 'Stopped after three wrong numbers');
  await look(asks, 'three-wrong');
  await sees(decides, /That was the third wrong number|The request was taken back/);
  await look(decides, 'review-three-wrong');

  await asks.goto('/account');
  right = await ask();
  await number(decides, right === '47' ? '48' : '47');
  await expect(decides.getByText('2 tries left.')).toBeVisible();
  await look(asks, 'waiting-wrong');
  await look(decides, 'review-number');
  await number(decides, right);
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
  await sees(asks, 'Your account is frozen here');
  await look(asks, 'account-frozen');
  expect([...photos], 'no errors in the console').toEqual([204]);
});

test('a group, long names, a stranger’s no, and nobody’s answer', async ({ people, stack }) => {
  const named = async (name: string, more: Parameters<typeof people.hire>[2] = {}): Promise<Somebody> => {
    const person = people.hire('Theo', 'Wisniewski', more);
    stack.directory.replace(person, 'displayName', name);
    return people.enrolled(person);
  };
  const mara = await named('Maximiliane-Theodora Freifrau von Hohenstaufen-Württemberg zu Landsberg-Velen');
  const ola = await people.enrolled(people.hire('Ola', 'Berg'));
  for (const one of [mara, ola]) stack.directory.join('Approvers', one.person);
  const ida = await people.enrolled(people.hire('Ida', 'Moreau', { department: departments.shortly, manager: ola.person }));
  const theo = await named('Bartholomäus-Leopold Wiśniewski-Katzenellenbogen', { department: departments.byPanel, title: 'Vertreter der Leitung der Qualitätsmanagementdokumentation' });
  const [asks, decides, other] = [theo.phone.page, mara.phone.page, ola.phone.page];
  await ida.phone.askForReset();
  const late = (await ola.phone.notification()).navigate;

  await theo.phone.askForReset();
  await look(asks, 'waiting-group');
  await other.goto('/inbox');
  await expect(other.getByRole('link', { name: /Bartholomäus/ })).toBeVisible();
  await look(other, 'inbox-two');
  await other.goto((await ola.phone.notification()).navigate);
  await sees(other, /Bartholomäus-Leopold/);
  await look(other, 'review-long-name');
  await decides.goto(`${(await mara.phone.notification()).navigate}#deny`);
  await button(decides, 'Another reason').click();
  await decides.getByLabel('In your own words').fill('Wir haben uns nach der Besprechung darauf geeinigt, dass das Kontoverwaltungshandbuch zuerst gelesen wird. Rufen Sie mich danach an.');
  await look(decides, 'review-deny-words');
  await button(decides, 'Deny this request').click();
  await sees(asks, 'Your request was turned down');
  await look(asks, 'denied-words');
  await sees(other, 'This was already answered');
  await look(other, 'review-elsewhere');

  await expect(ida.phone.page.getByRole('heading', { name: 'Nobody answered in time' })).toBeVisible({ timeout: 90_000 });
  await look(ida.phone.page, 'unanswered');
  await other.goto(late);
  await sees(other, 'The time was up');
  await look(other, 'review-expired');
});

test('what takes minutes, or an accident', async ({ people }) => {
  const { sam, noor } = await people.pair();
  const [asks, decides] = [noor.phone.page, sam.phone.page];
  const id = await noor.phone.askForReset();
  const minutes = (n: number) => new Date(Date.now() - n * 60_000).toISOString();
  const [own, review] = [`**/api/requests/${id}`, `**/api/reviews/${id}`];
  await told<{ review: object }>(asks, own, (said) => ({ created: minutes(10), review: { ...said.review, since: minutes(10), reminded: minutes(4), canRemind: '' } }));
  await expect(asks.getByText('Reminded 4 minutes ago.')).toBeVisible();
  await look(asks, 'waiting-reminded');
  await told<{ review: object }>(asks, own, (said) => ({ created: minutes(10), review: { ...said.review, since: minutes(10), canRemind: minutes(8) } }));
  await expect(button(asks, 'Remind')).toBeEnabled();
  await look(asks, 'waiting-remind');
  await told(asks, own, () => ({ state: 'cancelled', code: 'account.frozen' }));
  await sees(asks, 'Your account is frozen here');
  await look(asks, 'ended-frozen');

  await decides.goto((await sam.phone.notification()).navigate);
  await sees(decides, /Noor Haddad asks/);
  await told(decides, review, () => ({
    reason: 'Forgot my password: I have been away since the summer, and the note with it is in the drawer that I can’t open either, at the other end of town.',
    address: '2001:db8:1f4c:2a9e:77b1:3c5d:9e0f:1a2b', internal: false, number: true, numbersLeft: 1, proofs: ['password'],
    signs: [{ code: 'often', count: 5 }, { code: 'new-device', count: 0 }, { code: 'reported-before', count: 1 }, { code: 'denied-before', count: 2 }, { code: 'weak-proof', count: 0 }],
  }));
  await expect(decides.getByText('5 requests this week')).toBeVisible();
  await look(decides, 'review-signs');
  await told(decides, review, () => ({ open: false, code: 'review.not-approver' }));
  await sees(decides, 'This is no longer yours to decide');
  await look(decides, 'review-not-mine');

  const hours = (n: number) => minutes(60 * n);
  await decides.unroute(review);
  await decides.goto('/devices');
  await told<{ devices: object[] }>(decides, '**/api/devices', ({ devices }) => ({
    devices: [...devices, { id: 'd1', device: 'Safari on iPhone', created: hours(2000), renewed: hours(30), reached: hours(50), failed: 'device.unreachable' },
      { id: 'd2', device: 'Firefox on Windows', created: hours(100), renewed: hours(3), reached: hours(3), failed: '' }],
  }));
  await button(decides, /Safari on iPhone/).click();
  await look(decides, 'device-failed');
  await button(decides, 'Remove').click();
  await look(decides, 'device-remove');
  await button(decides, 'Keep').click();
  await button(decides, 'Close').click();
  await look(decides, 'devices-others');
});

test('a frozen account that asks to be let in again', async ({ people }) => {
  const { sam, noor } = await people.pair();
  const [asks, decides] = [noor.phone.page, sam.phone.page];
  await button(asks, /This wasn’t me/).click();
  await button(asks, 'Stop everything on my account').click();
  await sees(asks, 'Everything is stopped');
  await asks.goto('/');
  await noor.phone.signIn();
  await button(asks, 'It is me again').click();
  await expect(asks.getByText('IT sees that it is you')).toBeVisible();
  await look(asks, 'account-thaw');
  await decides.goto('/inbox');
  await sees(decides, 'Let Noor Haddad in again?');
  await expect(decides.getByText('Nothing waits for you.')).toHaveCount(0);
  await look(decides, 'inbox-lift');
  const names = { displayName: 'Maximiliane-Theodora Freifrau von Hohenstaufen-Württemberg zu Landsberg-Velen', title: 'Vertreterin der Leitung der Qualitätsmanagementdokumentation', department: 'Kontoverwaltungshandbuch' };
  await told<{ thaws: object[] }>(decides, '**/api/thaws', ({ thaws: [one] }) => ({ thaws: [one, { ...one, ...names, account: 'b2', own: false }] }));
  await sees(decides, /^Let Maximiliane-Theodora/);
  await look(decides, 'inbox-lift-two');
  await decides.unroute('**/api/thaws');
  await decides.reload();
  await button(decides, 'We spoke: let them in').click();
  await expect(decides.getByText('Noor Haddad is let in again')).toBeVisible();
  await look(decides, 'inbox-lifted');
});

test('a frozen account that asks without a passkey', async ({ people }) => {
  const { sam, noor } = await people.pair(departments.both);
  const codes = await makeCodes(noor.phone);
  await keepCodes(noor.phone);
  await noor.phone.page.goto('/account');
  await button(noor.phone.page, /This wasn’t me/).click();
  await button(noor.phone.page, 'Stop everything on my account').click();
  await sees(noor.phone.page, 'Everything is stopped');
  const { page } = await people.phone();
  await without(page, noor.person.account, 'A recovery code', 'A new passkey');
  await page.getByRole('textbox', { name: 'Recovery code' }).fill(codes[0]!);
  await button(page, 'Continue').click();
  await expect(button(page, 'It is me again')).toBeVisible();
  await look(page, 'recover-frozen');
  await page.route('**/api/freeze/thaw/recovered', (route) => route.abort());
  await button(page, 'It is me again').click();
  await expect(page.getByRole('heading', { name: 'You are in, but that didn’t work' })).toBeVisible();
  await page.goto('/account');
  await expect(button(page, 'It is me again')).toBeVisible();
  await look(page, 'account-frozen-recovered');
  await page.unroute('**/api/freeze/thaw/recovered');
  await button(page, 'It is me again').click();
  await expect(page.getByText('IT sees that it is you')).toBeVisible();
  await look(page, 'account-thaw-recovered');
  await sam.phone.page.goto('/inbox');
  await sees(sam.phone.page, 'Let Noor Haddad in again?');
  await look(sam.phone.page, 'inbox-lift-code');
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
