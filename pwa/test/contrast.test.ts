import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

const css = readFileSync(new URL('../src/styles/tokens.css', import.meta.url), 'utf8');
const [lightCss = '', darkCss = ''] = css.split('@media (prefers-color-scheme: dark)');
const read = (text: string) => Object.fromEntries([...text.matchAll(/--([\w-]+):\s*(#[0-9a-f]{6})/g)].map((m) => [m[1] as string, m[2] as string]));
const light = read(lightCss);
const themes = { light, dark: { ...light, ...read(darkCss) } };

function luminance(hex: string): number {
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map((i) => {
    const c = parseInt(hex.slice(i, i + 2), 16) / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: string, b: string): number {
  const [high = 0, low = 0] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (high + 0.05) / (low + 0.05);
}

const grounds = ['paper', 'card', 'sunk', 'good-tint', 'wait-tint', 'stop-tint', 'info-tint'];
const texts: [string, string][] = [
  ...grounds.flatMap((g): [string, string][] => [['ink', g], ['ink-2', g]]),
  ...['paper', 'card', 'sunk'].map((g): [string, string] => ['act', g]),
  ['act', 'info-tint'], ['on-act', 'act'], ['on-act', 'act-press'],
  ['good', 'good-tint'], ['info', 'info-tint'], ['stop', 'card'], ['stop', 'paper'], ['stop', 'stop-tint'],
  ['rail-ink', 'rail'], ['rail-2', 'rail'], ['rail-ink', 'rail-on'], ['rail-hole', 'rail-plate'],
];
const signs: [string, string][] = [
  ['edge', 'card'], ['edge', 'paper'], ['focus', 'paper'], ['focus', 'card'],
  ['good', 'paper'], ['wait', 'wait-tint'], ['stop', 'stop-tint'], ['info', 'info-tint'], ['info', 'paper'], ['good', 'good-tint'],
  ['paper', 'stop'], ['paper', 'wait'], ['paper', 'good'], ['paper', 'info'],
  ['wait', 'card'], ['stop', 'card'], ['good', 'card'], ['act', 'line'], ['mark-hole', 'mark-plate'],
];

describe.each(Object.entries(themes))('%s', (_, tokens) => {
  const of = (name: string) => tokens[name] ?? expect.fail(`no token ${name}`);
  // WCAG 2.2 1.4.6 (AAA)
  test.each(texts)('text %s on %s is at least 7:1', (a, b) => expect(contrast(of(a), of(b))).toBeGreaterThanOrEqual(7));
  test.each(signs)('sign %s on %s is at least 3:1', (a, b) => expect(contrast(of(a), of(b))).toBeGreaterThanOrEqual(3));
});

test('black on white measures 21', () => expect(contrast('#000000', '#ffffff')).toBeCloseTo(21));

test('no colour is written outside the tokens', () => {
  for (const name of ['frame', 'parts', 'screens', 'review']) {
    const text = readFileSync(new URL(`../src/styles/${name}.css`, import.meta.url), 'utf8');
    expect(text.match(/#[0-9a-f]{3,8}\b|rgb\(|hsl\(/gi) ?? [], name).toEqual([]);
  }
});
