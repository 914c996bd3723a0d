import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { de as deFirst } from '../src/i18n/de';
import { en as enFirst } from '../src/i18n/en';
import { de as deInside } from '../src/i18n/inside.de';
import { en as enInside } from '../src/i18n/inside.en';
import { de as deMine } from '../src/i18n/mine.de';
import { en as enMine } from '../src/i18n/mine.en';
import { de as dePages } from '../src/i18n/pages.de';
import { en as enPages } from '../src/i18n/pages.en';
import { de as deProofs } from '../src/i18n/proofs.de';
import { en as enProofs } from '../src/i18n/proofs.en';

const root = new URL('../../', import.meta.url);
const en = { ...enFirst, ...enInside, ...enMine, ...enPages, ...enProofs };
const de = { ...deFirst, ...deInside, ...deMine, ...dePages, ...deProofs };
const catalogues = { en, de } as Record<string, Record<string, string>>;

function goFiles(folder: string): string {
  const at = new URL(`${folder}/`, root);
  if (!existsSync(at)) return '';
  const names = readdirSync(at).filter((n) => n.endsWith('.go') && !n.endsWith('_test.go'));
  return names.map((n) => readFileSync(new URL(n, at), 'utf8')).join('\n');
}

const all = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map((m) => m[1] as string);

test('both languages have the same keys', () => {
  expect(Object.keys(de).sort()).toEqual(Object.keys(en).sort());
});

test('no text stands in both parts', () => {
  const keys = [enFirst, enInside, enMine, enPages, enProofs].flatMap(Object.keys);
  expect(keys.filter((key, i) => keys.indexOf(key) !== i)).toEqual([]);
  expect(Object.keys(deInside).sort()).toEqual(Object.keys(enInside).sort());
  expect(Object.keys(deFirst).sort()).toEqual(Object.keys(enFirst).sort());
});

/** The modules that main.tsx imports without waiting: the first load. */
function firstLoad(path: URL, seen = new Map<string, string>()): Map<string, string> {
  const file = ['', '.ts', '.tsx', '/index.ts'].map((end) => new URL(path.href + end)).find((f) => /\.tsx?$/.test(f.href) && existsSync(f));
  if (!file || seen.has(file.href)) return seen;
  const text = readFileSync(file, 'utf8');
  seen.set(file.href, text);
  for (const name of all(text, /^import (?!type)[^;]*? from '(\.[^']+)';/gms)) firstLoad(new URL(name, file), seen);
  return seen;
}

test('what the first load says is in the first part', () => {
  const modules = firstLoad(new URL('../src/main.tsx', import.meta.url));
  expect([...modules.keys()].filter((name) => /screens\/(start|trouble)/.test(name))).toHaveLength(2);
  const said = [...modules.values()].flatMap((text) => all(text, /(?<=[\s(:?'[,])'([a-z-]+(?:\.[a-z-]+)+)'/g)).filter((key) => key in en || `${key}.other` in en);
  expect(said.length).toBeGreaterThan(40);
  const later = ['pw.rule.length.short']; // asked for first whether it is there
  expect(said.filter((key) => !(key in enFirst) && !(`${key}.other` in enFirst) && !later.includes(key))).toEqual([]);
});

test('both languages fill in the same values', () => {
  const names = (text: string) => [...new Set(all(text, /\{(\w+)\}/g))].filter((n) => n !== 'n').sort();
  for (const key of Object.keys(en)) expect(names(de[key as keyof typeof de]), key).toEqual(names(en[key as keyof typeof en]));
});

test('no text is empty or shouts', () => {
  for (const texts of Object.values(catalogues)) {
    for (const [key, text] of Object.entries(texts)) {
      expect(text.trim(), key).not.toBe('');
      expect(text, key).not.toMatch(/!|[Pp]lease|[Ss]uccessful|[Bb]itte\b|[Ee]rfolgreich/);
    }
  }
});

test('every problem says what happened and what to do', () => {
  for (const texts of Object.values(catalogues)) {
    for (const [key, text] of Object.entries(texts)) if (key.startsWith('e.')) expect(text.split('\n'), key).toHaveLength(2);
  }
});

const declared = [
  ...all(goFiles('ad'), /\bCause = "([a-z-]+\.[a-z-]+)"/g),
  ...all(goFiles('enroll'), /errors\.New\("([a-z-]+\.[a-z-]+)"\)/g),
  ...all(goFiles('workflow'), /(?:\bCode = |errors\.New\()"([a-z-]+\.[a-z-]+)"/g),
  ...all(goFiles('server'), /(?:errors\.New\(|Code: |\{)"([a-z-]+\.[a-z-]+)"/g),
];

test('every code that the server can answer has a text', () => {
  expect(declared.length).toBeGreaterThan(60);
  expect(declared.filter((code) => !(`e.${code}` in en))).toEqual([]);
});

test('every rule of a password has a text', () => {
  const codes = all(goFiles('password'), /\bCode = "([a-z-]+)"/g).filter((c) => c !== 'length');
  expect(codes.length).toBeGreaterThan(5);
  expect(codes.filter((code) => !(`pw.rule.${code}` in en))).toEqual([]);
});

test('every action of the log about a person has a text', () => {
  const actions = all(goFiles('audit'), /\bAction = "([a-z.-]+)"/g).filter((a) => !a.startsWith('server.'));
  expect(actions.length).toBeGreaterThan(20);
  expect(actions.filter((a) => !(`a.${a}` in en))).toEqual([]);
});
