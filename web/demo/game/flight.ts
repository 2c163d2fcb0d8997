// How a ship flies, a thirtieth of a second at a time: the sums of `examples/demo_arena.rs`, so that a player's own ship can
// move before the server's word arrives. Collisions are left to the server.

export const STEP_MS = 1000 / 30;
export const WIDTH = 2400;
export const HEIGHT = 1500;
export const RADIUS = 18;

const TURN = 0.22;
const PUSH = 0.6;
const DRAG = 0.95;
const BOUNCE = -0.6;
const WHOLE = 2 * Math.PI;

/** Places in units, speeds in units a step, the heading in radians clockwise from the right. */
export interface Body {
  readonly x: number;
  readonly y: number;
  readonly vx: number;
  readonly vy: number;
  readonly heading: number;
}

/** What a player wants, as it is sent. */
export interface Input {
  readonly sequence: number;
  readonly angle: number;
  readonly power: number;
}

/** Where a ship is a step later. */
export function fly(body: Body, { angle, power }: Pick<Input, 'angle' | 'power'>): Body {
  const push = (power / 255) * PUSH;
  const off = turnBetween(body.heading, (angle / 256) * WHOLE);
  const heading = push > 0 ? wrapped(body.heading + Math.max(-TURN, Math.min(TURN, off))) : body.heading;
  const [x, vx] = along(body.x, (body.vx + Math.cos(heading) * push) * DRAG, WIDTH);
  const [y, vy] = along(body.y, (body.vy + Math.sin(heading) * push) * DRAG, HEIGHT);
  return { x, y, vx, vy, heading };
}

/** The short way from one direction to another, −π to π. */
export function turnBetween(from: number, to: number): number {
  return wrapped(to - from + Math.PI) - Math.PI;
}

function along(place: number, speed: number, length: number): [place: number, speed: number] {
  const next = place + speed;
  const held = Math.max(RADIUS, Math.min(length - RADIUS, next));
  return [held, held === next ? speed : speed * BOUNCE];
}

function wrapped(angle: number): number {
  return ((angle % WHOLE) + WHOLE) % WHOLE;
}
