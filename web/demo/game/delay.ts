// From a key to the screen: an input's number comes back in the states, so the page can tell how long its way was, there and
// back, until the server's answer was drawn.

import { isNewer } from './prediction.ts';

export const SAMPLES_MAX = 60;
/** Inputs on their way that are remembered: more than four seconds' worth. */
const SENT_MAX = 128;

export class Delay {
  #sent: { readonly sequence: number; readonly atMs: number }[] = [];
  #samples: number[] = [];

  /** An input has happened; it leaves now or with the next step. */
  sent(sequence: number, atMs: number): void {
    this.#sent.push({ sequence, atMs });
    if (this.#sent.length > SENT_MAX) this.#sent.shift();
  }

  /** A state that follows this input stands on the screen. */
  drawn(sequence: number, nowMs: number): void {
    const done = this.#sent.filter((input) => !isNewer(input.sequence, sequence));
    this.#sent = this.#sent.slice(done.length);
    // One that the server replaced before it acted on it was never drawn.
    const last = done.at(-1);
    if (last?.sequence === sequence) this.#samples.push(nowMs - last.atMs);
    if (this.#samples.length > SAMPLES_MAX) this.#samples.shift();
  }

  /** What was on its way is lost: another connection, or another ship. */
  forgetSent(): void {
    this.#sent = [];
  }

  /** Oldest first. */
  get samples(): readonly number[] {
    return this.#samples;
  }

  /** Undefined until something is known. */
  get summary(): { readonly medianMs: number; readonly slowMs: number } | undefined {
    const sorted = [...this.#samples].sort((a, b) => a - b);
    const at = (part: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))];
    const [medianMs, slowMs] = [at(0.5), at(0.95)];
    return medianMs === undefined || slowMs === undefined ? undefined : { medianMs, slowMs };
  }
}
