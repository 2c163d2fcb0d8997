// The orders that are under way, from the notifications about them and from what passes by between two steps.

import { STEPS_OF_ORDER, type Note, type OrderStep } from './note.ts';

/** Followed at once; the newest are kept. */
export const ORDERS_MAX = 3;
const LAST_STEP = STEPS_OF_ORDER.length - 1;
/** Several steps' worth: a server that was started anew knows nothing of an order, and never will. */
const SILENT_MS = 20_000;

export class Orders {
  readonly #orders = new Map<string, OrderStep>();
  readonly #heardMs = new Map<string, number>();

  /** Returns whether anything has moved. Steps may come in any order: a replay and a live one can cross. */
  take(step: OrderStep | undefined, nowMs = Date.now()): boolean {
    if (step === undefined) return false;
    const known = this.#orders.get(step.id);
    if (known !== undefined && progressOf(known) >= progressOf(step)) return false;
    this.#orders.set(step.id, step);
    this.#heardMs.set(step.id, nowMs);
    const surplus = [...this.#orders.keys()].sort().slice(0, -ORDERS_MAX);
    for (const id of surplus) {
      this.#orders.delete(id);
      this.#heardMs.delete(id);
    }
    return this.#orders.has(step.id);
  }

  takeAll(notes: readonly Note[]): void {
    for (const { order, timeMs } of notes) this.take(order, timeMs);
  }

  clear(): void {
    this.#orders.clear();
    this.#heardMs.clear();
  }

  /** It is not delivered, and nothing more has been heard of it. */
  isSilent(order: OrderStep, nowMs: number): boolean {
    return !isDelivered(order) && nowMs - (this.#heardMs.get(order.id) ?? nowMs) > SILENT_MS;
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
