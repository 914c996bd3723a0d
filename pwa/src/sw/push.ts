// Notifications: shown when a push comes, followed when they are tapped.
declare const self: ServiceWorkerGlobalScope;
import { choose, target } from './notice';

/** A page of ours answers within this, or is no page of ours any more. */
const ANSWER_MS = 500;

/** Shows something whatever came, then the badge, then tells the open pages. */
export async function show(payload: string): Promise<void> {
  const { title, options, badge } = choose(payload, {
    origin: self.location.origin,
    language: self.navigator.language,
    actions: (Notification as { maxActions?: number }).maxActions ?? 0,
  });
  await self.registration.showNotification(title, options);
  if (badge !== null) await self.navigator.setAppBadge?.(badge).catch(() => undefined);
  for (const page of await windows()) page.postMessage({ pushed: options.data.kind });
}

const windows = () => self.clients.matchAll({ type: 'window', includeUncontrolled: true });

/** Opens what a notification is about: in a page that is open, so that what was typed there is asked about first. */
export async function follow({ notification, action }: NotificationEvent): Promise<void> {
  notification.close();
  const path = target(notification.data, action, self.location.origin);
  const open = await windows(); // the one used last comes first
  const page = open.find((c) => new URL(c.url).pathname === path.split('#')[0]) ?? open[0];
  if (!page || !(await lead(page, path))) await self.clients.openWindow(path);
}

async function lead(page: WindowClient, path: string): Promise<boolean> {
  try {
    const here = await page.focus();
    return (await told(here, path)) || (await here.navigate(path)) !== null;
  } catch {
    return false; // not ours to focus or to navigate: a window of its own
  }
}

function told(page: WindowClient, path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => resolve(true);
    setTimeout(() => resolve(false), ANSWER_MS);
    page.postMessage({ go: path }, [port2]);
  });
}

/** The event as the standard has it; browsers fill in what they know. */
export interface Changed {
  oldSubscription?: PushSubscription | null;
  newSubscription?: PushSubscription | null;
}

/**
 * The browser changed the subscription. The server takes the new one only where the
 * old one was the signed-in person's: who else sits here meanwhile is subscribed to
 * nothing. In all other cases nothing is done: the page renews it at its next opening.
 */
export function renew(changed: Changed): Promise<void> {
  const { locks } = navigator; // not while a page ends notifications here: see lib/push
  return locks ? locks.request('latchkey-push', () => renewAlone(changed)) : renewAlone(changed);
}

async function renewAlone({ oldSubscription: old, newSubscription }: Changed): Promise<void> {
  if (!old) return;
  const key = old.options?.applicationServerKey;
  if (!newSubscription && !key) return;
  const made = newSubscription ?? (await self.registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key }));
  const { endpoint, keys } = made.toJSON();
  const body: Record<string, unknown> = { endpoint, p256dh: keys?.p256dh, auth: keys?.auth, replaces: old.endpoint };
  const madeWith = made.options?.applicationServerKey ?? key;
  if (madeWith) body.key = base64url(madeWith);
  await fetch('/api/devices', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });
}

const base64url = (bytes: ArrayBuffer) =>
  btoa(String.fromCharCode(...new Uint8Array(bytes)))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replace(/=+$/, '');
