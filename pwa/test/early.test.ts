import { beforeEach, expect, test, vi } from 'vitest';

const asked: string[] = [];
beforeEach(() => {
  vi.resetModules();
  asked.length = 0;
  vi.stubGlobal('fetch', (path: string) => {
    asked.push(path);
    return new Promise(() => undefined); // still on its way
  });
  const kept = new Map<string, string>();
  vi.stubGlobal('localStorage', { getItem: (k: string) => kept.get(k) ?? null, setItem: (k: string, v: string) => kept.set(k, v), removeItem: (k: string) => kept.delete(k) });
});

async function open(path: string, signedIn: boolean): Promise<string[]> {
  const { keep } = await import('../src/lib/keep');
  if (signedIn) keep('in', '1');
  const { askEarly } = await import('../src/app');
  askEarly(path);
  return asked;
}

test.each([
  ['/', ['/api/me']],
  ['/account', ['/api/me']],
  ['/request/01a2', ['/api/me', '/api/requests/01a2']],
  ['/review/01a2', ['/api/me', '/api/reviews/01a2']],
  ['/help', []],
  ['/enrol', []],
  ['/nowhere', []],
])('%s asks for what its first screen shows before anything is rendered', async (path, wanted) => {
  expect(await open(path, true)).toEqual(wanted);
});

test('where nobody was signed in nothing is asked for', async () => {
  expect(await open('/request/01a2', false)).toEqual([]);
});

test('what was asked for early is not asked for again', async () => {
  await open('/request/01a2', true);
  const [{ refresh }, { ahead }] = await Promise.all([import('../src/lib/session'), import('../src/lib/resource')]);
  void refresh();
  ahead('/api/requests/01a2');
  expect(asked).toEqual(['/api/me', '/api/requests/01a2']);
});
