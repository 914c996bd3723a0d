import { createHmac } from 'node:crypto';
import { expect, type Page } from '@playwright/test';
import type { Phone } from './fixtures.ts';

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

export type Way = 'A recovery code' | 'My authenticator app' | 'A recovery code and my authenticator app';
export type Want = 'Unlock my account' | 'A new password' | 'A new passkey';

/** The first step of the way in without a passkey. */
export async function without(page: Page, name: string, way: Way, want: Want = 'Unlock my account'): Promise<void> {
  await page.goto('/about'); // the same address again would be a reload, which keeps the step
  await page.goto('/recover');
  await page.getByLabel('The name you sign in with at work').fill(name);
  await page.getByRole('radio', { name: want }).check();
  await page.getByRole('radio', { name: way, exact: true }).check();
  await page.getByRole('button', { name: 'Next' }).click();
  await expect(page.getByRole('heading', { name: 'Show that it’s you' })).toBeVisible();
}

/** The phone's passkeys are gone, as if it were another one. */
export async function loseKeys(phone: Phone): Promise<void> {
  await phone.cdp.send('WebAuthn.removeVirtualAuthenticator', { authenticatorId: phone.authenticator });
}
