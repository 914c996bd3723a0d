// What a review says, to either side of it.
import type { Kind, Request, Review } from '../../api-types';
import { has, locale, t, tn, type Key } from '../../i18n';
import { isVouched } from '../../lib/codes';
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

/** The reasons of a denial, by the server's names. */
export const denyChips = ['not-asked', 'not-now', 'not-mine', 'unsure', 'other'] as const;

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

/** Whether nobody has proved who it is, and the reviewer's word is the proof. */
export const vouched = (r: Pick<Review, 'proofs'>): boolean => isVouched(r.proofs);

/** What they proved, in words; "" for nothing. */
export const proved = (r: Pick<Review, 'proofs'>): string =>
  r.proofs.filter((p) => p !== 'vouching').map((p) => (has(`rv.proof.${p}`) ? t(`rv.proof.${p}` as Key) : p)).join(', ');

/** What is asked for: by the person, or in their name. */
export const asks = (r: Review): string => {
  const key = `rv.claims.${r.kind}`;
  return vouched(r) && has(key) ? t(key, { name: r.displayName }) : t(`rv.asks.${r.kind}`, { name: r.displayName });
};

/** What is unusual about a request, in words. */
export function signs(r: Review): string[] {
  const said = r.signs.flatMap(({ code, count }) => {
    if (code === 'often' || code === 'reported-before' || code === 'denied-before') return [tn(`rv.sign.${code}`, count)];
    if (code === 'weak-proof' && vouched(r)) return []; // there is a warning of its own
    if (code === 'weak-proof' && r.proofs.length > 0) return [t('rv.sign.weak-proof.by', { proofs: proved(r) })];
    const key = `rv.sign.${code}`;
    return has(key) ? [t(key)] : [];
  });
  return r.frozen ? [t('rv.sign.frozen'), ...said] : said;
}

/** From which network a request came. */
export function network({ address, internal }: Review): string {
  if (!address) return t('rv.from.none');
  return t(internal ? 'rv.from.in' : 'rv.from.out', { address });
}

/** Why a request is not open to somebody who said nothing: what happened, and what that means. */
export function over(r: Review): [string, string] {
  const code = r.code === 'request.cancelled' && r.number && r.numbersLeft === 0 ? 'review.number-cancelled' : r.code;
  const key = [`rv.not.${code}`, code.startsWith('request.') ? '' : `e.${aboutThem({ code }).code}`].find(has) ?? 'e.review.decided';
  const [what = '', todo = ''] = t(key).split('\n');
  return [what, todo];
}

/** What became of a request after it was decided; "" while that is still open. */
export function went(r: Review): string {
  const key = `rv.went.${r.state}`;
  if (r.mine && r.mine.verdict !== 'approve') return '';
  return has(key) ? t(key) : '';
}

/** A reviewer may still take back an approval: it has not been carried out. */
export const revocable = (r: Review) => r.mine?.verdict === 'approve' && (r.state === 'approved' || r.state === 'draft');

const DAY_MS = 24 * 60 * 60_000;

/** A report lets its reviewer freeze the account for a day. */
export const freezable = ({ mine, frozen }: Review, now = Date.now()) =>
  mine?.verdict === 'report' && !frozen && now - Date.parse(mine.at) < DAY_MS;

/** The reason that I gave. */
export function ownWords({ mine }: Review): string {
  const key = `rv.chip.${mine?.chip ?? ''}`;
  return [has(key) ? t(key) : '', mine?.reason ?? ''].filter(Boolean).join(': ');
}

/** A problem with "your account" or "you may not", said to an approver: it is the
 *  requester's account that is meant. */
export function aboutThem<P extends { code: string } | null>(problem: P): P {
  if (!problem || problem.code === 'account.frozen' || !/^(account|policy)\./.test(problem.code)) return problem;
  return { ...problem, code: 'review.account' };
}
