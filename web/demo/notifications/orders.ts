// The orders that are under way, from the notifications about them and from what passes by between two steps.

import { STEPS_OF_ORDER, type Note, type OrderStep } from './note.ts';

/** Followed at once; the newest are kept. */
export const ORDERS_MAX = 3;
const LAST_STEP = STEPS_OF_ORDER.length - 1;

export class Orders {
  readonly #orders = new Map<string, OrderStep>();

  /** Returns whether anything has moved. Steps may come in any order: a replay and a live one can cross. */
  take(step: OrderStep | undefined): boolean {
    if (step === undefined) return false;
    const known = this.#orders.get(step.id);
    if (known !== undefined && progressOf(known) >= progressOf(step)) return false;
    this.#orders.set(step.id, step);
    const surplus = [...this.#orders.keys()].sort().slice(0, -ORDERS_MAX);
    for (const id of surplus) this.#orders.delete(id);
    return this.#orders.has(step.id);
  }

  takeAll(notes: readonly Note[]): void {
    for (const { order } of notes) this.take(order);
  }

  clear(): void {
    this.#orders.clear();
  }

  /** The newest first: their ids are times. */
  list(): OrderStep[] {
    return [...this.#orders.values()].sort((a, b) => (a.id < b.id ? 1 : -1));
  }
}

/** 0 at the first step, 1 at the last. */
export function progressOf({ step, way }: OrderStep): number {
  return step >= LAST_STEP ? 1 : Math.max(0, step + way) / LAST_STEP;
}

export function isDelivered({ step }: OrderStep): boolean {
  return step >= LAST_STEP;
}
