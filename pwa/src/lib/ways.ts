// The kinds of proofs, and the ways without a passkey that this page can ask for.
import type { ProofKind, WayKind } from '../api-types';

const known: ProofKind[] = ['recovery-code', 'totp', 'mail-code', 'sms-code', 'pin', 'questions', 'directory', 'password'];

/** Something to type or to answer; all but somebody's word is. */
export const isTyped = (kind: string): kind is ProofKind => known.includes(kind as ProofKind);

/** A passkey, on a phone or on a security key. */
export const isKey = (kind: string): kind is 'passkey' | 'hardware-key' => kind === 'passkey' || kind === 'hardware-key';

/** The alternatives that this page can ask for. */
export const askable = (recovery: readonly (readonly string[])[]): WayKind[][] =>
  recovery.filter((way) => way.length > 0 && way.every((kind) => isTyped(kind) || kind === 'vouching')) as WayKind[][];

/** Whether somebody's word is part of it. */
export const isVouched = (way: readonly string[]): boolean => way.includes('vouching');
