// What was typed and chosen on the way in without a passkey. It is noted in the
// tab's history, so that a reload loses nothing; the codes are nowhere but on the screen.
import type { Kind } from '../../api-types';
import { noted } from '../../lib/router';

/** What somebody can come for. */
export const wants = ['unlock', 'reset', 'enrol'] as const;
export type Want = (typeof wants)[number];

export interface Draft {
  name: string;
  want: Want;
  /** Which of the alternatives. */
  way: number;
  /** Of the server, from the second step on; '' on the first. */
  token: string;
  /** Nothing of what is asked for is at hand. */
  none: boolean;
}

const empty: Draft = { name: '', want: 'unlock', way: 0, token: '', none: false };

/** What was noted here, as far as it is whole. ways: how many alternatives there are. */
export function readDraft(found: unknown, ways: number): Draft {
  const d = (typeof found === 'object' && found !== null ? found : {}) as Partial<Record<keyof Draft, unknown>>;
  const text = (v: unknown) => (typeof v === 'string' ? v : '');
  const way = typeof d.way === 'number' && Number.isInteger(d.way) && d.way >= 0 && d.way < ways ? d.way : 0;
  return {
    name: text(d.name),
    want: wants.find((w) => w === d.want) ?? empty.want,
    way,
    token: d.way === way ? text(d.token) : '',
    none: d.none === true,
  };
}

export const notedDraft = (ways: number) => readDraft(noted(), ways);

/** The first step again, with all that was said there. */
export const anew = (draft: Draft): Draft => ({ ...draft, token: '', none: false });

/** As one may come from elsewhere: to ask for something. */
export const wanting = (kind: Kind): Partial<Draft> => ({ want: wants.find((w) => w === kind) ?? empty.want, way: 0 });
