// What was typed and chosen on the way in without a passkey. It is noted in the
// tab's history, so that a reload loses nothing; the codes and the answers are nowhere
// but on the screen.
import type { Question, RecoverBegun, SentKind } from '../../api-types';
import { post } from '../../lib/api';
import { noted } from '../../lib/router';
import { leadsTo, wantsOf, wayTo, type Lead, type Want } from './leads';

/** When each code was last sent, in ms since 1970. */
export type SentTimes = Partial<Record<SentKind, number>>;

export interface Draft {
  name: string;
  want: Want;
  /** Which of the leads. */
  way: number;
  /** Of the server, from the second step on; '' on the first. */
  token: string;
  /** Those that the server asks. */
  questions: Question[];
  sent: SentTimes;
  /** Nothing of what is asked for is at hand. */
  none: boolean;
}

const empty: Draft = { name: '', want: 'unlock', way: 0, token: '', questions: [], sent: {}, none: false };

const text = (v: unknown) => (typeof v === 'string' ? v : '');
const record = (v: unknown) => (typeof v === 'object' && v !== null ? v : {}) as Record<string, unknown>;

/** Questions as far as they are whole. */
export function readQuestions(found: unknown): Question[] {
  const all = Array.isArray(found) ? found.map(record) : [];
  return all.flatMap((q) => (text(q.id) && text(q.en) && text(q.de) ? [{ id: text(q.id), en: text(q.en), de: text(q.de) }] : []));
}

export function readSent(found: unknown): SentTimes {
  const at = record(found);
  const sent: SentTimes = {};
  for (const kind of ['mail-code', 'sms-code'] as const) if (typeof at[kind] === 'number') sent[kind] = at[kind];
  return sent;
}

/** What was noted here, as far as it is whole and still leads somewhere. */
export function readDraft(found: unknown, leads: readonly Lead[]): Draft {
  const d = record(found) as Partial<Record<keyof Draft, unknown>>;
  const offered = wantsOf(leads);
  const thaw = d.want === 'thaw' && leads.some((lead) => leadsTo(lead, 'thaw'));
  const want = thaw ? 'thaw' : (offered.find((w) => w === d.want) ?? offered[0] ?? empty.want);
  const way = wayTo(leads, want, typeof d.way === 'number' ? d.way : 0);
  const token = d.way === way && d.want === want ? text(d.token) : '';
  return {
    name: text(d.name),
    want,
    way,
    token,
    questions: token ? readQuestions(d.questions) : [],
    sent: token ? readSent(d.sent) : {},
    none: d.none === true,
  };
}

/** What was chosen, as far as it still leads somewhere: the policy may change meanwhile. */
export const fitted = (draft: Draft, leads: readonly Lead[]): Draft => (leads[draft.way] && wayTo(leads, draft.want, draft.way) === draft.way ? draft : readDraft(draft, leads));

export const notedDraft = (leads: readonly Lead[]) => readDraft(noted(), leads);

/** Begins at the server: at first, and where a beginning is too old. */
export async function begun({ name, want }: Draft): Promise<Pick<Draft, 'token' | 'questions' | 'sent'>> {
  const { token, questions } = await post<RecoverBegun>('/api/recover/begin', { name: name.trim(), kind: want });
  return { token, questions: readQuestions(questions), sent: {} };
}

/** The first step again, with all that was said there. */
export const anew = (draft: Draft): Draft => ({ ...draft, token: '', questions: [], sent: {}, none: false });
