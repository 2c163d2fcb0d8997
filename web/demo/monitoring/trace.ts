// The last half minute of a sector's prices, ready to be drawn: whichever of its instruments is chosen has a past at once.
//
// Values lie in arrays twice as long as what is kept, so that what is kept is always one piece of them, and nothing is
// allocated for a message: only every `capacity` messages the newer half moves to the front.

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
    if (this.#end === 2 * this.capacity) this.#moveToFront();
    this.#seconds[this.#end] = seconds;
    for (const [index, kept] of this.#prices.entries()) kept[this.#end] = (prices[index] ?? Number.NaN) / 100;
    this.#end += 1;
  }

  /** What was before belongs to another line. */
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
