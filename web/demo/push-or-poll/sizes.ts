// How many bytes something has on the wire, as far as a page can know.
//
// Payloads are counted as they are, with the frame of a WebSocket (RFC 6455 §5.2) or the field names of an event stream. A page never sees heads. For those of answers it takes what browsers themselves put into
// `transferSize` (Resource Timing: 300 bytes); those of requests are what Chromium 140 sends to its own origin, without cookies.

/** What Chromium says in a request, the address left out. */
export const REQUEST_HEAD_BYTES = 520;
export const ANSWER_HEAD_BYTES = 300;
/** A handshake of RFC 6455. */
export const UPGRADE_BYTES = { sent: 560, received: 170 };

const FRAME_HEAD_BYTES = 2;
const MASK_BYTES = 4;
/** Lengths from here on, and from there on, need more room in the head of a frame. */
const LENGTHS = [126, 65_536] as const;

const encoder = new TextEncoder();

export function textBytes(text: string): number {
  return encoder.encode(text).length;
}

/** A frame with this payload. What a client sends is masked. */
export function frameBytes(payload: number, isMasked: boolean): number {
  const length = payload < LENGTHS[0] ? 0 : payload < LENGTHS[1] ? 2 : 8;
  return FRAME_HEAD_BYTES + length + (isMasked ? MASK_BYTES : 0) + payload;
}

/** An event with this data, and with an id where it has one. */
export function eventBytes(data: string, id: string): number {
  const line = (name: string, value: string) => (value === '' ? 0 : textBytes(`${name}: ${value}\n`));
  return line('id', id) + line('data', data) + 1;
}

export function requestBytes(address: string): number {
  return REQUEST_HEAD_BYTES + textBytes(address);
}
