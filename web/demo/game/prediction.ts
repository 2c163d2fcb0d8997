// The own ship ahead of the server: it flies at once as it is steered, and is put right by every state that arrives.
//
// A state says which input it follows and for how many steps. What was flown here since then is flown again from where the
// server has the ship. Where that is elsewhere than it was shown, the difference fades instead of jumping.

import { fly, turnBetween, type Body, type Input } from './flight.ts';
import type { Ship } from './state.ts';

/** Steps that are flown ahead at most: half a second. */
const AHEAD_MAX = 15;
/** A difference beyond this is no error to hide but another place. */
const SNAP_UNITS = 240;
const FADE_MS = 90;

interface Flown extends Input {
  /** Which of the steps with this input it was, from 0. */
  readonly nth: number;
}

export class Prediction {
  #body: Body | undefined;
  /** The inputs that were flown, a step each, oldest first, and not yet seen in a state. */
  #flown: Flown[] = [];
  #last: Flown | undefined;
  #error = { x: 0, y: 0, heading: 0 };

  /** Steps ahead of the server's last word. */
  get ahead(): number {
    return this.#flown.length;
  }

  forget(): void {
    this.#body = undefined;
    this.#flown = [];
    this.#last = undefined;
    this.#error = { x: 0, y: 0, heading: 0 };
  }

  /** A step with this input. */
  step(input: Input): void {
    if (this.#body === undefined) return;
    this.#last = { ...input, nth: this.#last?.sequence === input.sequence ? this.#last.nth + 1 : 0 };
    this.#flown.push(this.#last);
    // Without word from the server nobody knows where the ship is: it waits.
    if (this.#flown.length > AHEAD_MAX) this.#flown.shift();
    else this.#body = fly(this.#body, input);
  }

  // [how The own ship is ahead of the server, and put right by it
  /** The server's word. */
  correct(ship: Ship): void {
    this.#flown = unseen(this.#flown, ship);
    const before = this.#body;
    const body = this.#flown.reduce<Body>(fly, ship);
    this.#body = body;
    if (before === undefined) return;
    const error = {
      x: this.#error.x + before.x - body.x,
      y: this.#error.y + before.y - body.y,
      heading: this.#error.heading + turnBetween(body.heading, before.heading),
    };
    this.#error = Math.hypot(error.x, error.y) > SNAP_UNITS ? { x: 0, y: 0, heading: 0 } : error;
  }

  // how]

  /** Where to show it, `part` of a step (0 to 1) after the last, and `elapsedMs` after it was shown last. */
  shown(part: number, elapsedMs: number): Body | undefined {
    if (this.#body === undefined) return undefined;
    const left = Math.exp(-elapsedMs / FADE_MS);
    this.#error = { x: this.#error.x * left, y: this.#error.y * left, heading: this.#error.heading * left };
    const { x, y, vx, vy, heading } = this.#body;
    return { x: x + vx * part + this.#error.x, y: y + vy * part + this.#error.y, vx, vy, heading: heading + this.#error.heading };
  }
}

/** What was flown and the server has not done yet when it sent this. */
function unseen(flown: readonly Flown[], ship: Ship): Flown[] {
  return flown.filter(({ sequence, nth }) =>
    sequence === ship.sequence ? nth >= ship.age : isNewer(sequence, ship.sequence),
  );
}

/** Counts go round after 65,535. */
export function isNewer(a: number, b: number): boolean {
  const ahead = (a - b) & 0xffff;
  return ahead > 0 && ahead < 0x8000;
}
