// What only pleases the eye: the wake of each ship, and a ring where a spark was taken. Off with reduced motion.

import type { Ship, Spark } from './state.ts';

export interface Ring {
  readonly x: number;
  readonly y: number;
  readonly isGolden: boolean;
  readonly sinceMs: number;
}

interface Point {
  readonly x: number;
  readonly y: number;
}

export const RING_MS = 450;
const RINGS_MAX = 40;
const WAKE_POINTS_MAX = 18;
const WAKE_EVERY_MS = 33;
/** A ship that is suddenly further away than this was launched anew. */
const JUMP_UNITS = 120;

export class Effects {
  #rings: Ring[] = [];
  #sparks: readonly Spark[] = [];
  readonly #wakes = new Map<number, Point[]>();
  #wokeMs = 0;

  get rings(): readonly Ring[] {
    return this.#rings;
  }

  wake(number: number): readonly Point[] {
    return this.#wakes.get(number) ?? [];
  }

  clear(): void {
    this.#rings = [];
    this.#wakes.clear();
  }

  /** A spark that is elsewhere now has been taken. */
  sparks(sparks: readonly Spark[], nowMs: number): void {
    sparks.forEach((spark, index) => {
      const before = this.#sparks[index];
      if (before === undefined || (before.x === spark.x && before.y === spark.y)) return;
      this.#rings.push({ ...before, sinceMs: nowMs });
      if (this.#rings.length > RINGS_MAX) this.#rings.shift();
    });
    this.#sparks = sparks;
  }

  ships(ships: readonly Ship[], nowMs: number): void {
    this.#rings = this.#rings.filter(({ sinceMs }) => nowMs - sinceMs < RING_MS);
    if (nowMs - this.#wokeMs < WAKE_EVERY_MS) return;
    this.#wokeMs = nowMs;
    for (const ship of ships) this.#wakes.set(ship.number, lengthened(this.wake(ship.number), ship));
    if (this.#wakes.size === ships.length) return;
    const present = new Set(ships.map(({ number }) => number));
    for (const number of this.#wakes.keys()) if (!present.has(number)) this.#wakes.delete(number);
  }
}

function lengthened(wake: readonly Point[], { x, y }: Ship): Point[] {
  const last = wake.at(-1);
  if (last !== undefined && Math.hypot(last.x - x, last.y - y) > JUMP_UNITS) return [{ x, y }];
  return [...wake.slice(1 - WAKE_POINTS_MAX), { x, y }];
}
