import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { load, parts, type Part } from '../src/i18n';

const root = new URL('../../', import.meta.url);
type Texts = Record<string, string>;
const en = {} as Record<Part, Texts>;
const de = {} as Record<Part, Texts>;
for (const part of parts) [en[part], de[part]] = (await Promise.all([load(part, 'en'), load(part, 'de')])) as [Texts, Texts];
const whole = (parts: Record<Part, Texts>): Texts => Object.assign({}, ...Object.values(parts)) as Texts;
const catalogues = { en: whole(en), de: whole(de) };

function goFiles(folder: string): string {
  const at = new URL(`${folder}/`, root);
  if (!existsSync(at)) return '';
  const names = readdirSync(at).filter((n) => n.endsWith('.go') && !n.endsWith('_test.go'));
  return names.map((n) => readFileSync(new URL(n, at), 'utf8')).join('\n');
}

const all = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map((m) => m[1] as string);

test('both languages have the same keys', () => {
  for (const part of parts) expect(Object.keys(de[part]).sort(), part).toEqual(Object.keys(en[part]).sort());
});

test('no text stands in two parts', () => {
  const keys = Object.values(en).flatMap(Object.keys);
  expect(keys.length).toBeGreaterThan(800);
  expect(keys.filter((key, i) => keys.indexOf(key) !== i)).toEqual([]);
});

/** The modules that one imports without waiting, and itself, by their addresses. */
function modulesOf(path: URL, seen = new Map<string, string>()): Map<string, string> {
  const file = ['', '.ts', '.tsx', '/index.ts'].map((end) => new URL(path.href + end)).find((f) => /\.tsx?$/.test(f.href) && existsSync(f));
  if (!file || seen.has(file.href)) return seen;
  const text = readFileSync(file, 'utf8');
  seen.set(file.href, text);
  for (const name of all(text, /^import (?!type)[^;]*? from '(\.[^']+)';/gms)) modulesOf(new URL(name, file), seen);
  return seen;
}

const firstLoad = modulesOf(new URL('../src/main.tsx', import.meta.url));

test('what the first load says is in the first part', () => {
  expect([...firstLoad.keys()].filter((name) => /screens\/(start|trouble)/.test(name))).toHaveLength(2);
  const said = [...firstLoad.values()].flatMap(saidOutright);
  expect(said.length).toBeGreaterThan(40);
  const later = ['pw.rule.length.short']; // asked for first whether it is there
  expect(said.filter((key) => !(key in en.first) && !later.includes(key))).toEqual([]);
});

const exists = (key: string) => key in catalogues.en;

/** The keys that stand in a module. */
const saidOutright = (text: string) => all(text, /(?<=[\s(:?'[,{])'([a-z][\w-]*(?:\.[\w-]+)+)'/g).flatMap((key) => [key, `${key}.one`, `${key}.other`].filter(exists));

/** And those that it makes of data, as far as their beginning says; a problem of a few screens only comes with those. */
const saidOfData = (text: string) => all(text, /`([a-z][\w-]*\.[\w.-]*)\$\{/g).flatMap((start) => Object.keys(start === 'e.' ? en.errors : catalogues.en).filter((key) => key.startsWith(start)));

interface Screen {
  /** The file that loads it. */
  by: string;
  file: URL;
  modules: Map<string, string>;
  says: Part[];
}

/** The screens that are loaded when they are opened, with the parts that come with them. */
function screens(folder: string): Screen[] {
  const at = new URL(`../src/${folder}`, import.meta.url);
  return readdirSync(at).filter((n) => n.endsWith('.tsx')).flatMap((n) => {
    const by = new URL(n, at);
    const text = readFileSync(by, 'utf8');
    const named = new Map([...text.matchAll(/^const (\w+) = (?:\(\) => import\('([^']+)'\)|(says\([^)]*\)));/gm)].map(([, name, path, parts]) => [name, path ?? parts ?? '']));
    return [...text.matchAll(/lazy(?:<\w+>)?\(\(\) => (?:import\('([^']+)'\)|(\w+)\(\))\.then\(\(m\) => m\.\w+\)(?:, (says\([^)]*\)|\w+))?\)/g)].map(([, path, from, texts = "'inside', 'more'"]) => {
      const file = new URL(path ?? named.get(from ?? '') ?? '', by);
      return { by: by.href, file, modules: modulesOf(file), says: all(named.get(texts) ?? texts, /'(\w+)'/g) as Part[] };
    });
  });
}

const found = ['', 'screens/', 'screens/request/', 'screens/review/', 'screens/recover/', 'screens/proofs/'].flatMap(screens);

/** The parts that are there once a screen is: its own, and those of whatever it is in. */
function partsWith(screen: Screen): Set<Part> {
  const around = found.filter((other) => other.modules.has(screen.by)).map((other) => other.says);
  return new Set<Part>(['first', ...screen.says, ...parts.filter((part) => around.length > 0 && around.every((says) => says.includes(part)))]);
}

test('what a screen says comes with it', () => {
  const lazies = readdirSync(new URL('../src/', import.meta.url), { recursive: true, encoding: 'utf8' }).filter((n) => n.endsWith('.tsx') && n !== 'ui/lazy.tsx');
  const text = lazies.map((n) => readFileSync(new URL(`../src/${n}`, import.meta.url), 'utf8')).join('\n');
  expect(found).toHaveLength(all(text, /(\blazy(?:<\w+>)?\(\(\) => (?!Promise))/g).length);
  for (const screen of found) {
    const modules = new Map([...screen.modules].filter(([name]) => !firstLoad.has(name)));
    expect(modules.size, screen.file.href).toBeGreaterThan(0);
    const here = partsWith(screen);
    const said = [...modules.values()].flatMap((text) => [...saidOutright(text), ...saidOfData(text)]);
    expect([...new Set(said)].filter((key) => ![...here].some((part) => key in en[part])), `${screen.file.pathname.split('/src/')[1]} has ${[...here].join(', ')}`).toEqual([]);
  }
});

/** The functions of a module that say what a code says before they know that its words are here. */
function hasty(text: string): string[] {
  const [, ...functions] = text.replace(/^\s*(?:\/\/|\/?\*).*$/gm, '').split(/^(?=(?:export |default |async )*(?:function|const|let|class) )/m);
  return functions.filter((f) => {
    const [before = '', ...said] = f.replace(/^export function explain\(/, '').split(/\bexplain\b/);
    const [, told] = /const (\w+) = useTold\(/.exec(before) ?? [];
    const waits = /if \(!useTold\(/.test(before) || (told !== undefined && before.split(new RegExp(`\\b${told}\\b`)).length > 2);
    return said.length > 0 && !waits;
  }).map((f) => /(?:function|const|let|class) (\w+)/.exec(f)?.[1] ?? f);
}

test('a function that says what a code says is seen where it doesn’t wait for the words', () => {
  const said = "<p>{explain(problem)[0]}</p>;\n}\n";
  const waits = "function Waits() {\n  const told = useTold(problem.code);\n  if (!told) return null;\n  return " + said;
  const imported = "import { explain, useTold } from './help';\n\n// They explain themselves.\n";
  expect(hasty(imported + waits)).toEqual([]);
  expect(hasty(imported + "function Asks() {\n  if (!useTold(problem.code)) return null;\n  return " + said)).toEqual([]);
  expect(hasty(`${imported}${waits}\nexport function Hasty() {\n  return ${said}`)).toEqual(['Hasty']); // though its neighbour waits
  expect(hasty(imported + "const Deaf = () => {\n  const told = useTold(problem.code);\n  return " + said)).toEqual(['Deaf']);
  expect(hasty(imported + "const all = problems.map(explain);\n")).toEqual(['all']);
});

test('whatever says what a code says waits for its words, unless they come with every screen that it is in', () => {
  const places = [{ modules: firstLoad, has: new Set<Part>(['first']) }, ...found.map((screen) => ({ modules: screen.modules, has: partsWith(screen) }))];
  const src = new URL('../src/', import.meta.url);
  const explains = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((n) => /\.tsx?$/.test(n) && /\bexplain\b/.test(readFileSync(new URL(n, src), 'utf8')));
  expect(explains.length).toBeGreaterThan(4);
  for (const name of explains) {
    const { href } = new URL(name, src);
    const around = places.filter(({ modules }) => modules.has(href));
    expect(around.length, name).toBeGreaterThan(0);
    if (!around.every(({ has }) => has.has('errors'))) expect(hasty(readFileSync(new URL(href), 'utf8')), name).toEqual([]);
  }
});

test('both languages fill in the same values', () => {
  const names = (text: string) => [...new Set(all(text, /\{(\w+)\}/g))].filter((n) => n !== 'n').sort();
  for (const [key, text] of Object.entries(catalogues.en)) expect(names(catalogues.de[key]!), key).toEqual(names(text));
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
  expect(declared.filter((code) => !(`e.${code}` in catalogues.en))).toEqual([]);
});

test('every rule of a password has a text', () => {
  const codes = all(goFiles('password'), /\bCode = "([a-z-]+)"/g).filter((c) => c !== 'length');
  expect(codes.length).toBeGreaterThan(5);
  expect(codes.filter((code) => !(`pw.rule.${code}` in catalogues.en))).toEqual([]);
});

test('every action of the log about a person has a text', () => {
  const actions = all(goFiles('audit'), /\bAction = "([a-z.-]+)"/g).filter((a) => !a.startsWith('server.'));
  expect(actions.length).toBeGreaterThan(20);
  expect(actions.filter((a) => !(`a.${a}` in catalogues.en))).toEqual([]);
});

/** What somebody may read who came in without a passkey as well: it sends nobody to one. */
const bothRead = ['k.reset.next', 'k.change.next', 'k.one-time.next', 'pw.tries.one', 'pw.tries.other', 'e.request.no-tries-left', 'e.session.unknown', 'ask.next.in', 'thaw.sub.in'];

test.each(bothRead)('%s is true without a passkey, too', (key) => {
  expect(catalogues.en[key]).toMatch(/^(?!.*passkey).+/is);
  expect(catalogues.de[key]).toMatch(/^(?!.*(?:passkey|anmeldeschlüssel)).+/is);
});
