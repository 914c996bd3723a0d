// What an alternative is called.
import type { ProofKind } from '../../api-types';
import { locale, t } from '../../i18n';
import { attributeName } from '../../ui/given';

const list = (parts: string[]) => new Intl.ListFormat(locale(), { type: 'conjunction' }).format(parts);
const lowerFirst = (text: string) => text.charAt(0).toLowerCase() + text.slice(1);

/** What one has. The directory's attribute keeps its capitals within a sentence. */
const have = (kind: ProofKind, first: boolean) => {
  const text = t(`rec.have.${kind}`, { attribute: attributeName(true) });
  return first || (kind === 'directory' && text.startsWith(attributeName())) ? text : lowerFirst(text);
};

/** "A recovery code", "A recovery code and a code by mail". */
export const wayName = (way: ProofKind[]) => list(way.map((kind, i) => have(kind, i === 0)));

/** What the only alternative asks for, as a sentence. */
export function wayNeeds(way: ProofKind[]): string {
  const [only] = way;
  if (way.length === 1 && only) return t(`rec.needs.${only}`, { attribute: attributeName(true) });
  return t('rec.needs.all', { what: list(way.map((kind) => have(kind, false))) });
}
