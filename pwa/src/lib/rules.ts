// The rules that a password can be held to on the device: length, classes and
// names. password/testdata/rules.json holds this and the Go side to one table.
// The directory stays the judge.
import type { Finding, PasswordRules } from '../api-types';

export type LocalRules = Pick<PasswordRules, 'known' | 'min_length' | 'complexity' | 'names'>;

const MAX_UNITS = 256;

/**
 * The five classes of MS-SAMR 3.1.1.7.2. What lies outside the Basic Multilingual
 * Plane reaches a controller as two surrogates, which are of no class.
 */
const classes = [/\p{Lu}/u, /\p{Ll}/u, /[0-9]/, /[~!@#$%^&*_\-+=`|\\(){}[\]:;"'<>,.?/]/, /[\p{Lo}\p{Lt}\p{Lm}]/u];

export function countClasses(password: string): number {
  const plane0 = [...password].filter((c) => c.length === 1).join('');
  return classes.filter((c) => c.test(plane0)).length;
}

/** Length as the directory counts it: UTF-16 units. */
export const units = (password: string) => password.length;

/** Each character by itself, as a controller does; U+0130 would grow, and stays. */
const lower = (text: string) => [...text].map((c) => (c === '\u0130' ? c : c.toLowerCase())).join('');

function containsName(password: string, names: string[]): boolean {
  const text = lower(password);
  return names.some((n) => n !== '' && text.includes(lower(n)));
}

function malformed(password: string): boolean {
  return password.includes('\0') || !isWellFormed(password);
}

/** String.prototype.isWellFormed, which is younger than phones in use. */
function isWellFormed(text: string): boolean {
  try {
    encodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

/** What the device can say about a password; nothing where the policy is unreadable. */
export function judge(password: string, rules: LocalRules): Finding[] {
  const found: Finding[] = [];
  if (malformed(password)) found.push({ code: 'malformed', ok: false });
  const have = String(units(password));
  if (units(password) > MAX_UNITS) found.push({ code: 'too-long', ok: false, have, want: String(MAX_UNITS) });
  if (!rules.known) return found;
  if (rules.min_length > 0) {
    found.push({ code: 'length', ok: units(password) >= rules.min_length, have, want: String(rules.min_length) });
  }
  if (rules.complexity) {
    const kinds = countClasses(password);
    found.push({ code: 'classes', ok: kinds >= 3, have: String(kinds), want: '3' });
    if (rules.names.length > 0) found.push({ code: 'names', ok: password !== '' && !containsName(password, rules.names) });
  }
  return found;
}
