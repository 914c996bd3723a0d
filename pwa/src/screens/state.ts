// What the states of an account say: title, the line beneath, and the tone.
import type { Account, AccountState, Kind, Me, Option } from '../api-types';
import { t, tn } from '../i18n';
import { clock, date, inDays, moment } from '../lib/format';
import type { Tone } from '../ui/kit';

export interface Words {
  tone: Tone;
  title: string;
  lines: string[];
}

/** How an account stands: by the directory, and here. */
export type Standing = AccountState | 'frozen';

/** The options say it as well, but not of every account: a server of an earlier release says it by them alone. */
const isFrozen = ({ frozen, options }: Pick<Me, 'frozen' | 'options'>) => frozen || options.some((o) => o.code === 'account.frozen');

/** What there is to say of an account, most important first. */
export function statesOf(me: Pick<Me, 'account' | 'frozen' | 'options'>): Standing[] {
  const { account } = me;
  if (!isFrozen(me)) return account.state;
  return ['frozen', ...account.state.filter((s) => s !== 'ok')];
}

export function words(state: Standing, a: Account): Words {
  switch (state) {
    case 'frozen':
      return { tone: 'stop', title: t('s.frozen'), lines: [t('s.frozen.sub')] };
    case 'ok':
      return { tone: 'good', title: t('s.ok'), lines: [t('s.ok.sub')] };
    case 'locked':
      return { tone: 'stop', title: a.lockedUntil ? t('s.locked.until', { time: moment(a.lockedUntil) }) : t('s.locked'), lines: locked(a) };
    case 'disabled':
      return { tone: 'stop', title: t('s.disabled'), lines: [t('s.disabled.sub')] };
    case 'account-expired':
      return { tone: 'stop', title: t('s.account-expired', { date: date(a.accountExpires) }), lines: [t('s.account-expired.sub')] };
    case 'must-change':
      return { tone: 'wait', title: t('s.must-change'), lines: [t('s.must-change.sub')] };
    case 'password-expired':
      return { tone: 'stop', title: t('s.password-expired'), lines: [t('s.password-expired.sub', { when: inDays(a.passwordExpires) })] };
    case 'password-expires-soon':
      return {
        tone: 'wait',
        title: t('s.password-expires-soon', { when: inDays(a.passwordExpires) }),
        lines: [t('s.password-expires-soon.sub', { time: moment(a.passwordExpires) })],
      };
    case 'outside-hours':
      return {
        tone: 'wait',
        title: t('s.outside-hours'),
        lines: [a.nextLogon ? t('s.outside-hours.sub', { time: moment(a.nextLogon) }) : t('s.outside-hours.sub.none')],
      };
    case 'protected':
      return { tone: 'info', title: t('s.protected'), lines: [t('s.protected.sub')] };
    case 'smartcard':
      return { tone: 'info', title: t('s.smartcard'), lines: [t('s.smartcard.sub')] };
  }
}

function locked(a: Account): string[] {
  const since = moment(a.lockedSince);
  const lines = [a.badPasswords > 0 ? tn('s.locked.sub', a.badPasswords, { since }) : t('s.locked.sub.none', { since })];
  if (a.lastBad && clock(a.lastBad) !== clock(a.lockedSince)) lines.push(t('s.locked.last', { time: moment(a.lastBad) }));
  if (!a.lockedUntil) lines.push(t('s.locked.forever'));
  return lines;
}

const passwordDue: AccountState[] = ['must-change', 'password-expired', 'password-expires-soon'];

/** The kinds that this person may ask for, the most useful first. */
export function useful(me: Me): Kind[] {
  if (isFrozen(me)) return [];
  const allowed = new Set(me.options.filter((o: Option) => o.allowed).map((o) => o.kind));
  const states = me.account.state;
  const order: Kind[] = states.includes('locked')
    ? ['unlock', 'reset', 'one-time', 'change']
    : states.includes('password-expires-soon')
      ? ['change', 'reset', 'one-time', 'unlock']
      : ['reset', 'change', 'one-time', 'unlock'];
  // With a passkey at hand another one is added under "My passkeys".
  const kinds: Kind[] = me.session.recovered ? [...order, 'enrol'] : order;
  return kinds.filter((k) => allowed.has(k));
}

/** In this sign-in without a passkey one was made: from now on that one lets in. */
export const renewed = (me: Me) =>
  me.session.recovered && me.requests.some((r) => r.kind === 'enrol' && r.state === 'done' && Date.parse(r.updated) >= Date.parse(me.session.signedIn));

/** What the large button does: only where something is the matter. Whoever came without a passkey lacks one. */
export function primary(me: Me): Kind | null {
  const [first] = useful(me);
  const states = me.account.state;
  if (!first || states.some((s) => s === 'disabled' || s === 'account-expired' || s === 'protected')) return null;
  if (states.includes('locked')) return first;
  if (useful(me).includes('enrol') && !renewed(me)) return 'enrol';
  return states.some((s) => passwordDue.includes(s)) ? first : null;
}
