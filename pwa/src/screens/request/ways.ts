// The ways that are left to prove a request, and which of them the person goes.
import type { Request, RequestWay } from '../../api-types';
import { isKey, isTyped } from '../../lib/ways';

export type Way = RequestWay;

/** Those that this page can ask for, the preferred one first. What it can't is left to the passkey's own screen. */
export function waysOf({ needs, ways }: Pick<Request, 'needs'> & { ways?: Way[] }): Way[] {
  const able = (ways ?? []).filter((way) => way.needs.length > 0 && way.needs.every((kind) => isTyped(kind) || isKey(kind)));
  return able.length > 0 ? able : [{ needs, lacks: [] }];
}

/** The one that was picked, or what is left of it; else the preferred one. */
export const wayOf = (ways: readonly Way[], picked: readonly string[]): Way =>
  ways.find((way) => way.needs.every((kind) => picked.includes(kind))) ?? ways[0] ?? { needs: [], lacks: [] };

/** The rest. What only the directory could be given is nothing that anybody sets up here. */
export const others = (ways: readonly Way[], way: Way): Way[] => ways.filter((one) => one !== way && !one.lacks.includes('directory'));

/** What was noted here of it. */
export function readPicked(found: unknown): string[] {
  const { picked } = (typeof found === 'object' && found !== null ? found : {}) as { picked?: unknown };
  return Array.isArray(picked) ? picked.filter((kind) => typeof kind === 'string') : [];
}

/** After these nothing is to be had on this way for a while, and the others stand right there. */
const blocked = new Set(['code.not-sent', 'code.too-many', 'proof.locked', 'proof.no-address', 'proof.not-held', 'proof.address', 'proof.address-country', 'password.no-tries-left']);

export const isBlocked = (code: string | undefined): boolean => code !== undefined && blocked.has(code);
