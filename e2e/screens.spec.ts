import AxeBuilder from '@axe-core/playwright';
import { mkdirSync } from 'node:fs';
import type { BrowserContext, Page } from '@playwright/test';
import { test, expect, Phone } from './lib/fixtures.ts';
import type { Person } from './lib/directory.ts';
import type { Stack } from './lib/stack.ts';

const sizes = { phone: { width: 390, height: 844 }, desk: { width: 1280, height: 800 } } as const;
const pictures = new URL('./out/screens/', import.meta.url).pathname;
mkdirSync(pictures, { recursive: true });

/** Every screen and how one gets there; each runs in a state of its own. */
const screens: { name: string; open: (at: At) => Promise<void> }[] = [
  { name: 'start', open: async ({ phone }) => { await phone.page.goto('/'); } },
  { name: 'help', open: async ({ phone }) => { await phone.page.goto('/help'); } },
  { name: 'about', open: async ({ phone }) => { await phone.page.goto('/about'); } },
  { name: 'enrol-no-link', open: async ({ phone }) => { await phone.page.goto('/enrol'); } },
  { name: 'enrol', open: async ({ phone, stack, person }) => { await phone.page.goto(stack.invite(person)); } },
  { name: 'not-found', open: async ({ phone }) => { await phone.page.goto('/request/00000000-0000-7000-8000-000000000000'); } },
  { name: 'account', open: async ({ phone }) => { await phone.signIn(); } },
  { name: 'account-locked', open: async ({ phone, stack, person }) => { stack.directory.lock(person); await phone.signIn(); } },
  { name: 'account-must-change', open: async ({ phone, stack, person }) => { stack.directory.mustChange(person); await phone.signIn(); } },
  { name: 'account-disabled', open: async ({ phone, stack, person }) => { stack.directory.replace(person, 'userAccountControl', '514'); await phone.signIn(); } },
  { name: 'done', open: async ({ phone, stack, person }) => {
    stack.directory.lock(person);
    await phone.signIn();
    await phone.page.getByRole('button', { name: 'Unlock my account' }).click();
    await expect(phone.page.getByRole('heading', { name: 'You are unlocked' })).toBeVisible();
  } },
  { name: 'prove', open: async ({ phone }) => {
    await phone.signIn();
    await phone.page.getByRole('button', { name: 'Set a new password' }).or(phone.page.getByRole('link', { name: 'Set a new password' })).first().click();
    await expect(phone.page.getByRole('button', { name: 'Confirm with my passkey' })).toBeVisible();
  } },
  { name: 'password', open: async ({ phone }) => {
    await phone.signIn();
    await phone.page.getByRole('button', { name: 'Set a new password' }).or(phone.page.getByRole('link', { name: 'Set a new password' })).first().click();
    await phone.page.getByRole('button', { name: 'Confirm with my passkey' }).click();
    await phone.page.getByLabel('New password').fill('Harbour-Lan');
    await expect(phone.page.getByRole('progressbar').or(phone.page.getByRole('meter'))).toBeVisible();
  } },
  { name: 'one-time', open: async ({ phone }) => {
    await phone.signIn();
    await phone.page.getByRole('button', { name: 'Get a one-time password' }).or(phone.page.getByRole('link', { name: 'Get a one-time password' })).first().click();
    await phone.page.getByRole('button', { name: 'Confirm with my passkey' }).click();
    await phone.page.getByRole('button', { name: 'Set a one-time password' }).click();
    await expect(phone.page.getByRole('heading', { name: 'Your one-time password' })).toBeVisible();
  } },
  { name: 'passkeys', open: async ({ phone }) => { await phone.signIn(); await phone.page.goto('/passkeys'); } },
  { name: 'stored', open: async ({ phone }) => { await phone.signIn(); await phone.page.goto('/stored'); } },
  { name: 'activity', open: async ({ phone }) => { await phone.signIn(); await phone.page.goto('/activity'); } },
];

interface At { phone: Phone; stack: Stack; person: Person }

for (const screen of screens) {
  test(`axe finds nothing on ${screen.name}, light and dark, phone and desk`, async ({ stack, phone, enrolled }) => {
    await screen.open({ phone, stack, person: enrolled });
    await settled(phone.page);
    for (const [size, viewport] of Object.entries(sizes)) {
      for (const colorScheme of ['light', 'dark'] as const) {
        await phone.page.setViewportSize(viewport);
        await phone.page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
        await phone.page.screenshot({ path: `${pictures}${screen.name}-${size}-${colorScheme}.png` });
        const found = await new AxeBuilder({ page: phone.page }).analyze();
        expect(found.violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join(' ')}`), `${size} ${colorScheme}`).toEqual([]);
        expect(await phone.page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'nothing scrolls sideways').toBe(true);
      }
    }
  });
}

async function settled(page: Page): Promise<void> {
  await expect(page.getByRole('main')).toBeVisible();
  await expect(page.locator('[aria-busy="true"]')).toHaveCount(0);
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
