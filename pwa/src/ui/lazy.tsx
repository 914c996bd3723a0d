// Screens that are loaded when they are opened, and the texts that they need.
import type { ComponentType, VNode } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { speakInside } from '../i18n';
import { asProblem } from '../lib/api';
import { Failed } from '../screens/trouble';
import { Skeleton } from './kit';

type Params = Record<string, string>;
export type ScreenType = ComponentType<{ params: Params }>;

export interface Lazy {
  Screen: (props: { params: Params }) => VNode;
  /** Loads the code ahead of the tap. */
  warm(): void;
}

/** The code of this version is gone from the server, or there is no network. */
class ChunkError extends Error {
  override name = 'ChunkError';
}

/** texts: those that the screen says. */
export function lazy(load: () => Promise<ScreenType>, texts: () => Promise<void> = speakInside): Lazy {
  let loaded: ScreenType | null = null;
  const fetchOnce = async () => {
    try {
      [loaded] = await Promise.all([load(), texts()]);
    } catch {
      throw new ChunkError();
    }
  };
  function Screen({ params }: { params: Params }) {
    const [error, setError] = useState<unknown>(null);
    const [, again] = useState(0);
    const Loaded = loaded;
    useEffect(() => {
      if (Loaded) return;
      // Somebody else's load may have ended between the rendering and now.
      if (loaded) again(1);
      else fetchOnce().then(() => again(1), setError);
    }, []);
    if (error) return <Failed problem={asProblem(error)} retry={() => location.reload()} />;
    return Loaded ? <Loaded params={params} /> : <Skeleton />;
  }
  return { Screen, warm: () => void fetchOnce().catch(() => undefined) };
}
