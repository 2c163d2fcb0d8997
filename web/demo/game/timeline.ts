// The others between two states: shown a little in the past, so that there mostly is a state on either side.
//
// Steps are the server's clock. The fastest arrival of late says how its steps lie against the page's time; a state that was
// late, or one that was replaced by a newer one on its way, changes nothing but what lies between.

import { STEP_MS, turnBetween } from './flight.ts';
import type { Ship, State } from './state.ts';

/** How far in the past: two steps forgive one lost state and some jitter. */
export const BEHIND_STEPS = 2;
/** Beyond the newest state ships fly straight on for so long. */
const BEYOND_STEPS_MAX = 4;
const STATES_MAX = 12;
/** Two ships of one number further apart than this are not one flight: it was launched anew. */
const JUMP_UNITS = 200;
/** Forgets a fast arrival by so much with every state, in case the clocks drift. */
const DRIFT_MS = 0.02;

export class Timeline {
  #states: State[] = [];
  /** Page time of step 0. */
  #originMs = Infinity;

  get newest(): State | undefined {
    return this.#states.at(-1);
  }

  push(state: State, nowMs: number): void {
    const newest = this.newest;
    // A server that has started anew counts from 1 again.
    const isAnew = newest !== undefined && state.step <= newest.step;
    const originMs = nowMs - state.step * STEP_MS;
    // Time stands still in an arena that nobody watched, and for a page that was away.
    const isAway = Math.abs(originMs - this.#originMs) > 1_000;
    if (isAnew || isAway) this.#states = [];
    this.#originMs = isAnew || isAway ? originMs : Math.min(this.#originMs + DRIFT_MS, originMs);
    this.#states.push(state);
    if (this.#states.length > STATES_MAX) this.#states.shift();
  }

  /** The ships as they are to be shown now. */
  ships(nowMs: number): readonly Ship[] {
    const step = (nowMs - this.#originMs) / STEP_MS - BEHIND_STEPS;
    const after = this.#states.findIndex((state) => state.step >= step);
    if (after === -1) return this.#beyond(step);
    const next = this.#states[after];
    const last = this.#states[after - 1];
    if (next === undefined) return [];
    if (last === undefined) return next.ships;
    const part = (step - last.step) / (next.step - last.step);
    const befores = new Map(last.ships.map((ship) => [ship.number, ship]));
    return next.ships.map((ship) => between(befores.get(ship.number), ship, part));
  }

  #beyond(step: number): readonly Ship[] {
    const newest = this.newest;
    if (newest === undefined) return [];
    const steps = Math.min(step - newest.step, BEYOND_STEPS_MAX);
    return newest.ships.map((ship) => ({ ...ship, x: ship.x + ship.vx * steps, y: ship.y + ship.vy * steps }));
  }
}

function between(before: Ship | undefined, after: Ship, part: number): Ship {
  if (before === undefined || Math.hypot(after.x - before.x, after.y - before.y) > JUMP_UNITS) return after;
  return {
    ...after,
    x: before.x + (after.x - before.x) * part,
    y: before.y + (after.y - before.y) * part,
    heading: before.heading + turnBetween(before.heading, after.heading) * part,
  };
}
