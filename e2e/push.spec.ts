import { createServer, type Server } from 'node:http';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test as base, expect } from '@playwright/test';
import { Firefox } from './lib/firefox.ts';
import { Stand, type Receiver } from './lib/stand.ts';

// The stand-ins themselves, without Latchkey: a real Firefox subscribes, gets,
// decrypts, shows and follows.

const worker = `
  addEventListener('push', (e) => { e.waitUntil(registration.showNotification(e.data.text(), { body: 'It can wait.', actions: [{ action: 'deny', title: 'Deny' }] })); });
  addEventListener('notificationclick', (e) => { e.notification.close(); e.waitUntil(clients.openWindow('/opened#' + e.action)); });
  addEventListener('pushsubscriptionchange', (e) => { e.waitUntil(fetch('/changed', { method: 'POST' })); });`;

const test = base.extend<{ stand: Stand; firefox: Firefox; site: { url: string; changed: Promise<void> } }>({
  stand: async ({}, use) => {
    const dir = mkdtempSync(join(tmpdir(), 'latchkey-st-'));
    const stand = await Stand.start(dir);
    await use(stand);
    await stand.stop();
    rmSync(dir, { recursive: true, force: true });
  },
  firefox: async ({ stand }, use) => {
    const firefox = await Firefox.start(stand);
    await use(firefox);
    await firefox.stop();
  },
  site: async ({}, use) => {
    let server: Server | undefined;
    const changed = new Promise<void>((resolve) => {
      server = createServer((q, a) => {
        if (q.url === '/changed') resolve();
        if (q.url === '/sw.js') a.setHeader('Content-Type', 'text/javascript').end(worker);
        else a.setHeader('Content-Type', 'text/html').end('<!doctype html><title>Site</title><h1>Site</h1>');
      });
    });
    const port = await new Promise<number>((resolve) => { server!.listen(0, '127.0.0.1', () => { resolve((server!.address() as { port: number }).port); }); });
    await use({ url: `http://localhost:${port}`, changed });
    server!.closeAllConnections();
    server!.close();
  },
});

const subscribe = `
  const r = await navigator.serviceWorker.register('/sw.js');
  await navigator.serviceWorker.ready;
  const s = (await r.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: args[0] })).toJSON();
  return { endpoint: s.endpoint, p256dh: s.keys.p256dh, auth: s.keys.auth };`;

test('a push reaches Firefox, is shown on the desktop, and its tap opens the page', async ({ stand, firefox, site }) => {
  await firefox.goto(site.url);
  const to = await firefox.run<Receiver>(subscribe, await stand.senderKey());
  expect(to.endpoint).toMatch(/^https:\/\/updates\.push\.services\.mozilla\.com\//);

  for (const [label, hash] of [['', '#'], ['Deny', '#deny']] as const) {
    const seen = (await stand.shown()).length;
    expect(await stand.send(to, 'Something waits')).toEqual({ status: 201 });
    const shown = (await stand.shown(seen)).at(-1)!;
    expect(shown).toMatchObject({ summary: 'Something waits', body: 'It can wait.' });
    const before = await firefox.windows();
    await stand.tap(shown, label);
    const opened = await firefox.until('a new window', async () => (await firefox.windows()).find((w) => !before.includes(w)));
    await firefox.switchTo(opened);
    await firefox.until('the page', async () => (await firefox.url()) === `${site.url}/opened${hash}`);
  }
  await expect.poll(async () => (await stand.messages()).map((m) => m.received)).toEqual([100, 100]);
});

test('a push waits for a Firefox that is away, and a lost subscription is noticed', async ({ stand, firefox, site }) => {
  await firefox.goto(site.url);
  const to = await firefox.run<Receiver>(subscribe, await stand.senderKey());
  await stand.drop();
  expect(await stand.send(to, 'Kept')).toEqual({ status: 201 });
  expect((await stand.shown(0)).at(-1)).toMatchObject({ summary: 'Kept' });

  await stand.forget();
  await site.changed;
  expect(await stand.send(to, 'Too late')).toEqual({ status: 410 });
});
