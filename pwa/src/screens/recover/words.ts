// What an alternative is called.
import type { WayKind } from '../../api-types';
import { isKey } from '../../lib/ways';
import { locale, t } from '../../i18n';
import { attributeName } from '../../ui/given';

const list = (parts: string[]) => new Intl.ListFormat(locale(), { type: 'conjunction' }).format(parts);
const lowerFirst = (text: string) => text.charAt(0).toLowerCase() + text.slice(1);

/** What an alternative may hold, a passkey among it for whoever is signed in. */
export type AnyKind = WayKind | 'passkey' | 'hardware-key';

/** What one has. The directory's attribute keeps its capitals within a sentence. */
const have = (kind: AnyKind, first: boolean) => {
  const text = t(`rec.have.${kind}`, { attribute: attributeName(true) });
  return first || (kind === 'directory' && text.startsWith(attributeName())) ? text : lowerFirst(text);
};

const isLast = (kind: AnyKind) => Number(kind === 'vouching' || isKey(kind));

/** Somebody's word comes last, for it is asked for with the rest, and so does what is touched and not typed. */
const inOrder = (way: readonly AnyKind[]) => [...way].sort((a, b) => isLast(a) - isLast(b));

const alone = (way: readonly AnyKind[]) => way.length === 1 && way[0] === 'vouching';

/** "A recovery code", "A recovery code and a code by mail", "Ask a colleague". */
export const wayName = (way: readonly AnyKind[]) => (alone(way) ? t('vouch.way') : list(inOrder(way).map((kind, i) => have(kind, i === 0))));

/** What stands beneath it in a list. */
export const waySub = (way: readonly WayKind[]) => (alone(way) ? t('vouch.way.sub') : '');

/** Where nothing but somebody's word is needed, among the alternatives; -1 for nowhere. */
export const wordAlone = (ways: readonly (readonly WayKind[])[]) => ways.findIndex(alone);

/** What the only alternative asks for, as a sentence. */
export function wayNeeds(way: readonly WayKind[]): string {
  const [only] = way;
  if (way.length === 1 && only) return t(`rec.needs.${only}`, { attribute: attributeName(true) });
  return t('rec.needs.all', { what: list(inOrder(way).map((kind) => have(kind, false))) });
}
