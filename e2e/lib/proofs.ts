import { createHmac } from 'node:crypto';
import { expect, type Page } from '@playwright/test';
import type { Phone } from './fixtures.ts';
import { questions } from './further.ts';
import type { Stand } from './stand.ts';

const STEP = 30;

/** The code that an authenticator app shows (RFC 6238, RFC 4226 5.3). ahead counts steps: a server takes one of the next step, and none twice. */
export function totp(secret: string, ahead = 0, now = Date.now()): string {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(now / 1000 / STEP) + ahead));
  const mac = createHmac('sha1', base32(secret)).update(counter).digest();
  const at = mac[mac.length - 1]! & 0xf;
  return String((mac.readUInt32BE(at) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}

function base32(text: string): Buffer {
  const bits = [...text.replaceAll(' ', '')].map((c) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0')).join('');
  return Buffer.from((bits.match(/.{8}/g) ?? []).map((b) => parseInt(b, 2)));
}

const row = (page: Page, name: string) => page.getByRole('button', { name: new RegExp(`^${name}`) });

/** The ten codes, on the screen that shows them. */
export async function codesShown(page: Page): Promise<string[]> {
  await expect(page.getByRole('heading', { name: 'Your ten codes' })).toBeVisible();
  return page.getByTestId('recovery-codes').getByRole('listitem').allInnerTexts();
}

/** Makes recovery codes, as somebody who is signed in with a passkey; up to the screen that shows them. */
export async function makeCodes({ page }: Phone): Promise<string[]> {
  await page.goto('/proofs');
  await row(page, 'Recovery codes').click();
  await page.getByRole('button', { name: /Make (recovery codes|ten new ones)/ }).click();
  return codesShown(page);
}

/** … and puts them away. */
export async function keepCodes({ page }: Phone): Promise<void> {
  await page.getByLabel('I have put them where I find them without this phone').check();
  await page.getByRole('button', { name: 'Done' }).click();
  await expect(page.getByText('Your ten recovery codes are ready.')).toBeVisible();
}

/** Begins to set up an authenticator app; returns its key. */
export async function beginTotp({ page }: Phone): Promise<string> {
  await page.goto('/proofs');
  await row(page, 'Authenticator app').click();
  await page.getByRole('button', { name: 'Set up my authenticator app' }).click();
  await expect(page.getByRole('heading', { name: 'Add it to your app' })).toBeVisible();
  return (await page.getByTestId('totp-secret').innerText()).trim();
}

export async function finishTotp({ page }: Phone, code: string): Promise<void> {
  await page.getByLabel('The code that the app shows').fill(code);
  await page.getByRole('button', { name: 'Turn it on' }).click();
}

/** Opens one of the ways to prove it. */
export async function openProof({ page }: Phone, name: string): Promise<void> {
  await page.goto('/proofs');
  await row(page, name).click();
}

export async function setPin(phone: Phone, pin: string): Promise<void> {
  const { page } = phone;
  await openProof(phone, 'PIN');
  await page.getByLabel('New PIN').fill(pin);
  await page.getByLabel('Once more').fill(pin);
  await page.getByRole('button', { name: 'Keep this PIN' }).click();
}

/** An answer to each of the questions. */
export const answers: Record<string, string> = {
  'first-teacher': 'Frau Ungeheuer', 'first-street': 'Am Alten Hafen 3', 'first-concert': 'The Kettle Club', 'first-trip': 'To Narvik by train', 'dream-job': 'Lighthouse keeper',
};

/** Types an answer to each. */
export async function chooseQuestions({ page }: Phone, given = answers): Promise<void> {
  for (const q of questions) await page.getByLabel(q.en).fill(given[q.id]!);
}

/** Types the answers to whatever is asked; says what was. */
export async function answerQuestions(page: Page, given = answers): Promise<string[]> {
  const asked: string[] = [];
  for (const q of questions) {
    const field = page.getByLabel(q.en);
    if (!await field.isVisible()) continue;
    asked.push(q.id);
    await field.fill(given[q.id] ?? 'Never said');
  }
  return asked;
}

const inGroups = /\b(\d{4}) (\d{4})\b/;

/** The code of the next mail to an address, once more than so many mails have come. */
export async function mailedCode(stand: Stand, to: string, after: number): Promise<string> {
  for (let seen = after; ;) {
    const all = await stand.mails(seen);
    const mine = all.slice(after).filter((m) => m.to.includes(to)).map((m) => inGroups.exec(m.raw.slice(m.raw.search(/\r?\n\r?\n/)))?.[0]).filter(Boolean);
    if (mine.length > 0) return mine.at(-1)!;
    seen = all.length;
  }
}

/** Likewise of a text message. */
export async function textedCode(stand: Stand, to: string, after: number): Promise<string> {
  for (let seen = after; ;) {
    const all = await stand.texts(seen);
    const mine = all.slice(after).filter((m) => m.to === to).map((m) => inGroups.exec(m.text)?.[0]).filter(Boolean);
    if (mine.length > 0) return mine.at(-1)!;
    seen = all.length;
  }
}

/** Waits until an address or a number was told this. */
export async function toldOf(list: (seen?: number) => Promise<{ to: string | string[]; raw?: string; text?: string }[]>, to: string, says: RegExp): Promise<string> {
  for (let seen: number | undefined; ;) {
    const all = await list(seen);
    const found = all.map((m) => ({ to: m.to, text: m.text ?? (m.raw ?? '').replace(/=\r?\n/g, '') })).find((m) => m.to.includes(to) && says.test(m.text));
    if (found) return found.text;
    seen = all.length;
  }
}

/** As if the last code had been sent so long ago, after a reload. */
export async function sentBefore(page: Page, seconds: number): Promise<void> {
  await expect.poll(() => page.evaluate(() => JSON.stringify(history.state))).toMatch(/-code":\d/);
  await page.addInitScript(({ ms, once }) => { // before the page reads it
    if (sessionStorage.getItem(once)) return;
    sessionStorage.setItem(once, 'done');
    const state = history.state as { noted: { sent: Record<string, number> } };
    for (const kind of Object.keys(state.noted.sent)) state.noted.sent[kind]! -= ms;
    history.replaceState(state, '');
  }, { ms: seconds * 1000, once: `aged ${Math.random()}` });
  await page.reload();
}

export type Way =
  | 'A recovery code' | 'My authenticator app' | 'A recovery code and my authenticator app' | 'A code by mail' | 'A code by text message'
  | 'My Latchkey PIN and a colleague’s word' | 'My Latchkey PIN and my employee number' | 'The answers to my questions and a code by mail' | 'My current password and a code by mail';
export type Want = 'Unlock my account' | 'A new password' | 'A new passkey';

/** The first step of the way in without a passkey. */
export async function without(page: Page, name: string, way: Way, want: Want = 'Unlock my account'): Promise<void> {
  await page.goto('/about'); // the same address again would be a reload, which keeps the step
  await page.goto('/recover');
  await page.getByLabel('The name you sign in with at work').fill(name);
  await page.getByRole('radio', { name: want }).check();
  await page.getByRole('radio', { name: way, exact: true }).check();
  await page.getByRole('button', { name: /^(Next|Send me the code)$/ }).click();
  await expect(page.getByRole('heading', { name: 'Show that it’s you' })).toBeVisible();
}

/** … up to the wait for somebody's word. Returns the two digits that it shows. */
export async function askColleague(page: Page, name: string, want: Want): Promise<string> {
  await page.goto('/about');
  await page.goto('/recover');
  await page.getByLabel('The name you sign in with at work').fill(name);
  await page.getByRole('radio', { name: want }).check();
  await page.getByRole('radio', { name: /^Ask a colleague/ }).check();
  await page.getByRole('button', { name: 'Ask a colleague' }).click();
  return waitingNumber(page);
}

/** The two digits of somebody who waits for a colleague's word. */
export async function waitingNumber(page: Page): Promise<string> {
  await expect(page.getByRole('heading', { name: 'Call somebody who knows you' })).toBeVisible();
  const number = (await page.getByTestId('number').innerText()).trim();
  expect(number).toMatch(/^\d\d$/);
  return number;
}

/** The phone's passkeys are gone, as if it were another one. */
export async function loseKeys(phone: Phone): Promise<void> {
  await phone.cdp.send('WebAuthn.removeVirtualAuthenticator', { authenticatorId: phone.authenticator });
}
