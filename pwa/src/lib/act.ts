// One act of a person: at most one at a time, and its problem.
import { useCallback, useRef, useState } from 'preact/hooks';
import type { Problem } from '../api-types';
import { asProblem } from './api';

export interface Act {
  busy: boolean;
  problem: Problem | null;
  run(fn: () => Promise<unknown>): Promise<void>;
  clear(): void;
}

export function useAct(): Act {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const running = useRef(false);
  const run = useCallback(async (fn: () => Promise<unknown>) => {
    if (running.current) return;
    running.current = true;
    setBusy(true);
    setProblem(null);
    try {
      await fn();
    } catch (e) {
      setProblem(asProblem(e));
    } finally {
      running.current = false;
      setBusy(false);
    }
  }, []);
  const clear = useCallback(() => setProblem(null), []);
  return { busy, problem, run, clear };
}
