// The catalogues, in parts: of one language, Start's part is loaded first, and what a
// screen says with that screen; the other language when it is chosen. What a document's
// first screen says stands in the document.
import { keep, kept } from '../lib/keep';
import { store } from '../lib/sync';
import type { en as account } from './account.en';
import type { en as after } from './after.en';
import type { en as first } from './en';
import type { en as errors } from './errors.en';
import type { en as inside } from './inside.en';
import type { en as mine } from './mine.en';
import type { en as more } from './more.en';
import type { en as pages } from './pages.en';
import type { en as proofs } from './proofs.en';
import type { en as request } from './request.en';
import type { en as review } from './review.en';

export type First = Record<keyof typeof first, string>;
export type Inside = Record<keyof typeof inside, string>;
export type Account = Record<keyof typeof account, string>;
export type Request = Record<keyof typeof request, string>;
export type After = Record<keyof typeof after, string>;
export type Review = Record<keyof typeof review, string>;
export type Errors = Record<keyof typeof errors, string>;
export type More = Record<keyof typeof more, string>;
export type Mine = Record<keyof typeof mine, string>;
export type Pages = Record<keyof typeof pages, string>;
export type Proofs = Record<keyof typeof proofs, string>;
type All = First & Inside & Account & Request & After & Review & Errors & More & Mine & Pages & Proofs;
export type Key = keyof All;
type Plural<K> = K extends `${infer Base}.other` ? (`${Base}.one` extends Key ? Base : never) : never;
export type CountKey = Plural<Key>;
export type Lang = 'en' | 'de';
type Texts = Partial<All>;

const both = (en: () => Promise<{ en: Texts }>, de: () => Promise<{ de: Texts }>): Record<Lang, () => Promise<Texts>> => ({
  en: () => en().then((m) => m.en),
  de: () => de().then((m) => m.de),
});
const all = {
  first: both(() => import('./en'), () => import('./de')),
  inside: both(() => import('./inside.en'), () => import('./inside.de')),
  account: both(() => import('./account.en'), () => import('./account.de')),
  request: both(() => import('./request.en'), () => import('./request.de')),
  after: both(() => import('./after.en'), () => import('./after.de')),
  review: both(() => import('./review.en'), () => import('./review.de')),
  errors: both(() => import('./errors.en'), () => import('./errors.de')),
  more: both(() => import('./more.en'), () => import('./more.de')),
  mine: both(() => import('./mine.en'), () => import('./mine.de')),
  pages: both(() => import('./pages.en'), () => import('./pages.de')),
  proofs: both(() => import('./proofs.en'), () => import('./proofs.de')),
};
export type Part = keyof typeof all;
export const parts = Object.keys(all) as Part[];

/** What the document brought. */
export interface Brought {
  lang: Lang;
  texts: Partial<Record<Part, Texts>>;
}

const brought = JSON.parse(document.querySelector<HTMLTemplateElement>('#texts')?.content.textContent ?? 'null') as Brought | null;

export const load = async (part: Part, lang: Lang): Promise<Texts> => (brought?.lang === lang && brought.texts[part]) || all[part][lang]();

let texts: Texts = {};
const wanted = new Set<Part>(['first']); // and by a screen
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
    loaded = await Promise.all(parts.map((part) => load(part, next)));
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

/** Loads what a screen says: before it is shown. */
export async function speakParts(...parts: Part[]): Promise<void> {
  for (const part of parts) wanted.add(part);
  for (let missing = parts; (missing = parts.filter((part) => !here.has(part))).length > 0; ) {
    const now = lang.get();
    const loaded = await Promise.all(missing.map((part) => load(part, now)));
    if (lang.get() !== now || missing.every((part) => here.has(part))) continue; // the language was changed meanwhile, or somebody else was faster
    texts = Object.assign({}, texts, ...loaded) as Texts;
    for (const part of missing) here.add(part);
    lang.set(now);
  }
}

/** Speaks these parts when it is called. */
export const says = (...parts: Part[]) => () => speakParts(...parts);

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
