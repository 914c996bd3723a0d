import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Devices, Me } from '../src/api-types';
import { readDevice } from '../src/lib/device';
import { readOwn, readPush, renewal, renewPush, sameKey, stateOf, switchOff, switchOn, wayOf, type Browser, type Own } from '../src/lib/push';
import { INBOX_CACHE, session, signedIn, signedOut } from '../src/lib/session';
import { INBOX_CACHE as WORKERS_CACHE } from '../src/sw/inbox';

const iphone = 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)';
const safari = `${iphone} Version/18.5 Mobile/15E148 Safari/604.1`;
const pixel = 'Mozilla/5.0 (Linux; Android 14; Pixel 7) AppleWebKit/537.36 (KHTML, like Gecko)';
const chrome = `${pixel} Chrome/155.0 Mobile Safari/537.36`;

function browser(agent: string, change: Partial<Browser> = {}): Browser {
  const standalone = change.standalone ?? false;
  return { here: readDevice(agent, 5, standalone), standalone, able: true, permission: 'default', ...change };
}

test.each([
  ['Safari on an iPhone', browser(safari, { able: false, permission: null }), false, 'home-screen'],
  ['an iPhone, from the icon', browser(safari, { standalone: true }), false, 'ask'],
  ['an old iPhone, from the icon', browser(safari, { standalone: true, able: false, permission: null }), false, 'unsupported'],
  ['Teams on an iPhone', browser(`${iphone} Mobile/15E148 Teams/6.5`, { able: false, permission: null }), false, 'in-app'],
  ['a web view on Android', browser(`${pixel.replace('Pixel 7', 'Pixel 7; wv')} Version/4.0 Chrome/125.0 Mobile Safari/537.36`), false, 'in-app'],
  ['a browser without push', browser(chrome, { able: false, permission: null }), false, 'unsupported'],
  ['a new browser', browser(chrome), false, 'ask'],
  ['a refusal', browser(chrome, { permission: 'denied' }), true, 'denied'],
  ['allowed only', browser(chrome, { permission: 'granted' }), false, 'off'],
  ['allowed and subscribed', browser(chrome, { permission: 'granted' }), true, 'on'],
])('%s', (_, b, subscribed, state) => {
  expect(stateOf(b, subscribed)).toBe(state);
});

test.each([
  [safari, 'ios'],
  [chrome, 'android'],
  ['Mozilla/5.0 (Android 14; Mobile; rv:153.0) Gecko/153.0 Firefox/153.0', 'firefox-android'],
  ['Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0', 'firefox'],
  ['Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15', 'safari'],
  ['Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/155.0 Safari/537.36 Edg/155.0', 'chrome'],
])('how to allow again, for %s', (agent, way) => {
  expect(wayOf(agent)).toBe(way);
});

test('page and worker mean the same kept inbox', () => {
  expect(INBOX_CACHE).toBe(WORKERS_CACHE);
});

// A browser with one subscription at most, and a server with a list.
const KEY = 'AQID';
const OTHER = 'BAUG';
const anna = person('anna-anna-anna-anna');
const ben = person('ben-ben-ben-ben-ben');

function person(userId: string, remember = true): Me {
  return { account: {}, options: [], requests: [], passkeys: 1, waiting: 0, reviewer: false, session: { remember }, signal: { rpId: 'localhost', userId, credentialIds: [], name: '', displayName: '' } } as unknown as Me;
}

class Sub {
  ended = false;
  constructor(readonly endpoint: string, key: string) {
    const bytes = Uint8Array.from(atob(key), (c) => c.charCodeAt(0));
    this.options = { applicationServerKey: bytes.buffer, userVisibleOnly: true };
  }
  options;
  toJSON = () => ({ endpoint: this.endpoint, keys: { p256dh: 'p', auth: 'a' } });
  unsubscribe = () => {
    this.ended = true;
    if (world.sub === this) world.sub = null;
    return Promise.resolve(true);
  };
}

let world: {
  sub: Sub | null;
  made: number;
  permission: NotificationPermission;
  answer: NotificationPermission;
  subscribe: () => Promise<Sub>;
  key: string;
  list: { id: string; endpoint: string; who: string }[];
  who: string;
  calls: string[];
  keys: (string | undefined)[];
  refuseOnce: string;
  refuse: Record<string, [number, string]>;
};

function server(path: string, init: RequestInit = {}): Response {
  const method = init.method ?? 'GET';
  world.calls.push(`${method} ${path}`);
  const refused = world.refuse[`${method} ${path}`];
  if (refused) return problem(...refused);
  if (method === 'GET') return json({ publicKey: world.key, devices: world.list.filter((d) => d.who === world.who), mail: '' });
  const id = /devices\/([^/]+)\/remove/.exec(path)?.[1];
  if (id) {
    world.list = world.list.filter((d) => d.id !== id);
    return new Response(null, { status: 204 });
  }
  const once = world.refuseOnce;
  world.refuseOnce = '';
  if (once) return problem(409, once);
  const { endpoint, key } = JSON.parse(String(init.body)) as { endpoint: string; key?: string };
  world.keys.push(key);
  const known = world.list.find((d) => d.endpoint === endpoint);
  if (known && known.who !== world.who) return problem(409, 'device.another');
  const device = known ?? { id: `device-${endpoint.slice(-1)}`, endpoint, who: world.who };
  if (!known) world.list.push(device);
  return json(device);
}

const json = (v: unknown) => new Response(JSON.stringify(v));
const problem = (status: number, code: string) => new Response(JSON.stringify({ code }), { status });
const subscribed = () => world.calls.filter((c) => c === 'POST /api/devices').length;

beforeEach(() => {
  const kept = new Map<string, string>();
  world = {
    sub: null, made: 0, permission: 'default', answer: 'granted', key: KEY, list: [], who: 'anna', calls: [], keys: [], refuseOnce: '', refuse: {},
    // As browsers do: the subscription that there is, and an error when it was made for another key.
    subscribe: () => {
      world.sub ??= new Sub(`https://push.example.test/endpoint-of-sixteen-chars-${++world.made}`, world.key);
      return sameKey(world.sub as unknown as PushSubscription, world.key) ? Promise.resolve(world.sub) : Promise.reject(new DOMException('', 'InvalidStateError'));
    },
  };
  const manager = { getSubscription: () => Promise.resolve(world.sub), subscribe: () => world.subscribe() };
  const registration = { pushManager: manager };
  vi.stubGlobal('localStorage', { getItem: (k: string) => kept.get(k) ?? null, setItem: (k: string, v: string) => kept.set(k, v), removeItem: (k: string) => kept.delete(k) });
  vi.stubGlobal('navigator', { userAgent: chrome, maxTouchPoints: 5, languages: ['en'], serviceWorker: { ready: Promise.resolve(registration), getRegistration: () => Promise.resolve(registration) } });
  vi.stubGlobal('matchMedia', () => ({ matches: false }));
  vi.stubGlobal('PushManager', class {});
  vi.stubGlobal('Notification', {
    get permission() {
      return world.permission;
    },
    requestPermission: () => Promise.resolve((world.permission = world.answer)),
  });
  vi.stubGlobal('fetch', (path: string, init?: RequestInit) => Promise.resolve(server(path, init)));
  signedIn(anna);
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test('a tap switches them on, and the server knows', async () => {
  await switchOn(anna);
  expect(await readPush()).toBe('on');
  expect(world.list).toHaveLength(1);
  expect(readOwn()?.id).toBe(world.list[0]?.id);
});

test('a closed question changes nothing', async () => {
  world.answer = 'default';
  await expect(switchOn(anna)).rejects.toThrow('push.dismissed');
  expect(await readPush()).toBe('ask');
  expect(world.calls).toEqual([]);
});

test('a refusal is told', async () => {
  world.answer = 'denied';
  await expect(switchOn(anna)).rejects.toThrow('push.denied');
  expect(await readPush()).toBe('denied');
});

test('a subscribe that never answers is given up, and the next tap takes what came meanwhile', async () => {
  vi.useFakeTimers();
  const real = world.subscribe;
  world.subscribe = () => new Promise(() => undefined);
  const tried = switchOn(anna);
  const failed = expect(tried).rejects.toThrow('push.slow');
  await vi.advanceTimersByTimeAsync(15_000);
  await failed;
  expect(await readPush()).toBe('off');
  await real();
  world.subscribe = () => Promise.reject(new Error('not needed'));
  await switchOn(anna);
  expect(await readPush()).toBe('on');
});

test('a browser that refuses says so', async () => {
  world.subscribe = () => Promise.reject(new DOMException('Registration failed', 'AbortError'));
  await expect(switchOn(anna)).rejects.toThrow('push.refused');
});

test('a worker that never comes is given up', async () => {
  vi.useFakeTimers();
  vi.stubGlobal('navigator', { ...navigator, userAgent: chrome, serviceWorker: { ready: new Promise(() => undefined), getRegistration: () => Promise.resolve(undefined) } });
  const failed = expect(switchOn(anna)).rejects.toThrow('push.no-worker');
  await vi.advanceTimersByTimeAsync(10_000);
  await failed;
});

test("somebody else's subscription is given up once for a new one", async () => {
  await switchOn(anna);
  world.who = 'ben';
  signedIn(ben);
  expect(await readPush()).toBe('off');
  await switchOn(ben);
  expect(await readPush()).toBe('on');
  expect(world.list.map((d) => d.who)).toEqual(['anna', 'ben']);
  expect(world.made).toBe(2);
});

test('a server that always says another is asked twice, not for ever', async () => {
  world.refuse['POST /api/devices'] = [409, 'device.another'];
  await expect(switchOn(anna)).rejects.toThrow('device.another');
  expect(subscribed()).toBe(2);
});

test('one device too many is told', async () => {
  world.refuse['POST /api/devices'] = [409, 'device.too-many'];
  await expect(switchOn(anna)).rejects.toThrow('device.too-many');
  expect(await readPush()).toBe('off');
});

test('each opening renews, and a page that stays open at most once an hour', async () => {
  await switchOn(anna);
  vi.resetModules(); // the page is loaded again
  const page = await import('../src/lib/push');
  const again = await import('../src/lib/session');
  again.signedIn(anna);
  await page.renewPush(anna);
  expect(subscribed()).toBe(2);
  await page.renewPush(anna); // looked at again
  expect(subscribed()).toBe(2);
  vi.useFakeTimers({ now: Date.now() + 61 * 60_000, toFake: ['Date'] });
  await page.renewPush(anna);
  expect(subscribed()).toBe(3);
  expect(world.list).toHaveLength(1);
});

test('the server hears which key a subscription was made with', async () => {
  await switchOn(anna);
  expect(world.keys).toEqual([KEY]);
});

test('a subscription under a key that the server does not have is made anew, once', async () => {
  await switchOn(anna);
  world.refuseOnce = 'device.key';
  await renewPush(anna, true);
  await renewPush(anna, true);
  expect(world.made).toBe(1); // the second word was taken
  world.refuse['POST /api/devices'] = [409, 'device.key'];
  const before = subscribed();
  await expect(renewPush(anna, true)).rejects.toThrow('device.key');
  expect(subscribed() - before).toBe(3);
  expect(world.made).toBe(2);
});

test('a guest is offered nothing that would stay after them, and may end what is theirs', async () => {
  const guest = person('anna-anna-anna-anna', false);
  signedIn(guest);
  expect(await readPush()).toBe('guest');
  world.permission = 'granted';
  expect(await readPush()).toBe('guest');
  world.sub = new Sub('https://push.example.test/endpoint-of-somebody-else', KEY);
  await renewPush(guest, true);
  expect(subscribed()).toBe(0);
  world.sub = null;
  signedIn(anna);
  await switchOn(anna);
  signedIn(guest);
  expect(await readPush()).toBe('on');
});

test('a new key of the server makes a new subscription, and the old device goes', async () => {
  await switchOn(anna);
  const old = readOwn()?.id;
  world.key = OTHER;
  await renewPush(anna, true);
  expect(world.made).toBe(2);
  expect(readOwn()?.id).not.toBe(old);
  expect(world.list.map((d) => d.id)).toEqual([readOwn()?.id]);
  expect(await readPush()).toBe('on');
});

test('what was removed from another device stays removed', async () => {
  await switchOn(anna);
  const sub = world.sub;
  world.list = [];
  await renewPush(anna, true);
  expect(sub?.ended).toBe(true);
  expect(world.list).toEqual([]);
  expect(await readPush()).toBe('off');
});

test('what the browser lost is made anew', async () => {
  await switchOn(anna);
  world.sub = null;
  expect(await readPush()).toBe('off');
  await renewPush(anna);
  expect(await readPush()).toBe('on');
  expect(world.list).toHaveLength(1);
});

test('nobody is subscribed by signing in where somebody else was', async () => {
  await switchOn(anna);
  const sub = world.sub;
  world.who = 'ben';
  signedIn(ben);
  await renewPush(ben);
  expect(sub?.ended).toBe(true);
  expect(world.list.map((d) => d.who)).toEqual(['anna']);
  expect(await readPush()).toBe('off');
});

test('a guest leaves the subscription of the owner as it is', async () => {
  await switchOn(anna);
  const sub = world.sub;
  const guest = person('ben-ben-ben-ben-ben', false);
  signedIn(guest);
  await renewPush(guest);
  expect(sub?.ended).toBe(false);
  expect(await readPush()).toBe('guest');
  signedIn(anna);
  expect(await readPush()).toBe('on');
});

test('they stay on after signing out', async () => {
  await switchOn(anna);
  signedOut('out');
  expect(world.sub?.ended).toBe(false);
  expect(session.get().state).toBe('out');
});

test('switched off is off, here and at the server', async () => {
  await switchOn(anna);
  await switchOff(readOwn()?.id ?? '');
  expect(world.list).toEqual([]);
  expect(world.sub).toBeNull();
  expect(readOwn()).toBeNull();
  await renewPush(anna);
  expect(await readPush()).toBe('off');
});

test('without a network the state still shows', async () => {
  await switchOn(anna);
  vi.stubGlobal('fetch', () => Promise.reject(new TypeError('offline')));
  await expect(renewPush(anna, true)).rejects.toThrow('network.offline');
  expect(await readPush()).toBe('on');
});

const own: Own = { who: 'anna-anna-anna-a', id: 'd1', end: '-of-sixteen-chars'.slice(-16), at: 0 };
const devices = (...ids: string[]) => ({ publicKey: KEY, devices: ids.map((id) => ({ id })), mail: '' }) as Devices;
const sub = (endpoint = 'https://push.example.test/a-of-sixteen-chars') => new Sub(endpoint, KEY) as unknown as PushSubscription;

test.each([
  ['nothing kept, nothing there', null, null, devices(), 'nothing'],
  ['there, but not known here', null, sub(), devices(), 'tell'],
  ['there and listed', own, sub(), devices('d1'), 'tell'],
  ['changed by the browser', own, sub('https://push.example.test/other-endpoint-here'), devices(), 'tell'],
  ['removed elsewhere', own, sub(), devices('d2'), 'end'],
  ['lost here, still listed', own, null, devices('d1'), 'anew'],
  ['lost here and removed', own, null, devices(), 'end'],
])('renewal: %s', (_, own, sub, devices, what) => {
  expect(renewal({ me: anna, own, sub, devices })).toBe(what);
});

test('a renewal that is on its way does not bring back what is ended here meanwhile', async () => {
  await switchOn(anna);
  let queue: Promise<unknown> = Promise.resolve();
  const request = (_: string, _options: unknown, work: () => Promise<unknown>) => (queue = queue.then(work, work));
  vi.stubGlobal('navigator', { ...navigator, locks: { request } });
  let reach = () => {};
  const reached = new Promise<void>((resolve) => (reach = resolve));
  let letGo = () => {};
  const held = new Promise<void>((resolve) => (letGo = resolve));
  vi.stubGlobal('fetch', async (path: string, init?: RequestInit) => {
    if (init?.method === 'POST' && path === '/api/devices') {
      reach();
      await held;
    }
    return server(path, init);
  });
  const renewed = renewPush(anna, true);
  await reached;
  const ended = switchOff(readOwn()!.id);
  letGo();
  await Promise.all([renewed, ended]);
  expect(world.list).toEqual([]);
  expect(readOwn()).toBeNull();
  expect(world.sub).toBeNull();
});

test('a page that hangs over its renewal keeps nobody from ending notifications here', async () => {
  await switchOn(anna);
  const waits = new DOMException('', 'TimeoutError');
  vi.stubGlobal('navigator', { ...navigator, locks: { request: () => Promise.reject(waits) } });
  await switchOff(readOwn()!.id);
  expect(world.list).toEqual([]);
  expect(world.sub).toBeNull();
});

test('a device that is gone at the server is ended here too', async () => {
  await switchOn(anna);
  const id = readOwn()!.id;
  world.refuse[`POST /api/devices/${id}/remove`] = [404, 'device.unknown'];
  await switchOff(id);
  expect(world.sub).toBeNull();
  world.refuse[`POST /api/devices/${id}/remove`] = [503, 'server.busy'];
  await switchOn(anna);
  await expect(switchOff(id)).rejects.toThrow('server.busy');
  expect(world.sub).not.toBeNull();
});
