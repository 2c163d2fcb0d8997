// What the demos' channels carry, as far as the small pictures need it. Data that is something else gives undefined: the
// pictures then stay as they are.

export interface Line {
  readonly who: string;
  readonly text: string;
}

/** A message of a chat room; `name` is what the sender's token says of it. */
export function lineOf(data: unknown, name: unknown): Line | undefined {
  const { text } = fieldsOf(data);
  if (typeof text !== 'string' || text === '') return undefined;
  return { who: typeof name === 'string' && name !== '' ? name : 'Wavecast', text };
}

/** The mean price of a sector, from the message that has all its prices in hundredths. */
export function indexOf(data: unknown): number | undefined {
  const { p: prices } = fieldsOf(data);
  if (!Array.isArray(prices) || prices.length === 0 || !prices.every((price) => typeof price === 'number')) return undefined;
  return prices.reduce((sum: number, price: number) => sum + price, 0) / prices.length / 100;
}

/** The headline of a notification; one without is a step within a step, and no news here. */
export function headlineOf(data: unknown): string | undefined {
  const { title } = fieldsOf(data);
  return typeof title === 'string' && title !== '' ? title : undefined;
}

export interface Dot {
  readonly x: number;
  readonly y: number;
}

export interface MiniShip extends Dot {
  readonly number: number;
  readonly isBot: boolean;
  /** Where it points, radians. */
  readonly heading: number;
}

export interface Miniature {
  readonly ships: readonly MiniShip[];
  readonly sparks: readonly Dot[];
}

const VERSION = 1;
const HEAD_BYTES = 10;
const SHIP_BYTES = 18;
const SPARK_BYTES = 4;

/** The arena's state: bytes, which a client in JSON gets as base64. The layout is that of `examples/demo_arena.rs`. */
export function miniatureOf(data: unknown): Miniature | undefined {
  const bytes = typeof data === 'string' ? bytesOf(data) : undefined;
  if (bytes === undefined || bytes.byteLength < HEAD_BYTES || bytes[0] !== VERSION) return undefined;
  const view = new DataView(bytes.buffer);
  const [ships, sparks] = [view.getUint8(8), view.getUint8(9)];
  const sparksFrom = HEAD_BYTES + ships * SHIP_BYTES;
  if (bytes.byteLength !== sparksFrom + sparks * SPARK_BYTES) return undefined;
  const place = (at: number): Dot => ({ x: view.getUint16(at, true) / 16, y: view.getUint16(at + 2, true) / 16 });
  return {
    ships: Array.from({ length: ships }, (_, index) => {
      const at = HEAD_BYTES + index * SHIP_BYTES;
      const heading = (view.getUint16(at + 16, true) / 65_536) * 2 * Math.PI;
      return { ...place(at + 8), number: view.getUint16(at, true), isBot: (view.getUint8(at + 2) & 1) !== 0, heading };
    }),
    sparks: Array.from({ length: sparks }, (_, index) => place(sparksFrom + index * SPARK_BYTES)),
  };
}

function bytesOf(base64: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  } catch {
    return undefined;
  }
}

function fieldsOf(data: unknown): Record<string, unknown> {
  return typeof data === 'object' && data !== null ? (data as Record<string, unknown>) : {};
}
