import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';
import { chunksByName, writePages } from './build/pages.ts';

const out = 'dist';
const textual = /\.(html|js|css|svg|json|webmanifest)$/;

function files(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((f) => f.isFile())
    .map((f) => join(f.parentPath, f.name))
    .sort();
}

/** Writes the list of the shell's files into the service worker. */
function shell(): void {
  const inShell = files(out).filter((f) => /\.(js|css|svg|webmanifest)$/.test(f) && !f.endsWith('sw.js'));
  const hash = createHash('sha256');
  for (const f of [...inShell, join(out, 'index.html')]) hash.update(f).update(readFileSync(f));
  const paths = ['/index.html', ...inShell.map((f) => f.slice(out.length))];
  const sw = join(out, 'sw.js');
  const text = readFileSync(sw, 'utf8')
    .replaceAll('__SHELL__', JSON.stringify(paths))
    .replaceAll('__VERSION__', JSON.stringify(hash.digest('hex').slice(0, 16)));
  writeFileSync(sw, text);
}

/**
 * Puts a .br and a .gz beside every text where they are smaller, so that the server compresses nothing.
 * Documents and scripts stay compressed only: in clear they would be a megabyte of the binary (embed.go unpacks them).
 */
function compress(): void {
  for (const f of files(out).filter((f) => textual.test(f))) {
    const raw = readFileSync(f);
    const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: raw.length };
    const encoded = { br: brotliCompressSync(raw, { params }), gz: gzipSync(raw, { level: 9 }) };
    for (const [ext, bytes] of Object.entries(encoded)) if (bytes.length < raw.length) writeFileSync(`${f}.${ext}`, bytes);
    if (encoded.gz.length < raw.length && [join(out, 'pages/'), join(out, 'assets/')].some((folder) => f.startsWith(folder))) rmSync(f);
  }
}

function finish(): Plugin {
  let scripts: ReturnType<typeof chunksByName>;
  return {
    name: 'latchkey-finish',
    apply: 'build',
    writeBundle(_, bundle) {
      scripts = chunksByName(bundle);
    },
    async closeBundle() {
      mkdirSync(out, { recursive: true });
      writeFileSync(join(out, '.keep'), ''); // the folder is in the repository, its content is not
      await writePages(out, scripts);
      shell();
      compress();
    },
  };
}

export default defineConfig({
  plugins: [finish()],
  test: { include: ['test/**/*.test.ts'], setupFiles: ['test/setup.ts'], environment: 'node', testTimeout: 30_000 }, // a busy machine is slow to bring the app's modules
  build: {
    outDir: out,
    target: 'es2022',
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    cssCodeSplit: false,
    reportCompressedSize: false,
    rollupOptions: {
      input: { app: 'index.html', early: 'src/early.ts', sw: 'src/sw/sw.ts' },
      output: {
        entryFileNames: (chunk) => (chunk.name === 'sw' ? 'sw.js' : 'assets/[name]-[hash].js'),
        chunkFileNames: 'assets/[name]-[hash].js',
        assetFileNames: 'assets/[name]-[hash][extname]',
        // What every screen needs comes in three answers of a size: without HTTP/2 a browser asks for six things at a
        // time, and a slow network brings an answer in rounds, the fewer the smaller it is (build/size.mjs).
        codeSplitting: {
          includeDependenciesRecursively: false,
          groups: [
            { name: 'base', test: /vite\/preload-helper|\/node_modules\/preact\/|\/src\/lib\/(device|follow|keep|now|paint|router|stop|sync)\.tsx?$/ },
            { name: 'core', test: /\/src\/(i18n\/index|lib\/(act|api|browser|ceremony|format|resource|session|ways|webauthn)|screens\/(recover\/leads|request\/asked|review\/words)|ui\/(face|icons))\.tsx?$/ },
            { name: 'app', test: /\/src\/(main|app|lib\/worker|screens\/(recover\/old|review\/said|start|trouble)|ui\/(blocked|form|help|kit|lazy))\.tsx?$/ },
            { name: 'push', test: /\/src\/(lib\/push|screens\/(notify-offer|stopall|tryit|request\/digits))\.tsx?$/ },
          ],
        },
      },
    },
  },
});
