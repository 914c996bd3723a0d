// Where the ways without a passkey lead: which of them, and to what.
import type { Info, Kind, WayKind } from '../../api-types';
import { askable, isVouched } from '../../lib/ways';

/** What somebody can come for. */
export const wants = ['unlock', 'reset', 'one-time', 'enrol'] as const;
/** Or, once they were told that their account is frozen, to say that it is them again. */
export type Want = (typeof wants)[number] | 'thaw';

/** One of the alternatives, and what some rule does for it. */
export interface Lead {
  way: WayKind[];
  wants: (typeof wants)[number][];
}

/** Those that this page can ask for and that lead somewhere. A server that doesn't say where is asked. */
export const leadsOf = ({ recovery, recoveryKinds }: Pick<Info, 'recovery'> & Partial<Info>): Lead[] =>
  recovery.flatMap((found, i) => {
    const kinds = recoveryKinds?.[i];
    const [way] = askable([found]);
    const to = wants.filter((want) => !kinds || kinds.includes(want));
    return way && to.length > 0 ? [{ way, wants: to }] : [];
  });

/** Whether one leads to what is wanted. Whatever is proved may be enough for a thaw: the server knows. Somebody's word is no proof for it. */
export const leadsTo = ({ way, wants: to }: Lead, want: Want): boolean => (want === 'thaw' ? !isVouched(way) : to.includes(want));

/** What somebody can choose to come for here. */
export const wantsOf = (leads: readonly Lead[]): (typeof wants)[number][] => wants.filter((want) => leads.some((lead) => leadsTo(lead, want)));

/** The way that is chosen where that leads to it, else the first that does; -1 for none. */
export const wayTo = (leads: readonly Lead[], want: Want, way: number): number =>
  leads.some((lead, i) => i === way && leadsTo(lead, want)) ? way : leads.findIndex((lead) => leadsTo(lead, want));

/** As one may come from elsewhere: to ask for something. */
export const wanting = (kind: Kind): { want: Want; way: number } => ({ want: wants.find((w) => w === kind) ?? wants[0], way: 0 });
