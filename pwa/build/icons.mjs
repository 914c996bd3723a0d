// Draws the icons from the mark with a headless Chromium: `node build/icons.mjs`.
// The PNG files are kept in public/icons, so a build needs no browser.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('../public/icons/', import.meta.url));
const chromium = process.env.CHROMIUM ?? 'chromium';
const green = '#0f5c4a';
const paper = '#fbfaf7';
const light = '#5cc8a8';

const hole = 'M21.5 6.5a9 9 0 0 0-5.5 16.2v15.8h11V22.7a9 9 0 0 0-5.5-16.2z';
const leaf = 'M28.6 22.8l7.9 4.4V43l-7.9-4.5z';
const glyph = (a, b) => `<path fill="${a}" d="${hole}"/><path fill="${b}" d="${leaf}"/>`;

/** margin shrinks the glyph into a maskable icon's safe circle. */
const svg = (plate, inside, margin = 0) =>
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 48 48">${plate}<g transform="translate(24 24) scale(${1 - margin}) translate(-24.25 -24.75)">${inside}</g></svg>`;

const round = `<rect width="48" height="48" rx="11" fill="${green}"/>`;
const full = `<rect width="48" height="48" fill="${green}"/>`;
const drawings = {
  mark: svg(round, glyph(paper, light)),
  maskable: svg(full, glyph(paper, light), 0.14),
  monochrome: svg('', glyph('#000', '#000'), 0.14),
};

const pictures = [
  ['icon-32', 'mark', 32],
  ['icon-192', 'mark', 192],
  ['icon-512', 'mark', 512],
  ['apple-touch-icon', 'maskable', 180],
  ['maskable-192', 'maskable', 192],
  ['maskable-512', 'maskable', 512],
  ['monochrome-512', 'monochrome', 512],
];

for (const [name, text] of Object.entries(drawings)) writeFileSync(join(folder, `${name}.svg`), text + '\n');
const work = mkdtempSync(join(tmpdir(), 'icons-'));
for (const [name, from, size] of pictures) {
  const page = join(work, `${name}.html`);
  writeFileSync(page, `<style>*{margin:0}svg{display:block;width:${size}px;height:${size}px}</style>${drawings[from]}`);
  execFileSync(chromium, ['--headless', '--no-sandbox', '--disable-gpu', '--hide-scrollbars', '--default-background-color=00000000', '--force-device-scale-factor=1', `--window-size=${size},${size}`, `--screenshot=${join(folder, `${name}.png`)}`, `file://${page}`], { stdio: 'ignore' });
}
