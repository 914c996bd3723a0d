// What a review says to its requester, and what both sides say of it.
import type { Kind, Request } from '../../api-types';
import { has, locale, t, type Key } from '../../i18n';
import { moment } from '../../lib/format';
import type { Tone } from '../../ui/kit';

/** The reasons that a requester can give by a tap, the likely ones first. */
export function askChips(kind: Kind): Key[] {
  if (kind === 'enrol') return ['ask.chip.lost', 'ask.chip.broken', 'ask.chip.phone'];
  const why: Key[] = kind === 'unlock' ? ['ask.chip.mistyped'] : kind === 'change' ? ['ask.chip.expired'] : ['ask.chip.forgot', 'ask.chip.expired'];
  return [...why, 'ask.chip.phone', 'ask.chip.leave'];
}

/** The longest own words, in characters: the server takes 2,000 bytes with the chip. */
export const MAX_WORDS = 300;

/** A chosen reason and own words as one line; "" for neither. */
export function reasonOf(chip: string, words: string): string {
  const own = words.replace(/\s+/g, ' ').trim();
  return chip && own ? `${chip}: ${own}` : chip || own;
}

/** "44 minutes", "1 hour 5 minutes", "3 days"; "" when the time is up. */
export function left(deadline: string, now = Date.now()): string {
  const minutes = Math.floor((Date.parse(deadline) - now) / 60_000);
  if (Number.isNaN(minutes) || Date.parse(deadline) <= now) return '';
  if (minutes < 1) return t('w.soon');
  const said = (n: number, unit: string) => new Intl.NumberFormat(locale(), { style: 'unit', unit, unitDisplay: 'long' }).format(n);
  if (minutes >= 48 * 60) return said(Math.floor(minutes / 1440), 'day');
  const parts = [Math.floor(minutes / 60) && said(Math.floor(minutes / 60), 'hour'), minutes % 60 && said(minutes % 60, 'minute')];
  return parts.filter(Boolean).join(' ');
}

/** How much of the time is left, 1 to 0. */
export function share(since: string, deadline: string, now = Date.now()): number {
  const whole = Date.parse(deadline) - Date.parse(since);
  return whole > 0 ? Math.min(1, Math.max(0, (Date.parse(deadline) - now) / whole)) : 0;
}

export interface Ending {
  title: string;
  lead: string;
  todo: string;
  /** What the approver wrote. */
  words: string;
  /** Asking once more makes sense. */
  again: boolean;
  tone: Tone;
}

/** How a review ended for its requester; null when it was no review that ended it.
 *  name is the approver's where only one was asked. */
export function ending(r: Request, name: string): Ending | null {
  const said = r.review?.decided ?? null;
  const plain = (key: 'end.reported' | 'end.frozen' | 'end.numbers' | 'end.unanswered', again: boolean, tone: Tone): Ending => ({
    title: t(key), lead: t(`${key}.sub`), todo: '', words: '', again, tone,
  });
  if ((r.state === 'denied' || r.state === 'cancelled') && (said?.verdict === 'report' || r.code === 'review.reported')) return plain('end.reported', false, 'stop');
  if (r.state === 'cancelled' && r.code === 'account.frozen') return plain('end.frozen', false, 'stop');
  if (r.state === 'cancelled' && r.code === 'review.number-cancelled') return plain('end.numbers', true, 'stop');
  if (r.state === 'expired' && r.review && !said) return plain('end.unanswered', true, 'wait');
  if (r.state !== 'denied' || said?.verdict !== 'deny') return null;
  const key = `end.chip.${said.chip}`;
  const [lead = '', todo = ''] = t(has(key) ? key : 'end.chip.other').split('\n');
  const title = name ? t('end.denied.by', { name }) : t('end.denied.review');
  return { title, lead, todo, words: said.reason, again: said.chip !== 'not-mine', tone: 'stop' };
}

const TOLD_MS = 24 * 60 * 60_000;

/** The newest request of each kind, where a review ended it within a day: somebody who
 *  closed the page finds the answer there. Newest first. */
export function answers(requests: Request[], now = Date.now()): { request: Request; title: string; tone: Tone }[] {
  return requests.flatMap((r) => {
    const newest = requests.find((other) => other.kind === r.kind) === r;
    const said = newest && r.review && now - Date.parse(r.updated) < TOLD_MS ? ending(r, '') : null;
    return said ? [{ request: r, title: said.title, tone: said.tone }] : [];
  });
}

/** "Approved by Mara Lindt: 10:52. Open until 11:52."; "" when nobody approved. */
export function approvedBy(r: Request, name: string): string {
  const said = r.review?.decided;
  if (said?.verdict !== 'approve') return '';
  const values = { time: moment(said.at), until: moment(r.deadline) };
  return name ? t('w.approved.by', { name, ...values }) : t('w.approved', values);
}
