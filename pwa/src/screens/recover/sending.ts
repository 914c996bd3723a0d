// Codes by mail and text message on the way in: sent as the step opens, and again when
// asked. The server never says whether one went out.
import { useEffect, useState } from 'preact/hooks';
import type { Problem, ProofKind, SentKind } from '../../api-types';
import { useAct } from '../../lib/act';
import { ApiError, post } from '../../lib/api';
import { kindsSent } from '../../ui/given';
import { begun, type Draft } from './draft';

export interface Codes {
  kinds: SentKind[];
  /** At least one was not sent: that comes first. */
  due: boolean;
  busy: boolean;
  problem: Problem | null;
  /** Sends one again, or all that were not sent. */
  send(again?: SentKind): Promise<void>;
}

export function useSending(draft: Draft, of: ProofKind[], onChange: (part: Partial<Draft>) => void): Codes {
  const act = useAct();
  const kinds = kindsSent(of);
  const [tried, setTried] = useState(false);
  const unsent = kinds.filter((kind) => !draft.sent[kind]);
  const send = (again?: SentKind) =>
    act.run(async () => {
      setTried(true);
      let { token } = draft;
      const sent = { ...draft.sent };
      const one = async (kind: SentKind) => {
        ({ token } = await post<{ token: string }>('/api/recover/send', { token, kind }));
        sent[kind] = Date.now();
        onChange({ token, sent: { ...sent } });
      };
      try {
        for (const kind of again ? [again] : unsent) await one(kind);
      } catch (e) {
        if (!(e instanceof ApiError) || e.problem.code !== 'ceremony.unknown') throw e;
        const anew = await begun(draft);
        ({ token } = anew);
        onChange(anew);
        for (const kind of kinds) await one(kind); // what was sent before counts no more
      }
    });
  useEffect(() => {
    if (unsent.length > 0) void send();
  }, []);
  return { kinds, due: unsent.length > 0 && tried && !act.busy, busy: act.busy, problem: act.problem, send };
}
