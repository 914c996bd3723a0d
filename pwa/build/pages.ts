// The documents: index.html with its style and icon inside, and one of each kind and
// language with the first screen and its texts inside, and the scripts of that way
// in named ahead. The server chooses.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Rollup } from 'vite';
import { runnerImport } from 'vite';
import type { Shell } from '../src/shell';

/** What the app's modules ask of a browser when they are loaded, and a passkey-able one when they are rendered. */
const browser = {
  location: { pathname: '/', hostname: 'localhost', origin: 'http://localhost' },
  document: { documentElement: { lang: '' }, querySelector: () => null },
  navigator: { languages: ['en'], language: 'en', credentials: {} },
  window: { isSecureContext: true, PublicKeyCredential: {} },
};

async function inBrowser<T>(fn: () => Promise<T>): Promise<T> {
  const before = Object.keys(browser).map((k) => [k, Object.getOwnPropertyDescriptor(globalThis, k)] as const);
  for (const [k, value] of Object.entries(browser)) Object.defineProperty(globalThis, k, { value, configurable: true, writable: true });
  try {
    return await fn();
  } finally {
    for (const [k, was] of before) if (was) Object.defineProperty(globalThis, k, was);
      else delete (globalThis as Record<string, unknown>)[k];
  }
}

/** Scripts by the name of their module, with what they import at once. */
export function chunksByName(bundle: Rollup.OutputBundle): (name: string) => string[] {
  const chunks = Object.values(bundle).filter((c) => c.type === 'chunk');
  const file = new Map(chunks.map((c) => [c.fileName, c]));
  const walk = (at: string, seen: Set<string>): Set<string> => {
    if (seen.has(at)) return seen;
    seen.add(at);
    file.get(at)?.imports.forEach((i) => walk(i, seen));
    return seen;
  };
  return (name) => {
    const chunk = chunks.find((c) => c.name === name);
    if (!chunk) throw new Error(`no script is named ${name}`);
    return [...walk(chunk.fileName, new Set())];
  };
}

/** Puts the style into index.html, which then needs no other file to be painted. The server tells the policy its hash. */
function inlineStyle(out: string): string {
  const page = readFileSync(join(out, 'index.html'), 'utf8');
  const link = /\s*<link rel="stylesheet"[^>]* href="\/(assets\/[^"]+\.css)">/.exec(page);
  if (!link?.[1]) throw new Error('index.html names no style');
  const css = join(out, link[1]);
  const style = readFileSync(css, 'utf8').replace(/\/\*\$vite\$:\d+\*\//, '').trim();
  if (/<\/style/i.test(style)) throw new Error('the style ends itself');
  rmSync(css);
  return page.replace(link[0], () => `\n    <style>${style}</style>`);
}

/** Puts the icon of the browser's tab into the page: as a file it is asked for twice, while the scripts of the first screen come. */
function inlineIcon(page: string, out: string): string {
  const link = /href="\/(icons\/[^"]+\.svg)"/.exec(page);
  if (!link?.[1]) throw new Error('index.html names no icon');
  const svg = readFileSync(join(out, link[1]), 'utf8').trim().replaceAll('"', "'");
  if (/[%\n]/.test(svg)) throw new Error(`${link[1]} can't stand in an address as it is`);
  const address = svg.replace(/[#<>]/g, (c) => encodeURIComponent(c));
  return page.replace(link[0], () => `href="data:image/svg+xml,${address}"`);
}

export async function writePages(out: string, scripts: (name: string) => string[]): Promise<void> {
  const page = inlineIcon(inlineStyle(out), out);
  writeFileSync(join(out, 'index.html'), page);
  const { module } = await inBrowser(() => runnerImport<typeof import('../src/shell')>(resolve('src/shell.tsx'), { configFile: false, logLevel: 'warn' }));
  mkdirSync(join(out, 'pages'), { recursive: true });
  for (const shell of module.shells) writeFileSync(join(out, 'pages', `${shell.name}.${shell.lang}.html`), fill(page, shell, shell.ahead.flatMap(scripts), shell.first ? scripts(shell.first) : []));
}

/** No script: the policy allows none in a document. */
const texts = (of: Shell['texts']) => `<template id="texts">${JSON.stringify(of).replaceAll('&', '&amp;').replaceAll('<', '&lt;')}</template>`;

/** The page's #whole is behind all of it, and nothing is painted before it is there: half a screen would move once the rest comes. */
function fill(page: string, { lang, title, body, name, texts: said }: Shell, ahead: string[], first: string[]): string {
  const named = new Set([...page.matchAll(/(?:href|src)="\/(assets\/[^"]+\.js)"/g)].map((m) => m[1]));
  const links = [...new Set(ahead)].filter((f) => !named.has(f)).map((f) => `<link rel="modulepreload" crossorigin href="/${f}">`);
  const replace: [string, string][] = [
    ['<html lang="en">', `<html lang="${lang}">`],
    ['<title>Latchkey</title>', `<title>${title}</title>`],
    ['<div id="app"></div>', `<div id="app" data-shell="${name}">${body}</div>${texts(said)}`],
    ['<script type="module"', `${first.map((f) => `<script type="module" crossorigin src="/${f}"></script>\n    `).join('')}<script type="module"`],
    ['</head>', `${links.join('')}</head>`],
    ...(lang === 'de' ? [['/manifest.webmanifest', '/manifest.de.webmanifest'] as [string, string]] : []),
  ];
  return replace.reduce((text, [from, to]) => {
    if (!text.includes(from)) throw new Error(`index.html has no ${from}`);
    return text.replace(from, () => to);
  }, page);
}
