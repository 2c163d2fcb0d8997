// What a viewer has known, and when: values with the time at which they came.

import type { Value } from './way.ts';

/** So much of the past is drawn. */
export const SHOWN_MS = 12_000;
/** Ten values a second, and some more than is drawn. */
const KEPT_MAX = 256;

export interface Known {
  /** When it was made, on this page's clock. */
  readonly madeMs: number;
  readonly cameMs: number;
  readonly v: number;
}

export interface Asked {
  readonly atMs: number;
}

export class Trace {
  #known: Known[] = [];
  #asked: number[] = [];

  /** `differenceMs`: by how much this page's clock is ahead of the server's. */
  add({ v, at }: Value, differenceMs: number, nowMs: number): void {
    this.#known.push({ madeMs: at + differenceMs, cameMs: nowMs, v });
    if (this.#known.length > KEPT_MAX) this.#known.shift();
  }

  ask(nowMs: number): void {
    this.#asked.push(nowMs);
    if (this.#asked.length > KEPT_MAX) this.#asked.shift();
  }

  clear(): void {
    this.#known = [];
    this.#asked = [];
  }

  get last(): Known | undefined {
    return this.#known.at(-1);
  }

  /** When requests went out. */
  requests(nowMs: number): number[] {
    return this.#asked.filter((atMs) => atMs > nowMs - SHOWN_MS);
  }

  /** The curve itself, by the times at which its values were made. */
  made(): { ms: number; v: number }[] {
    return this.#known.map(({ madeMs, v }) => ({ ms: madeMs, v }));
  }

  /** What was on the screen: a new value each time that something came, the newest of what came together. */
  shown(): { ms: number; v: number }[] {
    const shown: { ms: number; v: number }[] = [];
    for (const { cameMs, v } of this.#known) {
      const last = shown.at(-1);
      if (last !== undefined && cameMs - last.ms < 1) last.v = v;
      else shown.push({ ms: cameMs, v });
    }
    return shown;
  }
}
