// What an alternative is called.
import type { ProofKind } from '../../api-types';
import { locale, t } from '../../i18n';

const list = (parts: string[]) => new Intl.ListFormat(locale(), { type: 'conjunction' }).format(parts);
const lowerFirst = (text: string, i: number) => (i === 0 ? text : text.charAt(0).toLowerCase() + text.slice(1));

/** "A recovery code", "A recovery code and a code by mail". */
export const wayName = (way: ProofKind[]) => list(way.map((kind) => t(`rec.have.${kind}`)).map(lowerFirst));

/** What the only alternative asks for, as a sentence. */
export function wayNeeds(way: ProofKind[]): string {
  const [only] = way;
  if (way.length === 1 && only) return t(`rec.needs.${only}`);
  return t('rec.needs.all', { what: list(way.map((kind) => lowerFirst(t(`rec.have.${kind}`), 1))) });
}
