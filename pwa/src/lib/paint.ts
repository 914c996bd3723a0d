// What the first picture doesn't need comes behind it: the network and the processor are for the picture.

/** A page that is hidden paints nothing, and a frame may be long. */
const LATEST_MS = 200;

/** Calls fn once the browser has painted what was rendered before, until the returned function is called. */
export function afterPaint(fn: () => void): () => void {
  if (document.hidden) {
    fn();
    return () => undefined;
  }
  let timer = setTimeout(run, LATEST_MS);
  const frame = requestAnimationFrame(() => {
    clearTimeout(timer);
    timer = setTimeout(run);
  });
  function run() {
    cancelAnimationFrame(frame);
    fn();
  }
  return () => {
    clearTimeout(timer);
    cancelAnimationFrame(frame);
  };
}

/** Until a picture is there, also on a slow phone, whose pictures come in two: the frame and what is in it. */
const LATER_MS = 700;

/** Calls fn once there is time for what nobody waits for, until the returned function is called. */
export function later(fn: () => void): () => void {
  const timer = setTimeout(fn, LATER_MS);
  return () => clearTimeout(timer);
}
