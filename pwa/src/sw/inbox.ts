// The approvals inbox stays readable without a network: the last answer is kept,
// and only that, where the server says that the device is the person's own, and for
// how long. The page deletes it by the cache's name when the person leaves.
export const INBOX_CACHE = 'latchkey-inbox';
export const INBOX_PATH = '/api/inbox';
/** Lets an answer be kept until the time that it names: the end of the session. */
const KEEP = 'x-latchkey-keep';
/** Says when a kept answer was given. */
const KEPT = 'x-latchkey-kept';
/** On a kept answer, the time that KEEP named. */
const UNTIL = 'x-latchkey-until';
/** With something to show, nobody waits longer for what is newer. */
const PATIENCE_MS = 5000;

/** The network first; the kept answer when there is none, or it is too slow. */
export async function inbox(request: Request, later: (work: Promise<unknown>) => void): Promise<Response> {
  // Opened before the request leaves: when the page deletes the cache meanwhile, the
  // answer goes into the deleted one, which nobody can read (Service Workers, CacheStorage.delete).
  const cache = await caches.open(INBOX_CACHE);
  const kept = await stillKept(cache);
  try {
    const answer = await fetch(request, kept ? { signal: AbortSignal.timeout(PATIENCE_MS) } : {});
    const until = answer.headers.get(KEEP);
    if (answer.ok && until) later(keep(cache, answer.clone(), until));
    else if (answer.ok || answer.status === 401 || answer.status === 403) await caches.delete(INBOX_CACHE);
    return answer;
  } catch {
    return kept ?? Response.error();
  }
}

/** What is kept, until the session is over; then it goes. */
async function stillKept(cache: Cache): Promise<Response | undefined> {
  const kept = await cache.match(INBOX_PATH);
  if (!kept || Date.now() < Date.parse(kept.headers.get(UNTIL) ?? '')) return kept;
  await cache.delete(INBOX_PATH);
  return undefined;
}

async function keep(cache: Cache, answer: Response, until: string): Promise<void> {
  const body = await answer.text();
  const headers = { 'Content-Type': 'application/json', [KEPT]: new Date().toISOString(), [UNTIL]: until };
  await cache.put(INBOX_PATH, new Response(body, { headers }));
}
