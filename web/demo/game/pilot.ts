// The own ship: thirty times a second the player's wish becomes an input, which is flown here and sent there.

import type { Delay } from './delay.ts';
import { STEP_MS, type Body, type Input } from './flight.ts';
import { Prediction } from './prediction.ts';
import type { Ship } from './state.ts';
import type { Wish } from './steering.ts';

/** A wish that stays the same is said again after so many steps: the delay goes on being measured, and the ship is ours. */
const AGAIN_STEPS = 8;
/** Who was away for longer does not fly it all again. */
const CATCH_UP_MS_MAX = 250;

export class Pilot {
  readonly prediction = new Prediction();
  #input: Input = { sequence: 0, angle: 0, power: 0 };
  #stepsSinceSent = AGAIN_STEPS;
  #owedMs = 0;
  #actedMs: number | undefined;
  readonly #delay: Delay;
  readonly #send: (input: Input) => void;

  constructor(delay: Delay, send: (input: Input) => void) {
    this.#delay = delay;
    this.#send = send;
  }

  /** Another ship, or another connection. */
  board(): void {
    this.prediction.forget();
    this.#delay.forgetSent();
    this.#stepsSinceSent = AGAIN_STEPS;
  }

  /** The player did something. */
  acted(atMs: number): void {
    this.#actedMs ??= atMs;
  }

  /** The server's word about this ship. */
  correct(ship: Ship): void {
    this.prediction.correct(ship);
  }

  /** As many steps as the time asks for. */
  fly(wish: Wish, elapsedMs: number, nowMs: number): void {
    this.#owedMs = Math.min(this.#owedMs + elapsedMs, CATCH_UP_MS_MAX);
    while (this.#owedMs >= STEP_MS) {
      this.#owedMs -= STEP_MS;
      this.#step(wish, nowMs);
    }
  }

  /** Where to show it now. */
  shown(elapsedMs: number): Body | undefined {
    return this.prediction.shown(this.#owedMs / STEP_MS, elapsedMs);
  }

  #step(wish: Wish, nowMs: number): void {
    this.#stepsSinceSent += 1;
    // Without power a direction says nothing.
    const isSame = wish.power === this.#input.power && (wish.power === 0 || wish.angle === this.#input.angle);
    if (!isSame || this.#stepsSinceSent >= AGAIN_STEPS) {
      this.#input = { sequence: (this.#input.sequence + 1) & 0xffff, angle: wish.angle, power: wish.power };
      this.#stepsSinceSent = 0;
      // What changed nothing (a hand that rests on the mouse) is measured from now.
      this.#delay.sent(this.#input.sequence, isSame ? nowMs : (this.#actedMs ?? nowMs));
      this.#send(this.#input);
    }
    this.#actedMs = undefined;
    this.prediction.step(this.#input);
  }
}
