// What people type to prove who they are: a recovery code in groups, an
// authenticator's six digits, eight from a mail or a text message, a PIN, answers. The
// server reads them once more and decides.
import type { ProofKind, SentKind } from '../api-types';

/** Characters of a recovery code, in Crockford's alphabet, and how they are grouped. */
export const CODE_LENGTH = 16;
const GROUP = 4;
export const DIGITS = 6;

/** Digits of a code that is sent, in groups of four. */
export const SENT_DIGITS = 8;

/** Digits of a PIN. */
export const PIN_LEAST = 6;
export const PIN_MOST = 16;

/** The letters that the alphabet leaves out, for they look like others (https://www.crockford.com/base32.html). */
const looksLike: Record<string, string> = { O: '0', I: '1', L: '1' };

/** What counts of a recovery code: without spaces and dashes, in capitals. */
export const bareCode = (typed: string) =>
  typed.toUpperCase().replace(/[^0-9A-Z]/g, '').replace(/[OIL]/g, (c) => looksLike[c] ?? c);

/** The digits of a code: without the spaces that apps and mails show between them. */
export const bareDigits = (typed: string) => typed.replace(/\D/g, '');

/** Whether a code was typed that does not count: another one may. */
export const wrongCode = (problem: { code: string } | null) => problem?.code === 'proof.wrong' || problem?.code === 'proof.clock';

const grouped = (counts: string, between: string) => (counts.match(new RegExp(`.{1,${GROUP}}`, 'g')) ?? []).join(between);

/** The same in groups of four: "ABCD-EFGH-…". */
export const groupedCode = (typed: string) => grouped(bareCode(typed), '-');

/** A text in groups, and where the caret stands in it: behind as many characters that count as before. */
export function regroup(typed: string, caret: number, bared = bareCode, between = '-'): { text: string; caret: number } {
  const before = bared(typed.slice(0, caret)).length;
  const text = grouped(bared(typed), between);
  return { text, caret: Math.min(text.length, before === 0 ? 0 : before + Math.floor((before - 1) / GROUP)) };
}

/** A code that was sent, in its groups: "1234 5678". */
export const regroupDigits = (typed: string, caret: number) => regroup(typed, caret, bareDigits, ' ');

export const isSent = (kind: ProofKind): kind is SentKind => kind === 'mail-code' || kind === 'sms-code';

/** As it is sent. */
export function bare(kind: ProofKind, typed: string): string {
  if (kind === 'recovery-code') return groupedCode(typed);
  if (kind === 'password') return typed;
  if (kind === 'directory') return typed.trim();
  return typed.replace(/[\s\u00a0-]/g, '');
}

/** How many characters a value lacks; negative for too many. */
export function lacks(kind: ProofKind, typed: string): number {
  switch (kind) {
    case 'recovery-code':
      return CODE_LENGTH - bareCode(typed).length;
    case 'totp':
      return DIGITS - bareDigits(typed).length;
    case 'mail-code':
    case 'sms-code':
      return SENT_DIGITS - bareDigits(typed).length;
    case 'pin':
      return Math.max(0, PIN_LEAST - bareDigits(typed).length);
    default:
      return bare(kind, typed) === '' ? 1 : 0;
  }
}

/** A phone number as the world dials it: "+49 (0)151 23" is not repaired, "0049" is. */
export const phoneNumber = (typed: string) => typed.replace(/[\s\u00a0()/.-]/g, '').replace(/^00/, '+');
