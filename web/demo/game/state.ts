// The bytes between page and arena: the state that comes, the input that goes. `examples/demo_arena.rs` writes the one and
// reads the other; everything is little-endian.

import type { Body, Input } from './flight.ts';

export interface Ship extends Body {
  readonly number: number;
  readonly isBot: boolean;
  readonly isPushed: boolean;
  /** Its player has not been heard of for some time. */
  readonly isAdrift: boolean;
  readonly score: number;
  /** The input that it follows, by its player's count, and for how many steps it has (at most 255). */
  readonly sequence: number;
  readonly age: number;
}

export interface Spark {
  readonly x: number;
  readonly y: number;
  readonly isGolden: boolean;
}

export interface State {
  readonly step: number;
  readonly secondsLeft: number;
  /** Who won the round before; 0 for nobody. */
  readonly champion: number;
  readonly ships: readonly Ship[];
  readonly sparks: readonly Spark[];
}

const VERSION = 1;
const HEAD_BYTES = 10;
const SHIP_BYTES = 18;
const SPARK_BYTES = 4;
const GOLDEN = 3;

/** Undefined for what is no state: a newer server's, say. */
export function decodeState(bytes: Uint8Array): State | undefined {
  if (bytes.byteLength < HEAD_BYTES || bytes[0] !== VERSION) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [ships, sparks] = [view.getUint8(8), view.getUint8(9)];
  const sparksFrom = HEAD_BYTES + ships * SHIP_BYTES;
  if (bytes.byteLength !== sparksFrom + sparks * SPARK_BYTES) return undefined;
  return {
    secondsLeft: view.getUint8(1),
    step: view.getUint32(2, true),
    champion: view.getUint16(6, true),
    ships: Array.from({ length: ships }, (_, index) => shipAt(view, HEAD_BYTES + index * SHIP_BYTES)),
    sparks: Array.from({ length: sparks }, (_, index) => sparkAt(view, sparksFrom + index * SPARK_BYTES, index)),
  };
}

function shipAt(view: DataView, at: number): Ship {
  const flags = view.getUint8(at + 2);
  return {
    number: view.getUint16(at, true),
    isBot: (flags & 1) !== 0,
    isPushed: (flags & 2) !== 0,
    isAdrift: (flags & 4) !== 0,
    age: view.getUint8(at + 3),
    sequence: view.getUint16(at + 4, true),
    score: view.getUint16(at + 6, true),
    x: view.getUint16(at + 8, true) / 16,
    y: view.getUint16(at + 10, true) / 16,
    vx: view.getInt16(at + 12, true) / 256,
    vy: view.getInt16(at + 14, true) / 256,
    heading: (view.getUint16(at + 16, true) / 65536) * 2 * Math.PI,
  };
}

function sparkAt(view: DataView, at: number, index: number): Spark {
  return { x: view.getUint16(at, true) / 16, y: view.getUint16(at + 2, true) / 16, isGolden: index < GOLDEN };
}

// [how What leaves with every turn of the ship
/** Four bytes: a count that comes back in the states, a direction in 256ths of a turn, a power up to 255. */
export function encodeInput(input: Input): Uint8Array {
  return Uint8Array.of(input.sequence & 0xff, input.sequence >> 8, input.angle, input.power);
}
// how]
