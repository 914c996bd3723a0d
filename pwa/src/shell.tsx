// What the page's document itself shows, before any script: made once, by the
// build, from the app's own components, for each way in and each language. The
// app then takes over the same elements.
import { renderToString } from 'preact-render-to-string';
import { Frame } from './app';
import { speak, t, type Lang } from './i18n';
import { session } from './lib/session';
import { Start } from './screens/start';
import { Skeleton } from './ui/kit';

export interface Shell {
  name: string;
  lang: Lang;
  title: string;
  /** The content of #app. */
  body: string;
  /** The scripts that the first screen needs beside the app's own, by their modules' names. */
  ahead: string[];
  /** The script that runs before the app's own, or "". */
  first: string;
}

/** Start, or what stands in for a screen until it is known. path: for the rail. */
const outside = { start: '/', next: '/-', outside: '/-' };
const inside = { inside: '/-', account: '/account', request: '/request/-', review: '/review/-' };

async function all(): Promise<Shell[]> {
  const made: Shell[] = [];
  for (const lang of ['en', 'de'] as const) {
    await speak(lang);
    session.set({ ...session.get(), state: 'out' });
    for (const [name, path] of Object.entries(outside)) {
      const start = name !== 'outside';
      const title = start ? `${t(name === 'start' ? 'start.title' : 'start.next')} – Latchkey` : 'Latchkey';
      const screen = start ? <Start next={name === 'next'} waiting /> : <Skeleton />;
      made.push({ name, lang, title, body: renderToString(<Frame path={path}>{screen}</Frame>), ahead: [lang], first: '' });
    }
    session.set({ ...session.get(), state: 'unknown' });
    for (const [name, path] of Object.entries(inside)) {
      const body = renderToString(<Frame path={path}>{<Skeleton />}</Frame>);
      made.push({ name, lang, title: 'Latchkey', body, ahead: [lang, `inside.${lang}`, ...(name === 'inside' ? [] : [name])], first: name === 'inside' ? '' : 'early' });
    }
  }
  return made;
}

export const shells = await all();
