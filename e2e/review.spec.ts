import { expect, type Locator, type Page } from '@playwright/test';
import { test } from './lib/people.ts';
import { departments } from './lib/stack.ts';

// Approvals in Chromium at phone size. What the push service got is handed to the
// real worker; everything else is as people have it.

const fresh = 'Harbour-Lantern-47-quiet';
const button = (where: Page | Locator, name: string | RegExp) => where.getByRole('button', { name });
const sees = (page: Page, name: string | RegExp) => expect(page.getByRole('heading', { name }).first()).toBeVisible();

test('a push says nothing of who asks; approved, the requester is told and goes on', { tag: '@database' }, async ({ people, stack }) => {
  const { sam, noor } = await people.pair();
  const mails = (await stack.stand.mails()).length;
  await noor.phone.askForReset();
  const push = await sam.phone.notification();
  expect(`${push.title} ${push.body}`).not.toMatch(/noor|haddad/i);
  expect(push.actions).toEqual(['Open', 'Deny']);
  await sam.phone.page.goto(push.navigate);
  await sees(sam.phone.page, /Noor Haddad asks to set a new password/);
  await expect(sam.phone.page.getByText('Back from leave')).toBeVisible();
  await button(sam.phone.page, 'Approve with my passkey').click();
  await sees(sam.phone.page, 'You approved this');

  await noor.phone.page.getByLabel('New password').fill(fresh); // nothing was pressed there
  expect((await noor.phone.notification()).title).toBe('Your request was approved');
  await button(noor.phone.page, 'Set new password').click();
  await sees(noor.phone.page, 'Your new password is set');
  expect(stack.directory.bind(noor.person, fresh)).toEqual({ ok: true, code: '' });
  expect((await noor.phone.notification()).navigate).toMatch(new RegExp(`^${stack.url}/account#stop=`));
  expect((await stack.stand.mails(mails)).at(-1)!.to).toEqual([noor.person.upn]);
});

test('“Deny” in the notification opens the reasons; the requester reads the one that was given', { tag: '@database' }, async ({ people, stack }) => {
  const { sam, noor } = await people.pair();
  const id = await noor.phone.askForReset();
  const { navigate } = await sam.phone.notification();
  await sam.phone.page.goto(`${navigate}#deny`);
  await sees(sam.phone.page, 'Why not?');
  await button(sam.phone.page, 'Not sure who it is').click();
  await sam.phone.page.getByLabel('In your own words').fill('Please call me first.');
  await button(sam.phone.page, 'Deny this request').click();
  await sees(sam.phone.page, 'You said no');
  await sees(noor.phone.page, 'Sam Okafor said no');
  await expect(noor.phone.page.getByText('Please call me first.')).toBeVisible();
  expect(stack.actions(id)).not.toContain('execution.intended');
});

test('“This isn’t right” ends the request at once, and freezes the account after a touch', { tag: '@database' }, async ({ people, stack }) => {
  const { sam, noor } = await people.pair();
  await noor.phone.askForReset();
  await sam.phone.page.goto((await sam.phone.notification()).navigate);
  await button(sam.phone.page, 'This isn’t right').click();
  await button(sam.phone.page, 'Stop this request').click();
  await sees(noor.phone.page, 'An approver said that this isn’t right');
  await button(sam.phone.page, 'Freeze their account here').click();
  await expect(sam.phone.page.getByText('The account is frozen here').first()).toBeVisible();

  await noor.phone.page.goto('/'); // every session of the account is over
  await noor.phone.signIn();
  const refused = await noor.phone.page.request.post('/api/requests', { data: { kind: 'reset' }, headers: { Origin: stack.url } });
  expect((await refused.json() as { code: string }).code).toBe('account.frozen');
  expect(() => stack.command('unfreeze', '--config', stack.config, noor.person.upn)).toThrow(/--without-proof/);
  stack.command('unfreeze', '--without-proof', '--config', stack.config, noor.person.upn);
  await noor.phone.page.goto('/account');
  await noor.phone.askForReset();
});

test('the number that the requester’s page shows is needed; the third wrong one ends the request', async ({ people }) => {
  const { sam, noor } = await people.pair(departments.numbered);
  const ask = async () => {
    await noor.phone.page.goto('/account');
    await noor.phone.askForReset();
    await sam.phone.page.goto((await sam.phone.notification()).navigate);
    return (await noor.phone.page.getByTestId('number').innerText()).trim();
  };
  const type = async (digits: string) => {
    await sam.phone.page.getByLabel('The number on their screen').fill(digits);
    await button(sam.phone.page, 'Approve with my passkey').click();
  };
  const right = await ask();
  const wrong = right === '47' ? '48' : '47';
  await type(wrong);
  await expect(sam.phone.page.getByText('2 tries left.')).toBeVisible();
  await expect(noor.phone.page.getByText('A wrong number was typed once.', { exact: false })).toBeVisible();
  await type(wrong);
  await expect(sam.phone.page.getByText('One try left', { exact: false })).toBeVisible();
  await type(wrong);
  await sees(noor.phone.page, 'Stopped after three wrong numbers');
  await expect(button(sam.phone.page, 'Approve with my passkey')).toHaveCount(0);

  await type(await ask());
  await sees(sam.phone.page, 'You approved this');
  await expect(noor.phone.page.getByLabel('New password')).toBeVisible();
});

test('without a manager the group is asked, and one of them is enough', async ({ people, stack }) => {
  const mara = await people.enrolled(people.hire('Mara', 'Lindt'));
  const ola = await people.enrolled(people.hire('Ola', 'Berg'));
  for (const one of [mara, ola]) stack.directory.join('Approvers', one.person);
  const noor = await people.enrolled(people.hire('Noor', 'Haddad', { department: departments.byManager }));
  await noor.phone.askForReset();
  await expect(noor.phone.page.getByText('2 people were asked').first()).toBeVisible();
  await mara.phone.page.goto((await mara.phone.notification()).navigate);
  await ola.phone.page.goto((await ola.phone.notification()).navigate);
  await button(mara.phone.page, 'Approve with my passkey').click();
  await sees(mara.phone.page, 'You approved this');
  await expect(button(ola.phone.page, 'Approve with my passkey')).toHaveCount(0); // it went away by itself
  await expect(noor.phone.page.getByLabel('New password')).toBeVisible();
});

/** What a page reads of the person and of one request, and its streams, in order from now on. */
function asks(page: Page, id: string): string[] {
  const asked: string[] = [];
  page.on('request', (r) => {
    const { pathname } = new URL(r.url());
    if (['/api/me', '/api/live', `/api/requests/${id}`].includes(pathname)) asked.push(pathname.split('/')[2]!);
  });
  return asked;
}

test('waiting survives a reload, a closed tab and a restart of the server', { tag: '@database' }, async ({ people, stack }) => {
  const { sam, noor } = await people.pair();
  const id = await noor.phone.askForReset();
  const first = asks(noor.phone.page, id);
  await noor.phone.page.reload();
  await sees(noor.phone.page, 'Waiting for Sam Okafor');
  const opened = ['me', 'requests', 'live', 'requests']; // what changed before the stream was open is in no event
  await expect.poll(() => first).toEqual(opened);
  const other = await noor.phone.context.newPage(); // another tab of the same browser
  const second = asks(other, id);
  await other.goto(`/request/${id}`);
  await sees(other, 'Waiting for Sam Okafor');
  await expect.poll(() => second).toEqual(['me', 'requests', 'requests']); // the stream is the first tab's
  expect(first).toEqual(opened);
  await stack.restart();
  await sam.phone.page.goto((await sam.phone.notification()).navigate);
  await button(sam.phone.page, 'Approve with my passkey').click();
  await sees(sam.phone.page, 'You approved this');
  for (const page of [noor.phone.page, other]) await expect(page.getByLabel('New password')).toBeVisible({ timeout: 45_000 }); // two silent heartbeats at most
  await other.close();
});

test('the inbox fills and empties by itself, counts, and can be read offline', { tag: '@database' }, async ({ people }) => {
  const { sam, noor } = await people.pair();
  const inbox = sam.phone.page;
  await inbox.goto('/inbox');
  await expect(inbox.getByText('Nothing waits for you.')).toBeVisible();
  await noor.phone.askForReset();
  await expect(inbox.getByRole('link', { name: /Noor Haddad/ })).toBeVisible();
  await sam.phone.context.setOffline(true);
  await inbox.reload();
  await expect(inbox.getByText(/This is your inbox as of/)).toBeVisible();
  await expect(inbox.getByText('Noor Haddad')).toBeVisible();
  await expect(inbox.getByRole('link', { name: /Noor Haddad/ })).toHaveCount(0); // nothing can be decided
  await sam.phone.context.setOffline(false);
  await inbox.reload();
  await expect(inbox.getByRole('link', { name: /Noor Haddad/ })).toBeVisible();
  await button(noor.phone.page, 'Stop this request').click();
  await button(noor.phone.page.getByRole('dialog'), 'Stop this request').click();
  await expect(inbox.getByText('Nothing waits for you.')).toBeVisible();
});

test('a reminder asks once more, and what nobody answers runs out', async ({ people }) => {
  test.setTimeout(240_000); // one minute to answer, two before a reminder
  const { sam, noor } = await people.pair();
  const brief = await people.enrolled(people.hire('Ida', 'Moreau', { department: departments.shortly, manager: sam.person }));
  await noor.phone.askForReset();
  await brief.phone.askForReset();
  for (let n = 0; n < 2; n++) await sam.phone.notification();
  await expect(noor.phone.page.getByText(/^You can remind from /)).toBeVisible();
  await expect(button(noor.phone.page, 'Remind')).toHaveCount(0);
  await expect(brief.phone.page.getByRole('heading', { name: 'Nobody answered in time' })).toBeVisible({ timeout: 90_000 });
  expect((await brief.phone.notification()).title).toBe('Nobody answered in time');
  await expect(button(noor.phone.page, 'Remind')).toBeVisible({ timeout: 90_000 });
  await button(noor.phone.page, 'Remind').click();
  await expect(noor.phone.page.getByText(/^Reminded /)).toBeVisible();
  expect((await sam.phone.notification()).title).toBe('A request still waits for you');
  await expect(button(noor.phone.page, 'Remind')).toHaveCount(0);
});

test('notifications that are blocked, or that never answer, are said to be so', async ({ people, stack }) => {
  const phone = await people.phone();
  const person = people.hire('Sam', 'Okafor');
  await phone.enrol(person, stack.invite(person));
  await phone.page.evaluate(() => undefined);
  await phone.context.grantPermissions(['notifications'], { origin: stack.url });
  await phone.page.addInitScript(() => { PushManager.prototype.subscribe = () => new Promise(() => undefined); });
  await phone.page.goto('/devices');
  await button(phone.page, 'Turn on notifications').click();
  await expect(phone.page.getByText('Your browser’s notification service doesn’t answer.')).toBeVisible({ timeout: 30_000 });
  await phone.context.clearPermissions();
  await phone.page.addInitScript(() => { Object.defineProperty(Notification, 'permission', { get: () => 'denied' }); });
  await phone.page.goto('/devices');
  await expect(phone.page.getByText('This browser blocks notifications')).toBeVisible();
});

test('my devices: a test arrives, and a removed device hears nothing more', async ({ people, stack }) => {
  const { phone } = await people.enrolled(people.hire('Sam', 'Okafor'));
  await phone.page.goto('/devices');
  await expect(phone.page.getByText('Notifications are on here')).toBeVisible();
  await button(phone.page, 'Send a test').click();
  await phone.notification();
  await expect(phone.page.getByText('It arrived')).toBeVisible();
  await button(phone.page, 'Turn off here').click();
  await button(phone.page.getByRole('dialog'), 'Turn off here').click();
  await expect(phone.page.getByText('Notifications are off here')).toBeVisible();
  const left = await (await phone.page.request.get('/api/devices')).json() as { devices: unknown[] };
  expect(left.devices).toHaveLength(0);
  expect(stack.url).not.toBe('');
});
