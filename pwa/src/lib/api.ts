// One way to the server: JSON in, JSON out, every failure an ApiError with a
// stable code that the catalogues translate.
import type {} from '../early';
import type { Problem } from '../api-types';

/** A request gives up after this long; the directory itself is given less. */
const TIMEOUT_MS = 30_000;

/** What is read, or begun anew, this long after the last touch is by the page itself, and keeps nobody signed in. */
const ATTENDED_MS = 60_000;
let touched = Date.now();
for (const sign of ['pointerdown', 'keydown', 'wheel', 'pageshow'])
  globalThis.addEventListener?.(sign, () => (touched = Date.now()), { capture: true, passive: true });

export class ApiError extends Error {
  constructor(readonly problem: Problem) {
    super(problem.code);
  }
}

/** An ApiError for what never reached the server, or never came back. */
export function localProblem(code: string, status = 0): ApiError {
  return new ApiError({ type: 'about:blank', title: code, status, code });
}

/** Any thrown value as a problem that can be shown. */
export function asProblem(e: unknown): Problem {
  if (e instanceof ApiError) return e.problem;
  return localProblem(e instanceof Error && e.name === 'ChunkError' ? 'app.outdated' : 'app.fault').problem;
}

type Method = 'GET' | 'POST' | 'PATCH';
type Listener = (problem: Problem) => void;

const unauthorised = new Set<Listener>();

/** Calls fn whenever the server says that the session is over. */
export function onUnauthorised(fn: Listener): void {
  unauthorised.add(fn);
}

export const get = <T>(path: string, signal?: AbortSignal) => call<T>('GET', path, undefined, signal);
export const post = <T>(path: string, body: unknown = {}, signal?: AbortSignal) => call<T>('POST', path, body, signal);
export const patch = <T>(path: string, body: unknown) => call<T>('PATCH', path, body);

async function call<T>(method: Method, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  const response = await send(method, path, body, signal);
  if (response.ok) return (response.status === 204 ? undefined : marked(await parse(response), response)) as T;
  const problem = await readProblem(response);
  if (response.status === 401) unauthorised.forEach((fn) => fn(problem));
  throw new ApiError(problem);
}

async function send(method: Method, path: string, body: unknown, signal?: AbortSignal): Promise<Response> {
  const limit = AbortSignal.timeout(TIMEOUT_MS);
  const init: RequestInit = {
    method,
    credentials: 'same-origin',
    cache: 'no-store',
    redirect: 'error',
    headers: { Accept: 'application/json' },
    signal: signal ? anySignal(signal, limit) : limit,
  };
  if (body !== undefined) {
    init.body = JSON.stringify(body);
    init.headers = { ...init.headers, 'Content-Type': 'application/json' };
  }
  const quiet = method === 'GET' || path.endsWith('/begin');
  if (quiet && Date.now() - touched > ATTENDED_MS) init.headers = { ...init.headers, 'X-Latchkey-Unattended': '1' };
  try {
    return await ((method === 'GET' && takeEarly(path)) || fetch(path, init));
  } catch (e) {
    if (signal?.aborted) throw e;
    throw localProblem(limit.aborted ? 'network.slow' : 'network.offline');
  }
}

// Whichever of the two scripts comes second sees that: early.ts asks for nothing once this is here.
globalThis.latchkeyEarly ??= {};

/** Forgets what early.ts asked for, and nobody took: it may be another session's, or old. */
export function dropEarly(): void {
  globalThis.latchkeyEarly = {};
}

/** What early.ts asked for before this was here; once. */
function takeEarly(path: string): Promise<Response> | undefined {
  const asked = globalThis.latchkeyEarly?.[path];
  delete globalThis.latchkeyEarly?.[path];
  return asked;
}

/** AbortSignal.any, which is younger than some phones in use. */
function anySignal(...signals: AbortSignal[]): AbortSignal {
  const both = new AbortController();
  for (const s of signals) {
    if (s.aborted) both.abort(s.reason);
    s.addEventListener('abort', () => both.abort(s.reason), { once: true });
  }
  return both.signal;
}

/** Says when an answer is one that the worker kept: the inbox without a network. */
function marked(value: unknown, response: Response): unknown {
  const kept = response.headers.get('X-Latchkey-Kept');
  return kept ? { ...(value as object), kept } : value;
}

async function parse(response: Response): Promise<unknown> {
  try {
    return await response.json();
  } catch {
    throw localProblem('network.garbled', response.status);
  }
}

/** A proxy in between may answer with a page instead of a problem. */
async function readProblem(response: Response): Promise<Problem> {
  const body = (await response.json().catch(() => null)) as Partial<Problem> | null;
  const retry = Number(response.headers.get('Retry-After')) || undefined;
  const known = typeof body?.code === 'string';
  return {
    type: 'about:blank',
    title: known && typeof body.title === 'string' ? body.title : '',
    status: response.status,
    code: known ? (body.code as string) : response.status >= 500 ? 'network.garbled' : 'app.fault',
    instance: typeof body?.instance === 'string' ? body.instance : undefined,
    retryAfter: typeof body?.retryAfter === 'number' ? body.retryAfter : retry,
    params: known && body.params && typeof body.params === 'object' ? body.params : undefined,
  };
}
