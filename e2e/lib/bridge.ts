import { expect, type CDPSession, type Page } from '@playwright/test';
import type { Message, Receiver, Stand } from './stand.ts';

/**
 * Chromium's push service needs a network, so only that is replaced: the page
 * subscribes at the stand-in, and what arrives there is handed to the real worker.
 */
export class Bridge {
  private receiver: Receiver | undefined;
  private registration = '';
  private taken = 0;

  private constructor(private readonly page: Page, private readonly cdp: CDPSession, private readonly stand: Stand) {}

  /** Before the page is opened. */
  static async over(page: Page, cdp: CDPSession, stand: Stand, origin: string): Promise<Bridge> {
    const bridge = new Bridge(page, cdp, stand);
    await page.context().grantPermissions(['notifications'], { origin });
    await page.exposeFunction('subscribeAtStand', async (key: string) => { bridge.receiver = await stand.subscribe(key); return bridge.receiver; });
    await page.addInitScript(replace);
    cdp.on('ServiceWorker.workerRegistrationUpdated', (e) => { for (const r of e.registrations) if (!r.isDeleted) bridge.registration = r.registrationId; });
    await cdp.send('ServiceWorker.enable');
    return bridge;
  }

  /** The next message for this browser, once it has come; it is shown when this returns. */
  async next(): Promise<{ title: string; body: string; navigate: string; actions: string[]; badge?: number }> {
    const m = await this.arrived();
    const { notification: n, app_badge: badge } = JSON.parse(m.text!) as { app_badge?: number; notification: { title: string; body: string; tag: string; navigate: string; data: { kind: string } } };
    const heard = await this.page.evaluateHandle((kind) => ({
      it: new Promise<void>((done) => navigator.serviceWorker.addEventListener('message', ({ data }) => { if ((data as { pushed?: string }).pushed === kind) done(); })),
    }), n.data.kind);
    await this.cdp.send('ServiceWorker.deliverPushMessage', { origin: new URL(this.page.url()).origin, registrationId: this.registration, data: m.text! });
    // The worker says so once it is shown. Asked for before, Chromium forgets what is not on the desktop yet.
    await heard.evaluate(({ it }) => it);
    const shown = await this.page.evaluate(async (tag) => {
      const r = await navigator.serviceWorker.getRegistration('/');
      return (await r!.getNotifications({ tag })).map((s) => ({ title: s.title, actions: ((s as unknown as { actions?: { title: string }[] }).actions ?? []).map((a) => a.title) }));
    }, n.tag);
    expect(shown.map((s) => s.title), 'what is shown').toEqual([n.title]);
    return { title: n.title, body: n.body, navigate: n.navigate, actions: shown[0]!.actions, ...(badge !== undefined && { badge }) };
  }

  private async arrived(): Promise<Message> {
    for (let seen: number | undefined; ;) {
      const all = await this.stand.messages(seen);
      seen = all.length;
      const mine = all.filter((m) => m.status === 201 && this.receiver?.endpoint.endsWith(m.token));
      if (mine.length > this.taken) return mine[this.taken++]!;
    }
  }
}

/** In the page, before anything else runs: the two methods that reach for the network. */
function replace(): void {
  const kept = () => JSON.parse(localStorage.getItem('stand') ?? 'null') as { endpoint: string; p256dh: string; auth: string; key: number[] } | null;
  const made = (): PushSubscription | null => {
    const s = kept();
    if (!s) return null;
    const keys = { p256dh: s.p256dh, auth: s.auth };
    return {
      endpoint: s.endpoint, expirationTime: null, options: { userVisibleOnly: true, applicationServerKey: new Uint8Array(s.key).buffer },
      getKey: () => null, toJSON: () => ({ endpoint: s.endpoint, keys }), unsubscribe: () => { localStorage.removeItem('stand'); return Promise.resolve(true); },
    } as unknown as PushSubscription;
  };
  const bytes = (key: string) => Array.from(atob(key.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0));
  PushManager.prototype.getSubscription = () => Promise.resolve(made());
  PushManager.prototype.subscribe = async (options) => {
    const key = options?.applicationServerKey as string;
    const s = await (window as unknown as { subscribeAtStand: (k: string) => Promise<object> }).subscribeAtStand(key);
    localStorage.setItem('stand', JSON.stringify({ ...s, key: bytes(key) }));
    return made()!;
  };
}
