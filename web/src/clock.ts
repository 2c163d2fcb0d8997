// The wall clock in Unix milliseconds, finer than a millisecond where the browser allows it.
//
// `Date.now()` is whole milliseconds, too coarse for a message that takes half of one. The monotonic
// clock is finer, but it stands still while the machine sleeps, so it is tied to the wall clock anew
// whenever the two have drifted apart.

/** More drift than this means sleep or a clock correction, not the rounding of `Date.now()`. */
const DRIFT_MAX_MS = 2;

export interface Clock {
  /** Unix time in milliseconds, with a fraction. */
  nowMs(): number;
}

export function createClock(wall: () => number, monotonic: () => number, originMs: number): Clock {
  let anchorMs = originMs;
  return {
    nowMs() {
      const wallMs = wall();
      const fineMs = anchorMs + monotonic();
      if (Math.abs(fineMs - wallMs) <= DRIFT_MAX_MS) return fineMs;
      anchorMs += wallMs - fineMs;
      return wallMs;
    },
  };
}

export const clock: Clock = createClock(
  () => Date.now(),
  () => performance.now(),
  performance.timeOrigin,
);
