// Codes as people type them: a recovery code in groups, an authenticator's six
// digits, one from a mail. The server reads them once more and decides.
import type { ProofKind } from '../api-types';

/** Characters of a recovery code, in Crockford's alphabet, and how they are grouped. */
export const CODE_LENGTH = 16;
const GROUP = 4;
export const DIGITS = 6;

/** The letters that the alphabet leaves out, for they look like others (https://www.crockford.com/base32.html). */
const looksLike: Record<string, string> = { O: '0', I: '1', L: '1' };

/** What counts of a recovery code: without spaces and dashes, in capitals. */
export const bareCode = (typed: string) =>
  typed.toUpperCase().replace(/[^0-9A-Z]/g, '').replace(/[OIL]/g, (c) => looksLike[c] ?? c);

/** The same in groups of four: "ABCD-EFGH-…". */
export const groupedCode = (typed: string) => (bareCode(typed).match(new RegExp(`.{1,${GROUP}}`, 'g')) ?? []).join('-');

/** A text in groups, and where the caret stands in it: behind as many characters that count as before. */
export function regroup(typed: string, caret: number): { text: string; caret: number } {
  const before = bareCode(typed.slice(0, caret)).length;
  const text = groupedCode(typed);
  return { text, caret: Math.min(text.length, before === 0 ? 0 : before + Math.floor((before - 1) / GROUP)) };
}

/** The digits of a code: without the spaces that apps and mails show between them. */
export const bareDigits = (typed: string) => typed.replace(/\D/g, '');

/** As it is sent. */
export const bare = (kind: ProofKind, typed: string) => (kind === 'recovery-code' ? groupedCode(typed) : typed.replace(/[\s\u00a0-]/g, ''));

/** How many characters a value lacks; negative for too many. */
export function lacks(kind: ProofKind, typed: string): number {
  return kind === 'recovery-code' ? CODE_LENGTH - bareCode(typed).length : DIGITS - bareDigits(typed).length;
}

const known: ProofKind[] = ['recovery-code', 'totp'];

/** The alternatives that this page can ask for. */
export const askable = (recovery: readonly (readonly string[])[]): ProofKind[][] =>
  recovery.filter((way) => way.length > 0 && way.every((kind) => known.includes(kind as ProofKind))) as ProofKind[][];
