// Messages a second over the last two minutes: one counter a second, reused round and round.

export const WINDOW_S = 120;

export interface RateSeries {
  /** Counts of whole seconds, oldest first, always as long as the window. The running second is not in it. */
  readonly perSecond: number[];
  /** The last whole second. */
  readonly latest: number;
  readonly peak: number;
}

export class RateWindow {
  readonly #counts: Float64Array;
  /** The second, counted from the epoch of the clock given, that was written last. */
  #head: number | undefined;

  constructor(readonly windowS: number = WINDOW_S) {
    // One more than is shown, for the second that is still running.
    this.#counts = new Float64Array(windowS + 1);
  }

  /** `nowMs` from a clock that does not go back; a step back counts for the newest second. */
  count(nowMs: number, messages = 1): void {
    const slot = this.#advance(nowMs) % this.#counts.length;
    this.#counts[slot] = (this.#counts[slot] ?? 0) + messages;
  }

  series(nowMs: number): RateSeries {
    const head = this.#advance(nowMs);
    const size = this.#counts.length;
    const perSecond: number[] = [];
    let peak = 0;
    for (let second = head - this.windowS; second < head; second += 1) {
      const count = this.#counts[((second % size) + size) % size] ?? 0;
      perSecond.push(count);
      peak = Math.max(peak, count);
    }
    return { perSecond, latest: perSecond[perSecond.length - 1] ?? 0, peak };
  }

  /** Moves to the second of `nowMs`, emptying the counters of the seconds passed over. */
  #advance(nowMs: number): number {
    const second = Math.floor(nowMs / 1000);
    if (this.#head === undefined) {
      this.#head = second;
      return second;
    }
    if (second <= this.#head) return this.#head;
    const size = this.#counts.length;
    const steps = Math.min(second - this.#head, size);
    for (let step = 0; step < steps; step += 1) this.#counts[(second - step) % size] = 0;
    this.#head = second;
    return second;
  }
}
