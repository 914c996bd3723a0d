import type { BrowserContext, Page } from '@playwright/test';
import { test, expect, Phone } from './lib/fixtures.ts';
import type { Person } from './lib/directory.ts';
import { inspect, inTurn, looks, sizes } from './lib/looks.ts';
import type { Stack } from './lib/stack.ts';

test.use({ trace: 'off' }); // the pictures tell enough, and in half the time
test.describe.configure({ mode: 'parallel' }); // no screen waits for another, and it is the longest file

interface At { phone: Phone; stack: Stack; person: Person; undo: (fn: () => void) => void }
type Open = (at: At) => Promise<void>;

const at = (path: string): Open => async ({ phone }) => { await phone.page.goto(path); };

/** My account of somebody whom the directory knows in this state. */
const account = (says: string | RegExp, state: (at: At) => void): Open => async (at) => {
  state(at);
  await at.phone.signIn();
  await sees(at.phone.page, says);
};

const flags = (says: string, uac: number): Open => account(says, ({ stack, person }) => { stack.directory.replace(person, 'userAccountControl', String(uac)); });

const tap = (page: Page, name: string | RegExp) => page.getByRole('button', { name }).or(page.getByRole('link', { name })).first().click();

const sees = (page: Page, heading: string | RegExp) => expect(page.getByRole('heading', { name: heading }).first()).toBeVisible();

/** A request for one of the things on My account, confirmed. */
async function proved({ phone: { page } }: At, what: string): Promise<void> {
  await tap(page, what);
  await tap(page, 'Confirm with my passkey');
}

/** The unlock's page, with the server's answer altered: states that take minutes or an accident. */
const unlockedBut = (change: object): Open => async ({ phone, stack, person }) => {
  const { page } = phone;
  stack.directory.lock(person);
  await phone.signIn();
  await page.route(/\/api\/requests\/[^/]+$/, async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, json: { ...(await response.json() as object), ...change } });
  });
  await tap(page, 'Unlock my account');
  await expect(page).toHaveURL(/\/request\//);
  await page.reload();
};

async function renamed({ page }: Phone, name: string): Promise<void> {
  await tap(page, /In use now/);
  await page.getByLabel('Name').fill(name);
  await tap(page, 'Save name');
  await expect(page.getByText('Saved.')).toBeVisible();
}

const sixty = 'Das rote Diensttelefon aus der Qualitätsmanagementabteilung';

/** Screens of anybody, in a browser that knows nobody. */
const open: Record<string, Open> = {
  start: at('/'),
  recover: at('/recover'),
  help: at('/help'),
  about: at('/about'),
  'enrol-no-link': at('/enrol'),
  'enrol-unknown-link': at('/enrol#nothing-that-was-ever-issued'),
  freeze: at(`/freeze#${'A'.repeat(120)}`),
  'freeze-no-link': at('/freeze'),
  'freeze-old': async ({ phone: { page } }) => {
    await page.goto(`/freeze#${'A'.repeat(120)}`);
    await tap(page, 'Stop everything on my account');
    await sees(page, 'This link is no good any more');
  },
  'freeze-offline': async ({ phone: { page } }) => {
    await page.route('/api/freeze/notice', (route) => route.abort());
    await page.goto(`/freeze#${'A'.repeat(120)}`);
    await tap(page, 'Stop everything on my account');
    await expect(page.getByText('There is no connection to Latchkey.')).toBeVisible();
  },
  'freeze-stopped': async ({ phone: { page } }) => {
    await page.route('/api/freeze/notice', (route) => route.fulfill({ status: 204 }));
    await page.goto(`/freeze#${'A'.repeat(120)}`);
    await tap(page, 'Stop everything on my account');
    await sees(page, 'Everything is stopped');
  },
  'start-from-message': async ({ phone: { page } }) => {
    await page.goto(`/account#stop=${'A'.repeat(120)}`);
    await expect(page.getByRole('button', { name: 'This wasn’t me' })).toBeVisible();
  },
  'sign-in-first': at('/request/00000000-0000-7000-8000-000000000000'),
  'no-such-page': at('/nowhere'),
  enrol: async ({ phone, stack, person }) => { await phone.page.goto(stack.invite(person)); },
  'enrol-refused': async ({ phone: { page }, stack, person }) => {
    await page.goto(stack.invite(person));
    await page.getByLabel('The password you use at work').fill('not-it-at-all-1!');
    await tap(page, 'Check my password');
    await expect(page.getByRole('alert').first()).toBeVisible();
  },
  'enrol-make': async ({ phone: { page }, stack, person }) => { await page.goto(stack.invite(person)); await checked(page, person); },
  'enrol-try': async ({ phone: { page }, stack, person }) => {
    await page.goto(stack.invite(person));
    await checked(page, person);
    await tap(page, 'Make my passkey');
    await sees(page, 'Try it once');
  },
  'enrol-ready': async ({ phone, stack, person }) => { await phone.enrol(person, stack.invite(person)); },
};

async function checked(page: Page, person: Person): Promise<void> {
  await page.getByLabel('The password you use at work').fill(person.password);
  await tap(page, 'Check my password');
  await sees(page, 'Make a passkey');
}

/** Screens of somebody who has a passkey; the browser is at Start. */
const own: Record<string, Open> = {
  account: account('Your account is fine', () => undefined),
  'account-locked': account(/You are locked out until/, ({ stack, person }) => { stack.directory.lock(person); }),
  'account-must-change': account('A new password is due', ({ stack, person }) => { stack.directory.mustChange(person); }),
  'account-disabled': flags('Your account is switched off', 514),
  'account-smartcard': flags('You sign in with a smart card', 262656),
  'account-protected': account('Latchkey leaves this account alone', ({ stack, person }) => { stack.directory.replace(person, 'adminCount', '1'); }),
  'account-ended': account(/Your account ended on/, ({ stack, person }) => { stack.directory.replace(person, 'accountExpires', '132000000000000000'); }),
  'account-outside-hours': account('Outside your sign-in hours', ({ stack, person }) => { stack.directory.outsideHours(person); }),
  'account-password-expired': account('Your password has expired', ({ stack, person }) => { stack.directory.passwordExpired(person); }),
  'account-password-soon': account('Your password expires in 5 days', ({ stack, person, undo }) => { undo(stack.directory.passwordLives(person, 5 * 86_400)); }),
  'account-long-names': account(/You are locked out until/, ({ stack, person }) => {
    stack.directory.replace(person, 'displayName', 'Maximiliane-Theodora Freifrau von Hohenstaufen-Württemberg zu Landsberg-Velen');
    stack.directory.replace(person, 'department', 'Qualitätsmanagementdokumentationsverwaltung Süd');
    stack.directory.lock(person);
  }),
  'account-stop': async ({ phone }) => {
    await phone.signIn();
    await tap(phone.page, /This wasn’t me/);
    await sees(phone.page, 'Stop everything on your account?');
  },
  'account-stopped': async ({ phone }) => {
    await phone.signIn();
    await tap(phone.page, /This wasn’t me/);
    await tap(phone.page, 'Stop everything on my account');
    await sees(phone.page, 'Everything is stopped');
    await phone.page.goto('/');
    await phone.signIn();
    await sees(phone.page, 'Is it you again?');
  },
  'account-asked': async (at) => {
    await own['account-stopped']!(at);
    await tap(at.phone.page, 'It is me again');
    await expect(at.phone.page.getByText('IT sees that it is you')).toBeVisible();
  },
  done: async ({ phone, stack, person }) => {
    stack.directory.lock(person);
    await phone.signIn();
    await tap(phone.page, 'Unlock my account');
    await sees(phone.page, 'You are unlocked');
    await expect(phone.page.locator('.door.is-open')).toBeVisible();
  },
  relocked: async (at) => {
    const relocked = { at: new Date().toISOString(), badPasswords: 5, cause: 'device' };
    await unlockedBut({ relocked })(at);
    await sees(at.phone.page, /Locked again at/);
  },
  unsettled: unlockedBut({ state: 'unknown' }),
  'ran-out': unlockedBut({ state: 'expired', code: 'request.expired' }),
  failed: unlockedBut({ state: 'failed', code: 'directory.rights', params: { diagnostic: '00002098' } }),
  'no-directory': async ({ phone }) => {
    await phone.signIn();
    await phone.page.route('/api/passkeys', (route) => route.fulfill({ status: 503, contentType: 'application/problem+json', json: { code: 'directory.unavailable', status: 503, title: '', instance: 'f3a9-77c1' } }));
    await phone.page.goto('/passkeys/one');
    await sees(phone.page, 'The directory doesn’t answer');
  },
  'no-such-request': async ({ phone }) => {
    await phone.signIn();
    await phone.page.goto('/request/00000000-0000-7000-8000-000000000000');
    await sees(phone.page, 'There is no such request');
    // What is wrong stays said while it is read again.
    let asked = 0;
    await phone.page.route('/api/requests/*', () => { asked++; });
    await phone.page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
    await expect.poll(() => asked).toBe(1);
    await sees(phone.page, 'There is no such request');
    await phone.page.unrouteAll({ behavior: 'ignoreErrors' });
  },
  offline: async ({ phone: { page } }) => {
    await page.route('/api/**', (route) => route.abort());
    await page.evaluate(() => { localStorage.setItem('latchkey.in', '1'); });
    await page.goto('/passkeys');
    await sees(page, 'You are offline');
  },
  prove: async ({ phone }) => {
    await phone.signIn();
    await tap(phone.page, 'Set a new password');
    await expect(phone.page.getByRole('button', { name: 'Confirm with my passkey' })).toBeVisible();
  },
  password: async (at) => {
    await at.phone.signIn();
    await proved(at, 'Set a new password');
    await at.phone.page.getByLabel('New password').fill('Harbour-Lantern-4');
    await expect(at.phone.page.locator('.strength[data-score]')).toBeVisible();
  },
  'password-leave': async (at) => {
    await at.phone.signIn();
    await proved(at, 'Set a new password');
    await tap(at.phone.page, 'Don’t set a new password');
  },
  'change-refused': async (at) => {
    const { page } = at.phone;
    await at.phone.signIn();
    await proved(at, 'Change my password');
    await page.getByLabel('Old password').fill('not-the-old-one-9!');
    await page.getByLabel('New password').fill('Harbour-Lantern-47-quiet');
    await tap(page, 'Change password');
    await expect(page.getByRole('alert').first()).toBeVisible();
  },
  'one-time': async (at) => {
    await at.phone.signIn();
    await proved(at, 'Get a one-time password');
    await tap(at.phone.page, 'Set a one-time password');
    await sees(at.phone.page, 'Your one-time password');
  },
  passkeys: async ({ phone }) => {
    await phone.signIn();
    await phone.page.goto('/passkeys');
    await renamed(phone, sixty);
    await phone.page.goto('/passkeys');
  },
  passkey: async ({ phone }) => { await phone.signIn(); await phone.page.goto('/passkeys'); await renamed(phone, sixty); },
  'passkey-remove-last': async ({ phone }) => {
    await phone.signIn();
    await phone.page.goto('/passkeys');
    await tap(phone.page, /In use now/);
    await tap(phone.page, 'Remove this passkey');
    await sees(phone.page, 'This is your last passkey');
  },
  'passkey-add': async ({ phone }) => { await phone.signIn(); await phone.page.goto('/passkeys/add'); },
  'passkey-add-other': async ({ phone }) => {
    const { page } = phone;
    await phone.signIn();
    await page.goto('/passkeys/add');
    await tap(page, /On another device/);
    await tap(page, 'Confirm with my passkey');
    await expect(page.getByRole('img', { name: 'QR code with this link' })).toBeVisible();
  },
  stored: async ({ phone }) => { await phone.signIn(); await phone.page.goto('/stored'); },
  activity: async ({ phone }) => { await phone.signIn(); await phone.page.goto('/activity'); },
};

for (const [name, show] of Object.entries(open)) {
  test(`axe finds nothing on ${name}`, async ({ stack, phone, person }) => { await looked(name, show, { phone, stack, person }); });
}
for (const [name, show] of Object.entries(own)) {
  test(`axe finds nothing on ${name}`, async ({ stack, phone, enrolled }) => { await looked(name, show, { phone, stack, person: enrolled }); });
}

async function looked(name: string, show: Open, at: Omit<At, 'undo'>): Promise<void> {
  const ends: (() => void)[] = [];
  try {
    await show({ ...at, undo: (fn) => { ends.push(fn); } });
    for (const look of inTurn(looks, name)) await inspect(at.phone.page, name, look);
  } finally {
    ends.forEach((end) => { end(); });
  }
}

test('the first load until Start is usable is at most 40 KB', async ({ browser, stack }) => {
  const context: BrowserContext = await browser.newContext({ viewport: sizes.phone, serviceWorkers: 'block', locale: 'en-GB' });
  const page = await context.newPage();
  const cdp = await context.newCDPSession(page);
  await cdp.send('Network.enable');
  const kinds = new Map<string, string>();
  let bytes = 0;
  cdp.on('Network.responseReceived', (e) => { kinds.set(e.requestId, e.response.url); });
  cdp.on('Network.loadingFinished', (e) => { if (kinds.has(e.requestId)) bytes += e.encodedDataLength; });
  await page.goto(stack.url);
  await expect(page.getByRole('button', { name: 'Unlock with my passkey' })).toBeEnabled();
  console.log(`first load: ${bytes} bytes in ${kinds.size} requests, headers included`);
  expect(bytes).toBeLessThanOrEqual(40 * 1024);
  await context.close();
});

test('Chromium finds nothing against installing it', async ({ playwright, stack }, info) => {
  // A profile of its own: nothing can be installed from a private window.
  const { executablePath, args } = info.project.use.launchOptions ?? {};
  const context = await playwright.chromium.launchPersistentContext(info.outputPath('profile'), {
    ...(executablePath === undefined ? {} : { executablePath }), ...(args === undefined ? {} : { args }), chromiumSandbox: false,
  });
  const page = await context.newPage();
  await page.goto(stack.url);
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => true));
  const cdp = await context.newCDPSession(page);
  expect((await cdp.send('Page.getInstallabilityErrors')).installabilityErrors).toEqual([]);
  await context.close();
});

test('without a network the page says so and stays usable', async ({ phone, stack }) => {
  const { page, context } = phone;
  await page.goto(stack.url);
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => true));
  await page.reload();
  await context.setOffline(true);
  await page.reload();
  await expect(page.getByText(/no connection|offline/i).first()).toBeVisible();
  await context.setOffline(false);
});

test('no foreign origin, no inline script, nothing that the policy refuses', async ({ phone, stack, enrolled }) => {
  const complaints: string[] = [];
  const origins = new Set<string>();
  phone.page.on('console', (m) => { if (/Content Security Policy|Trusted/i.test(m.text())) complaints.push(m.text()); });
  phone.page.on('request', (r) => { if (r.url().startsWith('http')) origins.add(new URL(r.url()).origin); });
  await phone.page.goto(stack.url);
  await phone.signIn();
  for (const path of ['/passkeys', '/stored', '/activity', '/help', '/about']) await phone.page.goto(path);
  expect(enrolled.account).not.toBe('');
  expect(complaints).toEqual([]);
  expect([...origins]).toEqual([new URL(stack.url).origin]);
});
