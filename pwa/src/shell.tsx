// What the page's document itself shows, before any script: made once, by the
// build, from the app's own components, for each way in and each language. The
// app then takes over the same elements.
import { renderToString } from 'preact-render-to-string';
import { Frame } from './app';
import { load, speak, t, type Brought, type Lang, type Part } from './i18n';
import { session } from './lib/session';
import { Start } from './screens/start';
import { Skeleton } from './ui/kit';

export interface Shell {
  name: string;
  lang: Lang;
  title: string;
  /** The content of #app. */
  body: string;
  /** The texts that stand in the document: what its first screen says. */
  texts: Brought;
  /** The scripts that the first screen needs beside the app's own, by their modules' names. */
  ahead: string[];
  /** The script that runs before the app's own, or "". */
  first: string;
}

/** Start, or what stands in for a screen until it is known. path: for the rail. */
const outside = { start: '/', next: '/-', outside: '/-' };
const inside = { inside: '/-', account: '/account', request: '/request/-', review: '/review/-' };

/** A review says what became of it in the words of a problem. */
const problems = (name: string, lang: Lang) => (name === 'review' ? [`errors.${lang}`] : []);

async function textsOf(lang: Lang, ...parts: Part[]): Promise<Brought> {
  return { lang, texts: Object.fromEntries(await Promise.all(parts.map(async (part) => [part, await load(part, lang)]))) };
}

async function all(): Promise<Shell[]> {
  const made: Shell[] = [];
  for (const lang of ['en', 'de'] as const) {
    await speak(lang);
    session.set({ ...session.get(), state: 'out' });
    for (const [name, path] of Object.entries(outside)) {
      const start = name !== 'outside';
      const title = start ? `${t(name === 'start' ? 'start.title' : 'start.next')} – Latchkey` : 'Latchkey';
      const screen = start ? <Start next={name === 'next'} waiting /> : <Skeleton />;
      made.push({ name, lang, title, body: renderToString(<Frame path={path}>{screen}</Frame>), texts: await textsOf(lang, 'first'), ahead: [], first: '' });
    }
    session.set({ ...session.get(), state: 'unknown' });
    for (const [name, path] of Object.entries(inside)) {
      const body = renderToString(<Frame path={path}>{<Skeleton />}</Frame>);
      const own = name === 'inside' ? [] : [name as Part & string];
      made.push({ name, lang, title: 'Latchkey', body, texts: await textsOf(lang, 'first', 'inside', ...own), ahead: [...own, ...problems(name, lang)], first: own.length > 0 ? 'early' : '' });
    }
  }
  return made;
}

export const shells = await all();
