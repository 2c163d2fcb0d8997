// Listens to a page's own WebSocket, for the panel: the client is given this class in place of the browser's, and knows no
// difference. Keeping costs a reference a frame; what it says is read only when somebody looks.

import { Ring } from '../../src/ring.ts';
import { messagesOf, type Direction, type Passed, type Shown } from './message.ts';

/** Messages that the panel shows. */
export const SHOWN_MAX = 30;

const encoder = new TextEncoder();

export interface Totals {
  readonly frames: number;
  readonly bytes: number;
}

export class Tap {
  readonly #frames = new Ring<Passed>(SHOWN_MAX);
  readonly #totals = { in: { frames: 0, bytes: 0 }, out: { frames: 0, bytes: 0 } };
  /** For a page whose payloads are bytes: what they mean. */
  decode: ((data: Uint8Array, direction: Direction) => string) | undefined;

  /** Grows with every frame. */
  get count(): number {
    return this.#totals.in.frames + this.#totals.out.frames;
  }

  totals(direction: Direction): Totals {
    return this.#totals[direction];
  }

  /** The last messages, newest first. */
  latest(): Shown[] {
    const shown = this.#frames.items().flatMap((passed) => messagesOf(passed, this.decode));
    return shown.reverse().slice(0, SHOWN_MAX);
  }

  take(direction: Direction, data: unknown): void {
    const kept = typeof data === 'string' ? data : bytesOf(data);
    if (kept === undefined) return;
    const totals = this.#totals[direction];
    totals.frames += 1;
    totals.bytes += typeof kept === 'string' ? encoder.encode(kept).length : kept.byteLength;
    this.#frames.push({ direction, atMs: Date.now(), data: kept });
  }

  /** A WebSocket that this listens to. */
  socket(): typeof WebSocket {
    const take = this.take.bind(this);
    return class extends WebSocket {
      constructor(url: string | URL, protocols?: string | string[]) {
        super(url, protocols);
        this.addEventListener('message', ({ data }) => take('in', data));
      }

      override send(data: string | ArrayBufferLike | Blob | ArrayBufferView<ArrayBuffer>): void {
        take('out', data);
        super.send(data as string);
      }
    };
  }
}

function bytesOf(data: unknown): Uint8Array | undefined {
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return undefined;
}
