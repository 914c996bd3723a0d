// Notifications on this device in words: for the inbox, the devices and enrolment.
import { t, type Key } from '../i18n';
import { wayOf, type PushState } from '../lib/push';
import type { IconName } from '../ui/icons';
import { Banner, Row, Rows, type Tone } from '../ui/kit';

interface Words {
  tone: Tone;
  icon: IconName;
  title: Key;
  sub: Key;
}

const words: Record<Exclude<PushState, 'unknown'>, Words> = {
  on: { tone: 'good', icon: 'bell', title: 'push.on', sub: 'push.on.sub' },
  ask: { tone: 'info', icon: 'bell', title: 'push.off', sub: 'push.ask.sub' },
  off: { tone: 'info', icon: 'bell', title: 'push.off', sub: 'push.off.sub' },
  denied: { tone: 'wait', icon: 'stop', title: 'push.denied', sub: 'push.denied.sub' },
  'home-screen': { tone: 'info', icon: 'tile', title: 'push.home', sub: 'push.home.lead' },
  'in-app': { tone: 'wait', icon: 'info', title: 'push.in-app', sub: 'push.in-app.sub' },
  guest: { tone: 'info', icon: 'info', title: 'push.guest', sub: 'push.guest.sub' },
  unsupported: { tone: 'wait', icon: 'info', title: 'push.unsupported', sub: 'push.unsupported.sub' },
};

/** null while it is not known. */
export const wordsOf = (state: PushState): Words | null => (state === 'unknown' ? null : words[state]);

/** Whether notifications are on here, and the way to change it: for an empty inbox. */
export function NotificationsState({ state }: { state: PushState }) {
  const w = wordsOf(state);
  if (!w) return null;
  return (
    <Rows>
      <Row href="/devices" icon={w.icon} tone={w.tone} title={t(w.title)} sub={t(state === 'on' ? 'push.state.see' : 'push.state.off')} />
    </Rows>
  );
}

/** The way on an iPhone, as it shows there. */
export function HomeScreen() {
  return (
    <Rows>
      <Row icon="share" title={t('push.home.1')} sub={t('push.home.1.sub')} />
      <Row icon="tile" title={t('push.home.2')} sub={t('push.home.2.sub')} />
      <Row icon="unlock" title={t('push.home.3')} sub={t('push.home.3.sub')} />
    </Rows>
  );
}

/** How to allow again what was refused, in this browser's words. */
export function AllowAgain() {
  return (
    <Banner tone="info" title={t('push.allow')} quiet>
      <p>{t(`push.allow.${wayOf(navigator.userAgent, navigator.maxTouchPoints)}`, { host: location.host })}</p>
    </Banner>
  );
}
