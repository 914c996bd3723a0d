import axe from 'axe-core';
import { AxeBuilder } from '@axe-core/playwright';
import { mkdirSync } from 'node:fs';
import { expect, type Page } from '@playwright/test';

export const sizes = { phone: { width: 390, height: 844 }, desk: { width: 1280, height: 800 } } as const;
const pictures = new URL('../out/screens/', import.meta.url).pathname;
mkdirSync(pictures, { recursive: true });

/** Each look is a picture, axe with all its rules, and no sideways scroll. */
export const looks: readonly Look[] = [
  { size: 'phone', colorScheme: 'light', language: 'en' },
  { size: 'phone', colorScheme: 'dark', language: 'en' },
  { size: 'desk', colorScheme: 'dark', language: 'en' },
  { size: 'desk', colorScheme: 'light', language: 'en' },
  { size: 'phone', colorScheme: 'light', language: 'de' },
  { size: 'desk', colorScheme: 'dark', language: 'de' },
];

/** Those of best practice, AAA and the experimental ones too, which axe leaves out by itself. */
const everyRule = Object.fromEntries(axe.getRules().map((r) => [r.ruleId, { enabled: true }]));

interface Look { size: keyof typeof sizes; colorScheme: 'light' | 'dark'; language: 'en' | 'de' }

/** Fewer of them, still each size, theme and language: for screens that take a journey to get to. */
export const someLooks: readonly Look[] = [
  { size: 'phone', colorScheme: 'light', language: 'en' },
  { size: 'phone', colorScheme: 'dark', language: 'de' },
  { size: 'desk', colorScheme: 'light', language: 'de' },
  { size: 'desk', colorScheme: 'dark', language: 'en' },
];

/**
 * Every second look, in turn by the screen's name, so that each size, theme and language is seen of
 * half of the screens; LATCHKEY_SOAK=1 takes all. English comes last, as the page was.
 */
export function inTurn(all: readonly Look[], name: string): Look[] {
  const first = [...name].reduce((sum, c) => sum + c.charCodeAt(0), 0) % 2;
  const taken = process.env.LATCHKEY_SOAK === '1' ? [...all] : all.filter((_, i) => i % 2 === first);
  return [...taken.filter((l) => l.language !== 'en'), ...taken.filter((l) => l.language === 'en')];
}

/** Looks at a screen in some ways and leaves it as it was, in English on a phone. */
export async function look(page: Page, name: string): Promise<void> {
  for (const one of inTurn(someLooks, name)) await inspect(page, name, one);
  await page.setViewportSize(sizes.phone);
  await still(page); // a tap while things move meets nothing
}

/** A small picture for the documentation: a phone, light, in English, as it stands. */
export async function picture(page: Page, name: string): Promise<void> {
  await page.setViewportSize(sizes.phone);
  await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' });
  await page.mouse.move(0, 0);
  await settled(page);
  await still(page);
  await page.screenshot({ path: `${pictures}small-${name}.png`, scale: 'css' });
}

export async function inspect(page: Page, name: string, { size, colorScheme, language }: Look): Promise<void> {
  await page.setViewportSize(sizes[size]);
  await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
  await page.mouse.move(0, 0); // nothing is hovered
  await settled(page);
  if (await page.evaluate(() => document.documentElement.lang) !== language) {
    await page.evaluate(() => document.querySelector<HTMLElement>('.language')?.click()); // also beneath a sheet
    await expect(page.locator(`html[lang=${language}]`)).toHaveCount(1);
  }
  await still(page);
  await page.screenshot({ path: `${pictures}${name}-${size}-${colorScheme}${language === 'en' ? '' : `-${language}`}.png`, scale: size === 'phone' ? 'device' : 'css' });
  const found = await new AxeBuilder({ page }).options({ rules: everyRule }).setLegacyMode().analyze(); // there are no frames, so no second page for them
  expect(found.violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join(' ')}`), `${size} ${colorScheme} ${language}`).toEqual([]);
  const outside = await page.evaluate(() => [...document.querySelectorAll('main *, dialog *')].filter((e) => {
    const { left, right, width } = e.getBoundingClientRect();
    return width > 1 && (left < -1 || right > innerWidth + 1);
  }).map((e) => e.outerHTML.slice(0, 90)));
  expect(outside, `${size} ${language}: nothing stands outside`).toEqual([]);
  expect(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'nothing scrolls sideways').toBe(true);
}

async function settled(page: Page): Promise<void> {
  await expect(page.getByRole('main').or(page.getByRole('dialog')).first()).toBeVisible();
  await expect(page.locator('[aria-busy="true"]')).toHaveCount(0);
}

/** Waits until what a new size, theme or language set in motion has come to rest. */
async function still(page: Page): Promise<void> {
  await page.evaluate(async () => {
    const frame = () => new Promise((resolve) => { requestAnimationFrame(resolve); });
    await frame();
    await frame();
    await Promise.allSettled(document.getAnimations().map((a) => a.finished));
  });
}
