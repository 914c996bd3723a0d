import { expect, test, vi } from 'vitest';
import { lazy } from '../src/ui/lazy';

const effects: (() => void)[] = [];
const again = vi.hoisted(() => vi.fn());
vi.mock('preact/hooks', async (original) => ({
  ...(await original<object>()),
  useState: (value: unknown) => [value, again],
  useEffect: (fn: () => void) => void effects.push(fn),
}));
vi.mock('../src/i18n', async (original) => ({ ...(await original<object>()), says: () => () => Promise.resolve() }));

// Whoever gets a screen ready while the session is asked for may be done between
// this screen's rendering and its effect.
test('a screen whose code comes between its rendering and its effect is shown', async () => {
  const Screen = () => null;
  const load = vi.fn(() => Promise.resolve(Screen));
  const screen = lazy(load);
  screen.Screen({ params: {} });
  screen.warm();
  await vi.waitFor(() => {
    expect(screen.Screen({ params: {} }).type).toBe(Screen);
  });
  expect(again).not.toHaveBeenCalled();
  effects[0]?.();
  expect(again).toHaveBeenCalled();
  expect(load).toHaveBeenCalledTimes(1);
});
