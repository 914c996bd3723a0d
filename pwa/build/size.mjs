// What a phone loads until Start can be used: the document with its style, its
// script and one catalogue, as compressed on disk; and the service worker, which each
// phone fetches anew once a day. Fails above the budgets.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

const BUDGET = 40 * 1024;
const SCREEN = 28 * 1024;
const WORKER = 3 * 1024;
/** Without HTTP/2 a browser asks for six things at a time. */
const SCRIPTS = { start: 3, request: 5, review: 6, account: 6 };
/**
 * On Lighthouse's phone network (1.6 Mbit/s, 150 ms, 28 KB in a round) six at a time get three segments of 1,460 bytes
 * a round each: two rounds carry 8,760 bytes. A document comes alone and its first round is ten segments. Some 720 and
 * 980 bytes of each are the answer's headers. One byte more is a round more, 150 ms.
 */
const SCRIPT = 2 * 3 * 1460 - 760;
const DOCUMENT = 10 * 1460 - 1000;
const dist = fileURLToPath(new URL('../dist/', import.meta.url));
const assets = readdirSync(`${dist}assets`).filter((n) => n.endsWith('.br'));

/** The script's own static imports come along. */
function withImports(name, seen = new Set()) {
  if (seen.has(name)) return seen;
  seen.add(name);
  const file = `${dist}assets/${name}`; // most are there compressed only
  const text = existsSync(file) ? readFileSync(file, 'utf8') : gunzipSync(readFileSync(`${file}.gz`)).toString();
  for (const m of text.matchAll(/(?:from|import)\s*["'`]\.\/([\w.-]+\.js)["'`]/g)) withImports(m[1], seen);
  return seen;
}

/** The scripts that the document names. */
const linked = (page) => [...new Set([...gunzipSync(readFileSync(`${dist}${page}.gz`)).toString().matchAll(/\/assets\/([\w.-]+\.js)/g)].flatMap((m) => [...withImports(m[1])]))];
const size = (name) => statSync(`${dist}${name}.br`).size;

let failed = false;
for (const lang of ['en', 'de']) {
  const page = `pages/start.${lang}.html`;
  const files = [page, ...linked(page).map((n) => `assets/${n}`)];
  const total = files.reduce((sum, f) => sum + size(f), 0);
  console.log(`first load (${lang}): ${total} of ${BUDGET} bytes: ${files.map((f) => `${f.replace(/-[\w-]{8}\./, '.')} ${size(f)}`).join(', ')}`);
  failed ||= total > BUDGET;
}

// What a tap on a notification, or a new request, loads on top of it: the document is larger by
// its texts, and what comes behind the first picture counts as well.
const behind = (lang) => ({ review: [], request: ['done', 'waiting', 'password', `errors.${lang}`] });
for (const screen of ['review', 'request']) {
  for (const lang of ['en', 'de']) {
    const [start, page] = ['start', screen].map((name) => `pages/${name}.${lang}.html`);
    const later = behind(lang)[screen].flatMap((name) => [...withImports(assets.find((n) => n.startsWith(`${name}-`)).replace(/\.br$/, ''))]);
    const files = [...new Set([...linked(page), ...later])].filter((n) => !linked(start).includes(n));
    const total = files.reduce((sum, n) => sum + size(`assets/${n}`), size(page) - size(start));
    console.log(`${screen} (${lang}): ${total} of ${SCREEN} bytes more`);
    failed ||= total > SCREEN;
  }
}

for (const [page, most] of Object.entries(SCRIPTS)) {
  const scripts = linked(`pages/${page}.en.html`);
  console.log(`${page}: ${scripts.length} of ${most} scripts: ${scripts.map((n) => n.replace(/-[\w-]{8}\./, '.')).join(', ')}`);
  failed ||= scripts.length > most;
  for (const n of scripts.filter((n) => size(`assets/${n}`) > SCRIPT)) {
    console.log(`${page}: ${n} is ${size(`assets/${n}`)} bytes, above ${SCRIPT}`);
    failed = true;
  }
}

const pages = readdirSync(`${dist}pages`).filter((n) => n.endsWith('.br')).map((n) => n.replace(/\.br$/, ''));
const largest = pages.reduce((a, b) => (size(`pages/${a}`) > size(`pages/${b}`) ? a : b));
console.log(`largest document: ${largest}, ${size(`pages/${largest}`)} of ${DOCUMENT} bytes`);
failed ||= size(`pages/${largest}`) > DOCUMENT;

const worker = readFileSync(`${dist}sw.js`, 'utf8');
console.log(`worker: ${size('sw.js')} of ${WORKER} bytes (${worker.length} before compression)`);
failed ||= size('sw.js') > WORKER;
if (/(?:^|[;}])(?:import|export)\b/.test(worker)) {
  console.log('worker: must be one file: something of src/sw is imported by a page');
  failed = true;
}
process.exitCode = failed ? 1 : 0;
