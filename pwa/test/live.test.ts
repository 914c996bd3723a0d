import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Change } from '../src/lib/live';

/** One browser: tabs share the locks and the air, each has its own page. */
class Browser {
  streams: Stream[] = [];
  answer: () => Response | Promise<Response> = () => this.open();
  private holders = new Map<string, Promise<unknown>>();
  private asking = new Map<string, number>();
  private air = new Set<Air>();
  locks = {
    request: async (name: string, { signal, ifAvailable }: { signal?: AbortSignal; ifAvailable?: boolean }, fn: (lock: object | null) => unknown) => {
      const asking = this.asking.get(name) ?? 0;
      if (ifAvailable && asking > 0) return void (await fn(null));
      this.asking.set(name, asking + 1);
      const before = this.holders.get(name) ?? Promise.resolve();
      const gone = new Promise<never>((_, reject) => signal?.addEventListener('abort', () => reject(new Error('aborted'))));
      const mine = Promise.race([before, gone]).then(() => fn({}));
      const over = () => void this.asking.set(name, (this.asking.get(name) ?? 0) - 1);
      mine.then(over, over);
      this.holders.set(name, before.then(() => mine.catch(() => undefined)));
      await mine;
    },
  };

  open(): Response {
    const stream = new Stream();
    this.streams.push(stream);
    return new Response(stream.body, { status: 200 });
  }

  channel(): Air {
    const air: Air = {
      onmessage: null,
      postMessage: (data) => [...this.air].filter((a) => a !== air).forEach((a) => a.onmessage?.({ data })),
      close: () => this.air.delete(air),
    };
    this.air.add(air);
    return air;
  }
}

interface Air {
  onmessage: ((e: { data: unknown }) => void) | null;
  postMessage(data: unknown): void;
  close(): void;
}

class Stream {
  private out?: ReadableStreamDefaultController<Uint8Array>;
  body = new ReadableStream<Uint8Array>({ start: (c) => void (this.out = c) });
  send = (text: string) => this.out?.enqueue(new TextEncoder().encode(text));
  beat = () => this.send(': \n\n');
  change = (id: string, version: number) => this.send(`event: request\ndata: {"id":"${id}","version":${version}}\n\n`);
  end = () => { try { this.out?.close(); } catch { /* ended before */ } };
}

/** A page with the module loaded anew, and what it was told. */
async function tab() {
  vi.resetModules();
  const page = Object.assign(new EventTarget(), { visibilityState: 'visible' });
  const win = new EventTarget();
  vi.stubGlobal('document', page);
  vi.stubGlobal('window', win);
  const { onChange } = await import('../src/lib/live');
  const told: (Change | null)[] = [];
  const use = () => {
    vi.stubGlobal('document', page);
    vi.stubGlobal('window', win);
  };
  const show = (visibilityState: 'visible' | 'hidden') => {
    use();
    page.visibilityState = visibilityState;
    page.dispatchEvent(new Event('visibilitychange'));
    return settle();
  };
  const listen = async () => {
    use();
    const off = onChange((c) => told.push(c));
    await settle();
    return off;
  };
  return { told, use, show, listen, online: () => (use(), win.dispatchEvent(new Event('online')), settle()) };
}

const settle = () => vi.advanceTimersByTimeAsync(0);
const seconds = (n: number) => vi.advanceTimersByTimeAsync(n * 1000);

let browser: Browser;

beforeEach(() => {
  vi.useFakeTimers();
  browser = new Browser();
  vi.stubGlobal('navigator', { locks: browser.locks, languages: ['en'] });
  vi.stubGlobal('BroadcastChannel', function () { return browser.channel(); });
  vi.stubGlobal('fetch', async (_: string, { signal }: RequestInit) => {
    const response = await browser.answer();
    const stream = browser.streams.at(-1);
    signal?.addEventListener('abort', () => { try { stream?.end(); } catch { /* it ended by itself */ } });
    return response;
  });
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test('an event reaches the screens, with its id and nothing else', async () => {
  const one = await tab();
  await one.listen();
  expect(one.told).toEqual([null]); // opened: what was before may have been missed
  browser.streams[0]?.change('a', 7);
  await settle();
  expect(one.told).toEqual([null, { id: 'a', version: 7 }]);
});

/** The server takes its time to open a stream; what it returns lets it. */
function slowly(): () => Promise<void> {
  let answer = () => undefined as void;
  const waited = new Promise<void>((resolve) => (answer = resolve));
  browser.answer = () => waited.then(() => browser.open());
  return async () => {
    answer();
    await settle();
  };
}

test('what changed between a first reading and the stream is read, and nothing is before', async () => {
  const open = slowly();
  const one = await tab();
  await one.listen();
  await one.listen(); // another screen, meanwhile
  expect(one.told).toEqual([]);
  await open();
  expect(one.told).toEqual([null, null]); // each of the two
});

test('a screen that comes to an open stream is told at once, and it alone', async () => {
  const one = await tab();
  await one.listen();
  const heard: (Change | null)[] = [];
  one.use();
  const { onChange } = await import('../src/lib/live');
  onChange((c) => heard.push(c));
  expect(heard).toEqual([null]);
  expect(one.told).toEqual([null]);
  browser.streams[0]?.change('a', 7);
  await settle();
  expect(heard).toEqual([null, { id: 'a', version: 7 }]);
});

test('a tab that comes to another tab’s stream is told at once, and it alone', async () => {
  const first = await tab();
  const second = await tab();
  await first.listen();
  await second.listen();
  expect([first.told, second.told]).toEqual([[null], [null]]);
  await second.listen();
  expect([first.told, second.told]).toEqual([[null], [null, null]]);
});

test('a tab that comes while another opens the stream hears when it is open', async () => {
  const open = slowly();
  const first = await tab();
  const second = await tab();
  await first.listen();
  await second.listen();
  await open();
  expect([first.told, second.told]).toEqual([[null], [null, null]]);
});

test('one stream serves every tab of the browser', async () => {
  const first = await tab();
  const second = await tab();
  await first.listen();
  await second.listen();
  expect(browser.streams).toHaveLength(1);
  browser.streams[0]?.change('a', 2);
  await settle();
  expect(second.told).toContainEqual({ id: 'a', version: 2 });
});

test('when the tab with the stream is hidden another takes over, and reads again', async () => {
  const first = await tab();
  const second = await tab();
  await first.listen();
  await second.listen();
  expect(second.told).toEqual([null]);
  await first.show('hidden');
  await settle();
  expect(browser.streams).toHaveLength(2);
  expect(second.told).toEqual([null, null]);
  browser.streams[1]?.change('b', 1);
  await settle();
  expect(second.told).toContainEqual({ id: 'b', version: 1 });
  expect(first.told).not.toContainEqual({ id: 'b', version: 1 });
});

test('a hidden page holds nothing and asks nothing; seen again, it reads again', async () => {
  const one = await tab();
  await one.listen();
  await one.show('hidden');
  await seconds(300);
  expect(one.told).toHaveLength(1);
  expect(browser.streams).toHaveLength(1);
  await one.show('visible');
  expect(browser.streams).toHaveLength(2);
  expect(one.told).toHaveLength(2);
});

test('heartbeats are heard: no polling while they come', async () => {
  const one = await tab();
  await one.listen();
  for (let i = 0; i < 8; i++) {
    await seconds(15);
    browser.streams[0]?.beat();
    await settle();
  }
  expect(one.told).toEqual([null]);
  expect(browser.streams).toHaveLength(1);
});

test('two silent heartbeats: the stream is opened anew, and meanwhile the page asks', async () => {
  const one = await tab();
  await one.listen();
  browser.answer = () => Promise.reject(new TypeError('gone'));
  await seconds(30);
  expect(one.told).toHaveLength(1);
  await seconds(5);
  expect(one.told).toHaveLength(2);
  await seconds(40);
  expect(one.told).toHaveLength(4);
  browser.answer = () => browser.open();
  await seconds(20);
  expect(browser.streams).toHaveLength(2);
  const count = one.told.length;
  for (let i = 0; i < 4; i++) {
    browser.streams[1]?.beat();
    await seconds(15);
  }
  expect(one.told).toHaveLength(count);
});

test('a restarted server is found within seconds, and what was missed is read', async () => {
  const one = await tab();
  await one.listen();
  browser.answer = () => new Response('', { status: 502 });
  browser.streams[0]?.end();
  await seconds(2);
  browser.answer = () => browser.open();
  await seconds(2);
  expect(browser.streams).toHaveLength(2);
  expect(one.told).toEqual([null, null]);
});

test('tabs without the stream poll when it is down, and are told when it is back', async () => {
  const first = await tab();
  const second = await tab();
  await first.listen();
  await second.listen();
  browser.answer = () => new Response('', { status: 503 });
  browser.streams[0]?.end();
  await seconds(45);
  expect(second.told.length).toBeGreaterThanOrEqual(2);
  browser.answer = () => browser.open();
  const before = second.told.length;
  await seconds(20);
  expect(second.told.length).toBeGreaterThan(before);
});

test('a session that is over is read once, which says so, and then asked seldom', async () => {
  browser.answer = () => new Response('', { status: 401 });
  const fetched = vi.spyOn(globalThis, 'fetch');
  const one = await tab();
  await one.listen();
  expect(one.told).toEqual([null]);
  await seconds(59);
  expect(fetched.mock.calls.length).toBeLessThanOrEqual(3);
});

test('a session that ends while the stream is open is read about as soon as that is known', async () => {
  const one = await tab();
  await one.listen();
  const before = one.told.length;
  browser.answer = () => new Response('', { status: 401 });
  browser.streams[0]?.end();
  await seconds(3);
  expect(one.told.slice(before)).toEqual([null]);
});

test('the network is back: the stream is opened at once', async () => {
  browser.answer = () => Promise.reject(new TypeError('offline'));
  const one = await tab();
  await one.listen();
  await seconds(30);
  browser.answer = () => browser.open();
  await one.online();
  expect(browser.streams).toHaveLength(1);
  expect(one.told.at(-1)).toBeNull();
});

test('without locks each tab has a stream of its own', async () => {
  vi.stubGlobal('navigator', { languages: ['en'] });
  const first = await tab();
  const second = await tab();
  await first.listen();
  await second.listen();
  expect(browser.streams).toHaveLength(2);
});

test('from one screen to the next the stream stays; after the last it is closed', async () => {
  const one = await tab();
  const off = await one.listen();
  off();
  await seconds(1);
  const again = await one.listen();
  expect(browser.streams).toHaveLength(1);
  again();
  await seconds(5);
  await one.listen();
  expect(browser.streams).toHaveLength(2);
});

test('tabs that can’t agree on one stream end up asking seldom', async () => {
  vi.stubGlobal('navigator', { languages: ['en'] });
  const one = await tab();
  const other = await tab();
  browser.answer = () => {
    browser.streams.at(-1)?.end(); // the server lets a session have one
    return browser.open();
  };
  await one.listen();
  await other.listen();
  await seconds(120);
  const before = browser.streams.length;
  await seconds(60);
  expect(browser.streams.length - before).toBeLessThanOrEqual(8);
});

test('where the server lost some, everything is read again', async () => {
  const one = await tab();
  await one.listen();
  browser.streams[0]?.send('event: hello\ndata: {}\n\nevent: resync\ndata: {}\n\n');
  await settle();
  expect(one.told).toEqual([null, null]);
});

test('events come in any pieces, and what is no event of ours is passed over', async () => {
  const { takeEvents } = await import('../src/lib/live');
  const got: (Change | null)[] = [];
  const feed = ': beat\r\n\r\nevent: request\r\ndata: {"id":"a","version":1}\r\n\r\nevent: other\ndata: {"id":"x","version":1}\n\nevent: request\ndata: nonsense\n\nevent: request\ndata: {"id":5}\n\nevent: request\ndata: {"id":"b","version":2}\n\n';
  let rest = '';
  for (const c of feed) rest = takeEvents(rest + c, (change) => got.push(change));
  expect(got).toEqual([{ id: 'a', version: 1 }, { id: 'b', version: 2 }]);
  expect(rest).toBe('');
});
