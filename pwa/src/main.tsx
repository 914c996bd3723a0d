// The frame of the app: language first, then the screen that the address names.
import { render } from 'preact';
import { App } from './app';
import { lang, speak } from './i18n';
import { startRouter } from './lib/router';
import { loadInfo } from './lib/session';
import { startWorker } from './lib/worker';

async function start(): Promise<void> {
  startRouter();
  void loadInfo();
  await speak(lang.get());
  const root = document.getElementById('app');
  if (root) render(<App />, root);
  startWorker();
}

void start();
