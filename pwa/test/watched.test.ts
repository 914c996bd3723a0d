import { afterEach, beforeAll, expect, test, vi } from 'vitest';
import type { Request } from '../src/api-types';
import { says, speak } from '../src/i18n';
import { openWords } from '../src/screens/account';

beforeAll(() => speak('en').then(says('inside', 'account')));
afterEach(() => vi.useRealTimers());

test('an unlock says when it was done, however long it is watched', () => {
  vi.useFakeTimers({ now: new Date('2026-11-28T09:50:00Z') });
  const r = {
    kind: 'unlock', state: 'done', needs: [], relocked: null,
    params: { since: '2026-11-28T09:29:27Z' }, updated: '2026-11-28T09:48:40Z', watchUntil: '2026-11-28T09:59:27Z',
  } as unknown as Request;
  expect(openWords(r)?.title).toMatch(/^Unlocked at .*:29/);
});
