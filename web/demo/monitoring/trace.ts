// The last half minute of a sector's prices, ready to be drawn: whichever of its instruments is chosen has a past at once.
//
// Values lie in arrays twice as long as what is kept, so that what is kept is always one piece of them, and nothing is
// allocated for a message: only every `capacity` messages the newer half moves to the front.

/** Further back is not the same clock any more. */
const CLOCK_PUT_BACK_S = 30;

export class Trace {
  readonly #seconds: Float64Array;
  readonly #prices: readonly Float64Array[];
  #end = 0;

  constructor(
    instruments: number,
    readonly capacity: number,
  ) {
    this.#seconds = new Float64Array(2 * capacity);
    this.#prices = Array.from({ length: instruments }, () => new Float64Array(2 * capacity));
  }

  /** What the server stamped, in seconds; prices in hundredths. */
  push(seconds: number, prices: readonly number[]): void {
    const last = this.#end === 0 ? 0 : (this.#seconds[this.#end - 1] ?? 0);
    // Two lines to one server overlap when one takes over; a clock that was put back begins anew.
    if (seconds < last - CLOCK_PUT_BACK_S) this.clear();
    else if (seconds <= last) return;
    if (this.#end === 2 * this.capacity) this.#moveToFront();
    this.#seconds[this.#end] = seconds;
    for (const [index, kept] of this.#prices.entries()) kept[this.#end] = (prices[index] ?? Number.NaN) / 100;
    this.#end += 1;
  }

  clear(): void {
    this.#end = 0;
  }

  get length(): number {
    return Math.min(this.#end, this.capacity);
  }

  seconds(): Float64Array {
    return this.#seconds.subarray(this.#end - this.length, this.#end);
  }

  prices(instrument: number): Float64Array {
    return (this.#prices[instrument] ?? this.#seconds).subarray(this.#end - this.length, this.#end);
  }

  #moveToFront(): void {
    for (const kept of [this.#seconds, ...this.#prices]) kept.copyWithin(0, this.capacity, 2 * this.capacity);
    this.#end = this.capacity;
  }
}
