// Runs before the app's own scripts are here, and asks for what its first screen reads;
// lib/api.ts takes the answers. Where that is here already, it asks for nothing: an answer
// that nobody takes at once is an old one later. It imports nothing, so that it is one small
// file, and stands only in documents of screens that are about a person, before the app's.
declare global {
  var latchkeyEarly: Record<string, Promise<Response>> | undefined;
}

/** As lib/api.ts asks. */
const asks: RequestInit = { credentials: 'same-origin', cache: 'no-store', redirect: 'error', headers: { Accept: 'application/json' } };

function wasIn(): boolean {
  try {
    return localStorage.getItem('latchkey.in') !== null;
  } catch {
    return false;
  }
}

if (!globalThis.latchkeyEarly && wasIn()) {
  const [, kind, id] = /^\/(request|review)\/([\w-]+)$/.exec(location.pathname) ?? [];
  globalThis.latchkeyEarly = {};
  for (const path of ['/api/me', ...(kind ? [`/api/${kind}s/${id}`] : [])]) {
    const asked = (globalThis.latchkeyEarly[path] = fetch(path, { ...asks, signal: AbortSignal.timeout(30_000) }));
    asked.catch(() => undefined); // whoever takes it hears of it
  }
}

export {};
