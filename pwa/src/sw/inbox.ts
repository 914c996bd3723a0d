// The approvals inbox stays readable without a network: the last answer is kept,
// and only that, where the server says that the device is the person's own. The page
// deletes it by the cache's name when the person leaves.
export const INBOX_CACHE = 'latchkey-inbox';
export const INBOX_PATH = '/api/inbox';
/** Lets an answer be kept. */
const KEEP = 'x-latchkey-keep';
/** Says when a kept answer was given. */
const KEPT = 'x-latchkey-kept';
/** With something to show, nobody waits longer for what is newer. */
const PATIENCE_MS = 5000;

/** The network first; the kept answer when there is none, or it is too slow. */
export async function inbox(request: Request, later: (work: Promise<unknown>) => void): Promise<Response> {
  const kept = await caches.match(INBOX_PATH, { cacheName: INBOX_CACHE });
  try {
    const answer = await fetch(request, kept ? { signal: AbortSignal.timeout(PATIENCE_MS) } : {});
    if (answer.ok && answer.headers.has(KEEP)) later(keep(answer.clone()));
    else if (answer.ok || answer.status === 401 || answer.status === 403) await caches.delete(INBOX_CACHE);
    return answer;
  } catch {
    return kept ?? Response.error();
  }
}

async function keep(answer: Response): Promise<void> {
  const body = await answer.text();
  const headers = { 'Content-Type': 'application/json', [KEPT]: new Date().toISOString() };
  const cache = await caches.open(INBOX_CACHE);
  await cache.put(INBOX_PATH, new Response(body, { headers }));
}
