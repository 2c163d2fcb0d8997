// What one way of listening has cost so far, and how late it was.

import { Ring } from '../../src/ring.ts';

/** Delays that the middle one is taken from: the newest, so that it follows the sliders. */
const DELAYS_KEPT = 100;

export interface Figures {
  readonly requests: number;
  /** Answers that brought nothing. */
  readonly forNothing: number;
  readonly values: number;
  /** Numbers left out in between: must stay 0. */
  readonly missed: number;
  readonly bytes: number;
  readonly bytesPerValue: number | undefined;
  /** Half of the values came within this. */
  readonly delayMs: number | undefined;
  readonly worstMs: number | undefined;
}

export class Count {
  #requests = 0;
  #forNothing = 0;
  #values = 0;
  #missed = 0;
  #bytes = 0;
  #worstMs: number | undefined;
  #lastOffset: number | undefined;
  readonly #delays = new Ring<number>(DELAYS_KEPT);

  request(bytes: number): void {
    this.#requests += 1;
    this.#bytes += bytes;
  }

  /** Something went over the line, in either direction. */
  passed(bytes: number): void {
    this.#bytes += bytes;
  }

  cameForNothing(): void {
    this.#forNothing += 1;
  }

  value(offset: number, delayMs: number): void {
    if (this.#lastOffset !== undefined) {
      // What has come already is no value more.
      if (offset <= this.#lastOffset) return;
      this.#missed += offset - this.#lastOffset - 1;
    }
    this.#lastOffset = offset;
    this.#values += 1;
    this.#delays.push(delayMs);
    this.#worstMs = Math.max(delayMs, this.#worstMs ?? 0);
  }

  figures(): Figures {
    const delays = this.#delays.items().sort((one, other) => one - other);
    return {
      requests: this.#requests,
      forNothing: this.#forNothing,
      values: this.#values,
      missed: this.#missed,
      bytes: this.#bytes,
      bytesPerValue: this.#values === 0 ? undefined : this.#bytes / this.#values,
      delayMs: delays[Math.floor((delays.length - 1) / 2)],
      worstMs: this.#worstMs,
    };
  }
}
