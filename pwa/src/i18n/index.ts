// The catalogues: of one language, Start's part is loaded first, the rest with the
// first screen behind it, and what only some screens say with the first of those;
// the other language when it is chosen.
import { keep, kept } from '../lib/keep';
import { store } from '../lib/sync';
import type { en as first } from './en';
import type { en as inside } from './inside.en';
import type { en as mine } from './mine.en';
import type { en as pages } from './pages.en';
import type { en as proofs } from './proofs.en';

export type First = Record<keyof typeof first, string>;
export type Inside = Record<keyof typeof inside, string>;
export type Mine = Record<keyof typeof mine, string>;
export type Pages = Record<keyof typeof pages, string>;
export type Proofs = Record<keyof typeof proofs, string>;
export type Key = keyof First | keyof Inside | keyof Mine | keyof Pages | keyof Proofs;
type Plural<K> = K extends `${infer Base}.other` ? (`${Base}.one` extends Key ? Base : never) : never;
export type CountKey = Plural<Key>;
export type Lang = 'en' | 'de';

const firsts: Record<Lang, () => Promise<First>> = {
  en: () => import('./en').then((m) => m.en),
  de: () => import('./de').then((m) => m.de),
};
type Texts = Partial<First & Inside & Mine & Pages & Proofs>;
const rest = {
  inside: { en: () => import('./inside.en').then((m) => m.en), de: () => import('./inside.de').then((m) => m.de) },
  mine: { en: () => import('./mine.en').then((m) => m.en), de: () => import('./mine.de').then((m) => m.de) },
  pages: { en: () => import('./pages.en').then((m) => m.en), de: () => import('./pages.de').then((m) => m.de) },
  proofs: { en: () => import('./proofs.en').then((m) => m.en), de: () => import('./proofs.de').then((m) => m.de) },
} satisfies Record<string, Record<Lang, () => Promise<Texts>>>;
type Part = keyof typeof rest;

let texts: Texts = {};
const wanted = new Set<Part>(); // by a screen
let here = new Set<Part>();
let plural = new Intl.PluralRules('en');

export const lang = store<Lang>(preferred());

function preferred(): Lang {
  const chosen = kept('lang');
  if (chosen === 'en' || chosen === 'de') return chosen;
  for (const l of navigator.languages ?? [navigator.language]) {
    if (l.startsWith('de')) return 'de';
    if (l.startsWith('en')) return 'en';
  }
  return 'en';
}

/** Loads a language and shows it. */
export async function speak(next: Lang, chosen = false): Promise<void> {
  let parts: Part[];
  let loaded: Texts[];
  do {
    parts = [...wanted];
    loaded = await Promise.all([firsts[next](), ...parts.map((part): Promise<Texts> => rest[part][next]())]);
  } while (parts.length < wanted.size); // a screen came meanwhile
  texts = Object.assign({}, ...loaded) as Texts;
  here = new Set(parts);
  plural = new Intl.PluralRules(next);
  if (chosen) keep('lang', next);
  if (chosen || kept('lang')) tellServer(next);
  document.documentElement.lang = next;
  const manifest = document.querySelector<HTMLLinkElement>('link[rel=manifest]');
  if (manifest) manifest.href = next === 'de' ? '/manifest.de.webmanifest' : '/manifest.webmanifest';
  lang.set(next);
}

/** The server chooses the document's language by it; nothing else reads it. */
function tellServer(chosen: Lang): void {
  document.cookie = `__Host-latchkey-lang=${chosen}; Path=/; Max-Age=31536000; SameSite=Lax; Secure`;
}

/** Loads the texts behind Start: before the first screen that needs them. */
export const speakInside = (): Promise<void> => speakPart('inside');

/** Loads the texts of what is stored and what happened. */
export const speakMine = async (): Promise<void> => void (await Promise.all([speakPart('inside'), speakPart('mine')]));

/** Loads the texts of the pages that only tell. */
export const speakPages = (): Promise<void> => speakPart('pages');

/** Loads the texts of the proofs and of the way in without a passkey. */
export const speakProofs = async (): Promise<void> => void (await Promise.all([speakPart('inside'), speakPart('proofs')]));

async function speakPart(part: Part): Promise<void> {
  wanted.add(part);
  while (!here.has(part)) {
    const now = lang.get();
    const loaded: Texts = await rest[part][now]();
    if (lang.get() !== now || here.has(part)) continue; // the language was changed meanwhile
    texts = { ...texts, ...loaded };
    here.add(part);
    lang.set(now);
  }
}

export type Params = Record<string, string | number>;

/** Characters that turn the text around them on the screen (UAX #9). */
const TURNS = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

// A name from the directory is hostile: it must not turn our own words around.
const fill = (text: string, params: Params) =>
  text.replace(/\{(\w+)\}/g, (whole, name: string) => (name in params ? String(params[name]).replace(TURNS, '') : whole));

/** A text; nothing, never its key, while it is still on its way. */
export function t(key: Key, params: Params = {}): string {
  return fill(texts[key] ?? '', params);
}

/** The text for a number of things: key.one or key.other. */
export function tn(key: CountKey, n: number, params: Params = {}): string {
  return t(`${key}.${plural.select(n) === 'one' ? 'one' : 'other'}` as Key, { n, ...params });
}

/** Whether a key that is made of data is in the catalogue. */
export const has = (key: string): key is Key => Object.hasOwn(texts, key);

/** The locale for dates: the person's own variant of the language. */
export function locale(): string {
  const wanted = lang.get();
  return (navigator.languages ?? []).find((l) => l.startsWith(wanted)) ?? (wanted === 'en' ? 'en-GB' : 'de-DE');
}
