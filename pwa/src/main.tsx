// The frame of the app: language first, then the screen that the address names.
import { render } from 'preact';
import { App, askEarly } from './app';
import { lang, speak } from './i18n';
import { kept } from './lib/keep';
import { afterPaint } from './lib/paint';
import { startRouter } from './lib/router';
import { loadInfo } from './lib/session';
import { readStop } from './lib/stop';
import { startWorker } from './lib/worker';

/** Lets the browser paint what the document shows first. */
const painted = () => new Promise<void>((done) => void afterPaint(done));

async function start(): Promise<void> {
  readStop();
  startRouter();
  askEarly(location.pathname);
  await Promise.all([speak(lang.get()), painted()]);
  // What was seen last stands meanwhile, and the first screen needs the network for itself.
  setTimeout(() => void loadInfo(), kept('info') ? 1000 : 0);
  const root = document.getElementById('app');
  if (root) render(<App />, root);
  startWorker();
}

void start();
