// Changes as they happen. One tab of a browser holds a stream of the server's
// events and tells the others; a page that is hidden holds nothing; and where the
// stream is silent or broken, the pages ask every 20 seconds. A change carries an
// id only: whoever shows it reads it again. The stream is read with fetch and not
// by EventSource, which hides the heartbeats (they are comments) and the status.
export interface Change {
  id: string;
  version: number;
}

/** Told of one change, or of null: something may have been missed, read again. */
export type Listener = (change: Change | null) => void;

/** Two heartbeats of the server, 15 s each, and a bit. */
export const SILENT_MS = 35_000;
export const POLL_MS = 20_000;
const TICK_MS = 5_000;
const RETRY_MS = [1_000, 2_000, 5_000, 10_000, 20_000];
/** A stream that ended sooner counts as a failure: the server lets a session have one,
 *  and two tabs that can't agree would end each other's for ever. */
const LIVED_MS = 30_000;
/** From one screen to the next the stream stays. */
const LINGER_MS = 2_000;
/** No event is this long; what is longer is no stream of ours. */
const LONGEST = 65_536;
const NAME = 'latchkey-live';

/** What the tab with the stream tells the others. */
type Message = 'beat' | 'down' | { change: Change | null };

const listeners = new Set<Listener>();
let attached = false;
let run: AbortController | null = null;
let channel: BroadcastChannel | null = null;
let connection: { abort: AbortController; since: number } | null = null;
let heard = 0;
let told = 0;
let down = false;
/** Whether a stream of this tab is still to be opened: then everybody is told null. */
let opening = false;

/** Calls fn on every change of what this person may see, until the returned function is
 *  called; and once with null, when nothing after the call can be missed any more. */
export function onChange(fn: Listener): () => void {
  listeners.add(fn);
  attach();
  start();
  if (run && !opening) fn(null); // the stream told the others what changed before
  return () => {
    listeners.delete(fn);
    setTimeout(() => listeners.size === 0 && stop(), LINGER_MS);
  };
}

function attach(): void {
  if (attached) return;
  attached = true;
  document.addEventListener('visibilitychange', () => (document.visibilityState === 'visible' ? start() : stop()));
  window.addEventListener('pagehide', stop); // a page with an open stream can't be kept for "back"
  window.addEventListener('pageshow', start);
  window.addEventListener('online', () => {
    stop();
    start();
  });
}

function start(): void {
  if (run || listeners.size === 0 || document.visibilityState !== 'visible') return;
  const mine = (run = new AbortController());
  heard = told = Date.now();
  down = false;
  opening = true;
  const timer = setInterval(watch, TICK_MS);
  const air = 'BroadcastChannel' in globalThis ? new BroadcastChannel(NAME) : null;
  if (air) air.onmessage = (e: MessageEvent<Message>) => take(e.data);
  channel = air;
  mine.signal.addEventListener('abort', () => {
    clearInterval(timer);
    air?.close();
  });
  void lead(mine.signal);
}

function stop(): void {
  run?.abort();
  run = channel = null;
}

/** Waits until no other tab has the stream; without locks each tab has its own. */
async function lead(signal: AbortSignal): Promise<void> {
  if (!channel || !navigator.locks) return stream(signal);
  try {
    await navigator.locks.request(NAME, { ifAvailable: true }, (lock) => lock && stream(signal));
    if (signal.aborted) return;
    opening = false;
    tell(null); // another tab's stream was open before
    await navigator.locks.request(NAME, { signal }, () => stream(signal));
  } catch {
    if (!signal.aborted) await stream(signal);
  }
}

async function stream(signal: AbortSignal): Promise<void> {
  let refused = false;
  for (let tries = 0; !signal.aborted; tries++) {
    const opened = Date.now();
    const status = await connect(signal, () => {
      opening = false;
      say({ change: null }); // what changed before it was open
    });
    if (signal.aborted) return;
    if (Date.now() - opened >= LIVED_MS) tries = 0;
    if (status === 401 && !refused) say({ change: null }); // reading again says why
    refused = status === 401;
    say('down');
    await pause(status === 401 ? POLL_MS : (RETRY_MS[Math.min(tries, RETRY_MS.length - 1)] ?? POLL_MS), signal);
  }
}

/** Reads the stream to its end, and answers the status; 0 where there was none. */
async function connect(signal: AbortSignal, opened: () => void): Promise<number> {
  const abort = new AbortController();
  signal.addEventListener('abort', () => abort.abort(), { signal: abort.signal });
  connection = { abort, since: Date.now() };
  try {
    const response = await fetch('/api/live', {
      headers: { Accept: 'text/event-stream' },
      credentials: 'same-origin',
      cache: 'no-store',
      redirect: 'error',
      priority: 'low', // whatever the page itself needs comes first; and a stream is not a page that still loads
      signal: abort.signal,
    });
    if (response.status !== 200 || !response.body) return response.status;
    opened();
    await read(response.body);
    return response.status;
  } catch {
    return 0;
  } finally {
    abort.abort();
  }
}

async function read(body: ReadableStream<Uint8Array>): Promise<void> {
  const reader = body.getReader();
  const text = new TextDecoder();
  for (let rest = ''; rest.length < LONGEST; ) {
    const { done, value } = await reader.read();
    if (done) return;
    say('beat');
    rest = takeEvents(rest + text.decode(value, { stream: true }), (change) => say({ change }));
  }
}

/** Gives every whole event in the text to fn (null: some were lost), and returns what is not whole yet. */
export function takeEvents(text: string, fn: Listener): string {
  const blocks = text.split(/\r?\n\r?\n/);
  const rest = blocks.pop() ?? '';
  for (const block of blocks) {
    const change = changeOf(block.split(/\r?\n/));
    if (change !== undefined) fn(change);
  }
  return rest;
}

function changeOf(lines: string[]): Change | null | undefined {
  const field = (name: string) => lines.filter((l) => l.startsWith(`${name}:`)).map((l) => l.slice(name.length + 1).trim());
  const [event] = field('event');
  if (event === 'resync') return null;
  if (event !== 'request') return undefined;
  try {
    const { id, version } = JSON.parse(field('data').join('\n')) as Change;
    return typeof id === 'string' && typeof version === 'number' ? { id, version } : undefined;
  } catch {
    return undefined;
  }
}

function say(message: Message): void {
  channel?.postMessage(message);
  take(message);
}

function take(message: Message): void {
  if (message === 'down') {
    down = true;
    return;
  }
  down = false;
  heard = Date.now();
  if (message !== 'beat') tell(message.change);
}

function tell(change: Change | null): void {
  told = Date.now();
  for (const fn of [...listeners]) fn(change);
}

/** Polls where nothing is heard. A sleeping device wakes here with a dead stream. */
function watch(): void {
  const now = Date.now();
  const silent = now - heard >= SILENT_MS;
  if (silent && connection && now - connection.since >= SILENT_MS) connection.abort.abort();
  if ((silent || down) && now - told >= POLL_MS) tell(null);
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    }, { once: true });
  });
}
