import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser, Page } from '@playwright/test';
import { expect, test } from './lib/fixtures.ts';

// The document shows the first screen before any script runs, and the app takes
// over the same elements: here the app's script is held back for as long as one looks.

const sizes = { phone: { width: 390, height: 844 }, desk: { width: 1280, height: 800 } };
const words = { en: ['Locked out?', 'Unlock with my passkey', 'I can’t use my passkey'], de: ['Ausgesperrt?', 'Mit Anmeldeschlüssel entsperren', 'Mein Anmeldeschlüssel geht nicht'] } as const;

interface Look { size: keyof typeof sizes; locale: string; scheme: 'light' | 'dark' }

async function held(browser: Browser, url: string, { size, locale, scheme }: Look): Promise<{ page: Page; release: () => void }> {
  const context = await browser.newContext({ viewport: sizes[size], locale, colorScheme: scheme, baseURL: url, serviceWorkers: 'block' });
  const page = await context.newPage();
  let release = () => {};
  const released = new Promise<void>((resolve) => { release = resolve; });
  await page.route('**/assets/app-*.js', async (route) => { await released; await route.continue(); });
  await page.addInitScript(() => {
    const all: number[] = [];
    new PerformanceObserver((list) => { for (const e of list.getEntries()) all.push((e as unknown as { value: number }).value); }).observe({ type: 'layout-shift', buffered: true });
    Object.assign(window, { shifts: all });
  });
  return { page, release };
}

const shifted = (page: Page) => page.evaluate(() => (window as unknown as { shifts: number[] }).shifts.reduce((a, b) => a + b, 0));

for (const look of (['phone', 'desk'] as const).flatMap((size) => (['en', 'de'] as const).flatMap((l) => (['light', 'dark'] as const).map((scheme) => ({ size, l, scheme }))))) {
  test(`Start is whole before the app is there, and stays as it is: ${look.size}, ${look.l}, ${look.scheme}`, async ({ browser, stack }) => {
    const { page, release } = await held(browser, stack.url, { size: look.size, locale: look.l === 'de' ? 'de-DE' : 'en-GB', scheme: look.scheme });
    await page.goto('/', { waitUntil: 'commit' });
    const [title, button, help] = words[look.l];
    const heading = page.getByRole('heading', { level: 1, name: title });
    await expect(heading).toBeVisible();
    await expect(page.locator('html')).toHaveAttribute('lang', look.l);
    await expect(page.getByRole('button', { name: button })).toBeDisabled(); // it can't do yet what it says
    await page.evaluate(() => Object.assign(window, { before: [...document.querySelectorAll('h1, .lead, .dock button, nav, .language, main')] }));
    const before = await page.screenshot({ mask: [page.locator('.start-org, .rail-org')] });
    release();
    await expect(page.getByRole('button', { name: button })).toBeEnabled();
    await expect(page.locator(look.size === 'phone' ? '.start-org' : '.rail-org')).toHaveText('Example Corp');
    await expect(page.getByRole('link', { name: help })).toHaveAttribute('href', '/recover'); // known by now, and nothing moved
    expect(await page.evaluate(() => (window as unknown as { before: Element[] }).before.every((e) => e.isConnected))).toBe(true);
    expect((await page.screenshot({ mask: [page.locator('.start-org, .rail-org')] })).equals(before)).toBe(true);
    expect(await shifted(page)).toBeLessThanOrEqual(0.001);
    await page.context().close();
  });
}

// A slow line brings the document in parts.
test('nothing is painted of a document before its first screen is whole', async ({ browser, stack }) => {
  const context = await browser.newContext({ viewport: sizes.phone, baseURL: stack.url });
  const whole = await (await context.request.get('/')).text();
  const cut = whole.indexOf('</h1>');
  expect(cut).toBeGreaterThan(0);
  let rest = () => {};
  const line = createServer((asked, answer) => {
    if (asked.url !== '/') return void answer.writeHead(404).end();
    answer.writeHead(200, { 'content-type': 'text/html' }).write(whole.slice(0, cut));
    rest = () => { answer.end(whole.slice(cut)); };
  });
  await new Promise<void>((resolve) => { line.listen(0, '127.0.0.1', resolve); });
  const page = await context.newPage();
  await page.goto(`http://127.0.0.1:${(line.address() as AddressInfo).port}/`, { waitUntil: 'commit' });
  await expect(page.locator('h1')).toHaveCount(1); // half of it is there
  await page.evaluate(() => new Promise((resolve) => { setTimeout(resolve, 300); })); // in which a browser would paint it
  expect(await page.evaluate(() => performance.getEntriesByType('paint').length)).toBe(0);
  rest();
  await expect.poll(() => page.evaluate(() => performance.getEntriesByType('paint').length)).toBeGreaterThan(0);
  await context.close();
  line.close();
});

test('a page behind the sign-in shows no words that may not be true before the app is there', async ({ stack, phone, enrolled }) => {
  const { page } = phone;
  await phone.signIn();
  expect(enrolled.account).not.toBe('');
  let release = () => {};
  const released = new Promise<void>((resolve) => { release = resolve; });
  await page.route('**/assets/app-*.js', async (route) => { await released; await route.continue(); });
  await page.evaluate(async () => { for (const r of await navigator.serviceWorker.getRegistrations()) await r.unregister(); });
  await page.goto(`${stack.url}/account`, { waitUntil: 'commit' });
  await expect(page.locator('main .bone').first()).toBeVisible();
  expect(await page.locator('main').innerText()).toBe('');
  release();
  await expect(page.getByRole('heading', { name: 'My account' })).toBeVisible();
});

test('the language that was chosen is the document’s', async ({ browser, stack }) => {
  const { page, release } = await held(browser, stack.url, { size: 'phone', locale: 'en-GB', scheme: 'light' });
  release();
  await page.goto('/');
  await page.getByRole('button', { name: 'Deutsch' }).click();
  await expect(page.getByRole('heading', { name: words.de[0] })).toBeVisible();
  expect(await (await page.request.get('/')).text()).toContain('<html lang="de">');
  await page.context().close();
});
