// What the player wants, from keys, mouse or finger: a direction and a power. The one that was used last counts.

import { type Input } from './flight.ts';

export type Wish = Pick<Input, 'angle' | 'power'>;

const NOTHING: Wish = { angle: 0, power: 0 };

const KEYS: Readonly<Record<string, readonly [x: number, y: number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
  KeyA: [-1, 0],
  KeyD: [1, 0],
  KeyW: [0, -1],
  KeyS: [0, 1],
};

/** So near to the ship a pointer means "stay", and from so far on "with all power"; pixels. */
const NEAR_PX = 22;
const FAR_PX = 150;
/** A finger has less room. */
const STICK_NEAR_PX = 8;
const STICK_FAR_PX = 60;

export class Steering {
  readonly #keys = new Set<string>();
  #pointer: { readonly x: number; readonly y: number } | undefined;
  #stick: { readonly fromX: number; readonly fromY: number; x: number; y: number } | undefined;
  #last: 'keys' | 'pointer' | 'stick' = 'keys';

  /** Whether the key is one that steers. */
  press(code: string): boolean {
    if (!(code in KEYS)) return false;
    this.#keys.add(code);
    this.#last = 'keys';
    return true;
  }

  lift(code: string): void {
    this.#keys.delete(code);
  }

  /** The mouse, in pixels of the canvas. */
  point(x: number, y: number): void {
    this.#pointer = { x, y };
    this.#last = 'pointer';
  }

  /** A finger: where it came down is the middle of a stick that it then moves. */
  touch(x: number, y: number): void {
    this.#stick = { fromX: x, fromY: y, x, y };
    this.#last = 'stick';
  }

  drag(x: number, y: number): void {
    if (this.#stick !== undefined) Object.assign(this.#stick, { x, y });
  }

  /** Nothing is held any more: the finger is up, the mouse is away, or the page has lost the focus. */
  release(what: 'all' | 'pointer' | 'stick'): void {
    if (what !== 'stick') this.#pointer = undefined;
    if (what !== 'pointer') this.#stick = undefined;
    if (what === 'all') this.#keys.clear();
  }

  get stick(): Readonly<{ fromX: number; fromY: number; x: number; y: number }> | undefined {
    return this.#stick;
  }

  /** `ship`: where the own ship is on the canvas. */
  wish(ship: { readonly x: number; readonly y: number }): Wish {
    if (this.#last === 'stick' && this.#stick !== undefined) {
      const { fromX, fromY, x, y } = this.#stick;
      return wishOf(x - fromX, y - fromY, STICK_NEAR_PX, STICK_FAR_PX);
    }
    if (this.#last === 'pointer' && this.#pointer !== undefined) {
      return wishOf(this.#pointer.x - ship.x, this.#pointer.y - ship.y, NEAR_PX, FAR_PX);
    }
    const held = [...this.#keys].map((code) => KEYS[code] ?? ([0, 0] as const));
    const [x, y] = held.reduce(([x, y], [dx, dy]) => [x + dx, y + dy] as const, [0, 0] as const);
    return wishOf(x, y, 0, 1);
  }
}

function wishOf(dx: number, dy: number, near: number, far: number): Wish {
  const distance = Math.hypot(dx, dy);
  if (distance <= near) return NOTHING;
  const turn = Math.atan2(dy, dx) / (2 * Math.PI);
  const power = Math.round(Math.min(1, (distance - near) / (far - near)) * 255);
  return { angle: Math.round((turn + 1) * 256) & 0xff, power };
}
