// What a review says to whoever decides it.
import type { Review } from '../../api-types';
import { has, t, tn, type Key } from '../../i18n';
import { isVouched } from '../../lib/ways';

/** The reasons of a denial, by the server's names. */
export const denyChips = ['not-asked', 'not-now', 'not-mine', 'unsure', 'other'] as const;

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
