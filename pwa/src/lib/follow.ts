// Changes as they happen, for a screen: the stream of them comes behind the first picture.
import { useEffect } from 'preact/hooks';
import { later } from './paint';

/** Reads again whenever one request changes, or, with null, any of them. */
export function useLive(id: string | null, reload: () => void): void {
  useEffect(() => {
    let gone = false;
    let off = () => undefined as void;
    const follow = async () => {
      const { onChange } = await import('./live');
      if (!gone) off = onChange((change) => (!change || id === null || change.id === id) && reload());
    };
    const soon = later(() => void follow().catch(() => undefined)); // whoever returns to the page reads again
    return () => {
      gone = true;
      soon();
      off();
    };
  }, [id, reload]);
}
