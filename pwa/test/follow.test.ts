import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { useLive } from '../src/lib/follow';
import type { Listener } from '../src/lib/live';

const world = vi.hoisted(() => ({ effects: [] as (() => () => void)[], following: new Set<unknown>(), broken: false }));
vi.mock('preact/hooks', async (original) => ({ ...(await original<object>()), useEffect: (fn: () => () => void) => void world.effects.push(fn) }));
vi.mock('../src/lib/live', () => ({
  onChange: (fn: unknown) => {
    if (world.broken) throw new Error('not here');
    world.following.add(fn);
    return () => world.following.delete(fn);
  },
}));

beforeEach(() => {
  vi.useFakeTimers();
  world.effects.length = 0;
});
afterEach(() => void vi.useRealTimers());

/** A screen that is shown; what it returns takes it away. */
function show(id: string | null, reload: () => void): () => void {
  useLive(id, reload);
  return world.effects.pop()!();
}
const loaded = async () => {
  await vi.advanceTimersByTimeAsync(2000);
  vi.useRealTimers();
  await vi.dynamicImportSettled();
};

test('a screen follows its request once its picture is there, until it goes', async () => {
  const reload = vi.fn();
  const leave = show('a', reload);
  expect(world.following.size).toBe(0);
  await loaded();
  expect(reload).not.toHaveBeenCalled(); // the stream says when there may be something new
  const [tell] = world.following as Set<Listener>;
  tell?.({ id: 'another', version: 1 });
  expect(reload).not.toHaveBeenCalled();
  tell?.({ id: 'a', version: 2 });
  expect(reload).toHaveBeenCalledTimes(1);
  tell?.(null);
  expect(reload).toHaveBeenCalledTimes(2);
  leave();
  expect(world.following.size).toBe(0);
});

test('a screen that is gone by then follows nothing', async () => {
  show('a', () => undefined)();
  await loaded();
  expect(world.following.size).toBe(0);
});

test('a screen whose stream can’t be loaded asks every now and then', async () => {
  world.broken = true;
  const reload = vi.fn();
  const leave = show('a', reload);
  await vi.advanceTimersByTimeAsync(2000);
  expect(reload).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(40_000);
  expect(reload).toHaveBeenCalledTimes(2);
  world.broken = false;
  await vi.advanceTimersByTimeAsync(20_000);
  expect(world.following.size).toBe(1);
  leave();
  expect(world.following.size).toBe(0);
});
