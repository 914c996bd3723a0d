// Notifications on this device: what they need next on each platform, switching
// them on and off, and keeping the subscription alive. Nothing is believed that
// can be asked of the browser or of the server.
import type { Device, Devices, Me, SubscribeDevice } from '../api-types';
import { ApiError, get, localProblem, post } from './api';
import { readDevice, thisDevice, type Device as Here } from './device';
import { drop, keep, kept } from './keep';
import { session } from './session';
import { store } from './sync';

/**
 * 'unknown' until the browser was asked. 'home-screen': on an iPhone, only the app
 * on the home screen can. 'ask': the browser will ask, from a tap. 'off': allowed,
 * but not switched on. 'on': switched on for the person who is signed in. 'guest':
 * it could be, but this is not their own device, and it would outlive the session.
 */
export type PushState = 'unknown' | 'unsupported' | 'in-app' | 'home-screen' | 'ask' | 'denied' | 'off' | 'on' | 'guest';

/** What the browser says of itself. */
export interface Browser {
  here: Here;
  standalone: boolean;
  /** The worker, push and notifications are all there. */
  able: boolean;
  permission: NotificationPermission | null;
}

export function readBrowser(): Browser {
  const able = 'serviceWorker' in navigator && 'PushManager' in globalThis && 'Notification' in globalThis;
  const standalone = globalThis.matchMedia?.('(display-mode: standalone)').matches || (navigator as { standalone?: boolean }).standalone === true;
  return { here: thisDevice(), standalone, able, permission: able ? Notification.permission : null };
}

/** The state as far as it shows without the subscription; subscribed says that there is one of this person's. */
export function stateOf(b: Browser, subscribed: boolean, guest = false): PushState {
  const state = ownState(b, subscribed);
  return guest && state !== 'on' && offered(state) ? 'guest' : state;
}

function ownState(b: Browser, subscribed: boolean): PushState {
  if (b.here.inApp) return 'in-app';
  if (!b.able) return b.here.system === 'ios' && !b.standalone ? 'home-screen' : 'unsupported';
  if (b.permission === 'denied') return 'denied';
  if (b.permission !== 'granted') return 'ask';
  return subscribed ? 'on' : 'off';
}

/** Whether it is of use to offer notifications in this state. */
export const offered = (s: PushState) => s === 'ask' || s === 'off' || s === 'on' || s === 'home-screen';

/** What this browser keeps of its subscription: whose, as which device, and the end of its endpoint. */
export interface Own {
  who: string;
  id: string;
  end: string;
  /** When the server last saw it, in ms. */
  at: number;
}

const OWN = 'push';
const whoOf = (me: Me) => me.signal.userId.slice(0, 16); // the opaque handle, no name
const endOf = (sub: PushSubscription) => sub.endpoint.slice(-16);

export function readOwn(): Own | null {
  try {
    const own = JSON.parse(kept(OWN) ?? 'null') as Partial<Own> | null;
    return own && own.who && own.id ? { who: own.who, id: own.id, end: own.end ?? '', at: own.at ?? 0 } : null;
  } catch {
    return null;
  }
}

const forgetOwn = () => drop(OWN);

/** The state of notifications here; read it anew with readPush. */
export const push = store<PushState>('unknown');

/** How often a page that stays open renews the subscription at most; its opening always does. */
const RENEW_MS = 60 * 60 * 1000;
let opened = ''; // for whom this page has renewed it
/** A subscribe() without a way to the push service never answers. */
const SUBSCRIBE_MS = 15_000;
const WORKER_MS = 10_000;

/** As long as a renewal takes where there is a network; nobody waits longer for one. */
const ALONE_MS = 5_000;

/**
 * One after the other, in all pages of this browser: a renewal that is on its way to the
 * server while notifications are ended here would bring the device back.
 */
async function alone<T>(work: () => Promise<T>): Promise<T> {
  let begun = false;
  try {
    return await navigator.locks.request('latchkey-push', { signal: AbortSignal.timeout(ALONE_MS) }, () => {
      begun = true;
      return work();
    });
  } catch (e) {
    if (begun) throw e;
    return work(); // a page that hangs, or a browser without locks
  }
}

/** Asks the browser again. Without a network: what the server knows shows at the next renewal. */
export async function readPush(): Promise<PushState> {
  const b = readBrowser();
  const sub = b.permission === 'granted' ? await current() : null;
  const { me } = session.get();
  const next = stateOf(b, sub !== null && isMine(readOwn(), sub), me !== null && !me.session.remember);
  push.set(next);
  return next;
}

const isMine = (own: Own | null, sub: PushSubscription) => {
  const { me } = session.get();
  return own !== null && own.end === endOf(sub) && (!me || own.who === whoOf(me));
};

async function current(): Promise<PushSubscription | null> {
  try {
    const registration = await navigator.serviceWorker.getRegistration('/');
    return (await registration?.pushManager.getSubscription()) ?? null;
  } catch {
    return null;
  }
}

/** Rejects with code when it takes longer. */
function within<T>(ms: number, code: string, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(localProblem(code)), ms);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

async function subscribe(publicKey: string): Promise<PushSubscription> {
  const registration = await within(WORKER_MS, 'push.no-worker', navigator.serviceWorker.ready);
  try {
    return await within(SUBSCRIBE_MS, 'push.slow', registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: publicKey }));
  } catch (e) {
    if (e instanceof ApiError) throw e;
    throw localProblem(Notification.permission === 'denied' ? 'push.denied' : 'push.refused');
  }
}

/** Tells the server, which knows a device that it has seen, and keeps what it says. */
async function tell(me: Me, sub: PushSubscription): Promise<Device> {
  const { endpoint, keys } = sub.toJSON();
  const body: SubscribeDevice = { endpoint: endpoint ?? '', p256dh: keys?.['p256dh'] ?? '', auth: keys?.['auth'] ?? '' };
  const key = keyOf(sub);
  if (key) body.key = key;
  const device = await post<Device>('/api/devices', body);
  keep(OWN, JSON.stringify({ who: whoOf(me), id: device.id, end: endOf(sub), at: Date.now() } satisfies Own));
  return device;
}

const says = (e: unknown, ...codes: string[]) => e instanceof ApiError && codes.includes(e.problem.code);

/** Subscribes and tells the server; an endpoint that is somebody else's, or made for a key that is not the server's, is given up once, for a new one. */
async function enlist(me: Me, publicKey: string): Promise<Device> {
  let sub = await fitting(publicKey);
  try {
    return await tell(me, sub);
  } catch (e) {
    if (!says(e, 'device.another', 'device.key')) throw e;
  }
  await sub.unsubscribe();
  sub = await subscribe(publicKey);
  return tell(me, sub);
}

/** The subscription that there is, unless it was made for another key. */
async function fitting(publicKey: string): Promise<PushSubscription> {
  const sub = await current();
  if (sub && sameKey(sub, publicKey)) return sub;
  await sub?.unsubscribe();
  return subscribe(publicKey);
}

/** Whether a subscription was made for this key; a browser that doesn't say is believed. */
export function sameKey(sub: PushSubscription, publicKey: string): boolean {
  const key = keyOf(sub);
  return !key || key === publicKey;
}

function keyOf(sub: PushSubscription): string {
  const key = sub.options?.applicationServerKey;
  if (!key) return '';
  const text = btoa(String.fromCharCode(...new Uint8Array(key)));
  return text.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
}

/**
 * Switches notifications on: from a tap, as browsers want it. Fails with
 * push.dismissed, push.denied, push.slow, push.refused, push.no-worker, or what
 * the server says (device.too-many).
 */
export async function switchOn(me: Me): Promise<void> {
  try {
    const permission = await Notification.requestPermission();
    if (permission !== 'granted') throw localProblem(permission === 'denied' ? 'push.denied' : 'push.dismissed');
    await alone(async () => enlist(me, (await get<Devices>('/api/devices')).publicKey));
  } finally {
    await readPush();
  }
}

/** Ends them here, and at the server. */
export function switchOff(id: string): Promise<void> {
  return alone(async () => {
    await post(`/api/devices/${encodeURIComponent(id)}/remove`).catch((e: unknown) => {
      if (!says(e, 'device.unknown')) throw e; // gone already
    });
    await endHere();
  });
}

async function endHere(): Promise<void> {
  await (await current())?.unsubscribe().catch(() => undefined);
  forgetOwn();
  await readPush();
}

/** What an opening of the app has to do about the subscription. */
export type Renewal = 'nothing' | 'tell' | 'anew' | 'end';

interface Found {
  me: Me;
  own: Own | null;
  sub: PushSubscription | null;
  devices: Devices;
}

export function renewal({ me, own, sub, devices }: Found): Renewal {
  // A guest leaves things as they are.
  if (own?.who !== whoOf(me) && !me.session.remember) return 'nothing';
  if (own && own.who !== whoOf(me)) return 'end';
  if (!own) return sub ? 'tell' : 'nothing';
  const listed = devices.devices.some((d) => d.id === own.id);
  if (!sub) return listed ? 'anew' : 'end';
  const moved = endOf(sub) !== own.end; // the browser changed it meanwhile
  if (!listed && !moved) return 'end'; // removed from another device: it stays removed
  return sameKey(sub, devices.publicKey) ? 'tell' : 'anew';
}

/** Renews at each opening of the app, and while it stays open at most once an hour unless it is known to be due: quiet. */
export function renewPush(me: Me, due = false): Promise<void> {
  return alone(() => renewAlone(me, due));
}

async function renewAlone(me: Me, due: boolean): Promise<void> {
  const b = readBrowser();
  const own = readOwn();
  const sub = b.permission === 'granted' ? await current() : null;
  const seen = !due && opened === whoOf(me) && own !== null && sub !== null && isMine(own, sub) && Date.now() - own.at < RENEW_MS;
  try {
    if (b.permission === 'granted' && (own || sub) && !seen) await renew({ me, own, sub, devices: await get<Devices>('/api/devices') });
    opened = whoOf(me);
  } finally {
    await readPush();
  }
}

async function renew(found: Found): Promise<void> {
  const what = renewal(found);
  const { me, own, sub, devices } = found;
  if (what === 'end') return endHere();
  if (what === 'nothing') return;
  try {
    if (what === 'tell' && sub) await tell(me, sub);
    else await enlist(me, devices.publicKey);
  } catch (e) {
    if (says(e, 'device.another')) return endHere();
    if (!says(e, 'device.key')) throw e;
    await enlist(me, devices.publicKey);
  }
  const replaced = own && own.id !== readOwn()?.id && devices.devices.some((d) => d.id === own.id);
  if (replaced) await post(`/api/devices/${encodeURIComponent(own.id)}/remove`);
}

/** How this browser is told to allow notifications again: the end of a catalogue key. */
export type Way = 'ios' | 'android' | 'firefox-android' | 'firefox' | 'safari' | 'chrome';

export function wayOf(agent: string, touch = 0): Way {
  const { system } = readDevice(agent, touch);
  if (system === 'ios') return 'ios';
  if (system === 'android') return /Firefox\//.test(agent) ? 'firefox-android' : 'android';
  if (/Firefox\//.test(agent)) return 'firefox';
  return /Safari\//.test(agent) && !/Chrom(e|ium)\//.test(agent) ? 'safari' : 'chrome';
}

/** Ends notifications here before this browser forgets the person; never fails. */
export function forgetPush(): Promise<void> {
  return alone(async () => {
    const own = readOwn();
    if (own) await post(`/api/devices/${encodeURIComponent(own.id)}/remove`).catch(() => undefined);
    await endHere();
  });
}
