import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { afterPaint, later } from '../src/lib/paint';

let frames: (() => void)[];
beforeEach(() => {
  vi.useFakeTimers();
  frames = [];
  vi.stubGlobal('document', { hidden: false });
  vi.stubGlobal('requestAnimationFrame', (fn: () => void) => frames.push(fn));
  vi.stubGlobal('cancelAnimationFrame', (id: number) => (frames[id - 1] = () => undefined));
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const paint = () => frames.splice(0).forEach((fn) => fn());

test('what is behind the picture comes after the frame, once', () => {
  const fn = vi.fn();
  afterPaint(fn);
  paint();
  expect(fn).not.toHaveBeenCalled(); // the frame is still being made
  vi.advanceTimersByTime(1);
  expect(fn).toHaveBeenCalledTimes(1);
  vi.advanceTimersByTime(1000);
  expect(fn).toHaveBeenCalledTimes(1);
});

test('a frame that does not come is not waited for', () => {
  const fn = vi.fn();
  afterPaint(fn);
  vi.advanceTimersByTime(200);
  expect(fn).toHaveBeenCalledTimes(1);
  paint();
  vi.advanceTimersByTime(1000);
  expect(fn).toHaveBeenCalledTimes(1);
});

test('a hidden page paints nothing', () => {
  vi.stubGlobal('document', { hidden: true });
  const fn = vi.fn();
  afterPaint(fn);
  expect(fn).toHaveBeenCalledTimes(1);
});

test.each([['afterPaint', afterPaint], ['later', later]])('what left the screen asks for nothing: %s', (_, wait) => {
  const fn = vi.fn();
  wait(fn)();
  paint();
  vi.advanceTimersByTime(5000);
  expect(fn).not.toHaveBeenCalled();
});
