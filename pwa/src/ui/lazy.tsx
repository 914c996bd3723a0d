// Screens that are loaded when they are opened, and the texts that they need.
import type { ComponentType, JSX, VNode } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { says } from '../i18n';
import { asProblem } from '../lib/api';
import { later } from '../lib/paint';
import { Failed } from '../screens/trouble';
import { Skeleton } from './kit';

type Params = Record<string, string>;
interface Routed {
  params: Params;
}
export type ScreenType = ComponentType<Routed>;

export interface Lazy<P = Routed> {
  Screen: (props: P) => VNode;
  /** Loads the code ahead of the tap. */
  warm(): void;
}

/** The code of this version is gone from the server, or there is no network. */
class ChunkError extends Error {
  override name = 'ChunkError';
}

/** Here before anything is amiss, or else asked for then. */
const ofErrors = () => void says('errors')().catch(() => undefined);

/** texts: those that the screen says. */
export function lazy<P = Routed>(load: () => Promise<ComponentType<P>>, texts = says('inside', 'more')): Lazy<P> {
  let loaded: ComponentType<P> | null = null;
  const fetchOnce = async () => {
    try {
      [loaded] = await Promise.all([load(), texts()]);
    } catch {
      throw new ChunkError();
    }
  };
  function Screen(props: P) {
    const [error, setError] = useState<unknown>(null);
    const [, again] = useState(0);
    const Loaded = loaded;
    useEffect(() => {
      if (Loaded) return;
      // Somebody else's load may have ended between the rendering and now.
      if (loaded) again(1);
      else fetchOnce().then(() => again(1), setError);
    }, []);
    useEffect(() => later(ofErrors), []);
    if (error) return <Failed problem={asProblem(error)} retry={() => location.reload()} />;
    return Loaded ? <Loaded {...(props as P & JSX.IntrinsicAttributes)} /> : <Skeleton />;
  }
  return { Screen, warm: () => void fetchOnce().catch(() => undefined) };
}
