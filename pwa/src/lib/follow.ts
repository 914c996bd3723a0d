// Changes as they happen, for a screen: the stream of them comes behind the first picture.
import { useEffect } from 'preact/hooks';
import { later } from './paint';

/** As the stream does where it is broken (live.ts, which may not be here). */
const POLL_MS = 20_000;

/** Reads again whenever one request changes, or, with null, any of them. */
export function useLive(id: string | null, reload: () => void): void {
  useEffect(() => {
    let gone = false;
    let off = () => undefined as void;
    const follow = async () => {
      const { onChange } = await import('./live');
      if (gone) return;
      off = onChange((change) => (!change || id === null || change.id === id) && reload());
    };
    const soon = later(() => void follow().catch(poll));
    function poll() {
      if (gone) return;
      const timer = setTimeout(() => {
        if (!document.hidden) reload();
        void follow().catch(poll);
      }, POLL_MS);
      off = () => clearTimeout(timer);
    }
    return () => {
      gone = true;
      soon();
      off();
    };
  }, [id, reload]);
}
