// What passes, in words, for the panel: enough of the protocol's Protobuf form to name a frame and to read the arena's own
// bytes in it. The client library does the real reading.

import { decodeState } from './state.ts';

/** Replies and pushes by their field; a push has its own within. */
const REPLIES: Readonly<Record<number, string>> = { 5: 'connected', 6: 'subscribed', 7: 'unsubscribed', 9: 'who is there', 13: 'answer' };
const PUSHES: Readonly<Record<number, string>> = { 4: 'state', 5: 'joined', 6: 'left', 7: 'unsubscribed', 11: 'disconnect' };
const COMMANDS: Readonly<Record<number, string>> = { 4: 'connect', 5: 'subscribe', 6: 'unsubscribe', 8: 'presence' };
const PUSH = 4;
const PUBLICATION = 4;
const RPC = 13;

const decoder = new TextDecoder();

export function wordsOf(frame: Uint8Array, direction: 'in' | 'out'): string {
  try {
    const messages = delimited(frame);
    return messages.map(direction === 'in' ? received : sent).join('; ');
  } catch {
    return `${frame.length} bytes`;
  }
}

function received(message: Uint8Array): string {
  const fields = fieldsOf(message);
  const push = fields.get(PUSH);
  if (push === undefined) return named(fields, REPLIES) ?? (message.length === 0 ? 'ping' : 'reply');
  const pushed = fieldsOf(push);
  const channel = decoder.decode(pushed.get(2));
  const publication = pushed.get(PUBLICATION);
  if (publication === undefined) return `${channel}: ${named(pushed, PUSHES) ?? 'push'}`;
  const state = decodeState(fieldsOf(publication).get(4) ?? new Uint8Array());
  if (state === undefined) return `${channel}: publication`;
  return `${channel}: step ${state.step}, ${state.ships.length} ships, ${state.sparks.length} sparks`;
}

function sent(message: Uint8Array): string {
  const fields = fieldsOf(message);
  const rpc = fields.get(RPC);
  if (rpc === undefined) return named(fields, COMMANDS) ?? (message.length === 0 ? 'pong' : 'command');
  const call = fieldsOf(rpc);
  const method = decoder.decode(call.get(2));
  const [low, high, angle, power] = call.get(1) ?? [];
  if (method !== 'game.steer' || low === undefined || high === undefined || angle === undefined) return method;
  return `${method}: input ${high * 256 + low}, ${Math.round((angle / 256) * 360)}°, power ${power ?? 0}`;
}

function named(fields: ReadonlyMap<number, Uint8Array>, names: Readonly<Record<number, string>>): string | undefined {
  return [...fields.keys()].map((field) => names[field]).find((name) => name !== undefined);
}

/** Messages of a frame, each after its length. */
function delimited(frame: Uint8Array): Uint8Array[] {
  const found: Uint8Array[] = [];
  for (let at = 0; at < frame.length; ) {
    const [length, from] = varint(frame, at);
    found.push(slice(frame, from, length));
    at = from + length;
  }
  return found;
}

/** The fields that have bytes, by their numbers: the last of each. */
function fieldsOf(message: Uint8Array): Map<number, Uint8Array> {
  const found = new Map<number, Uint8Array>();
  for (let at = 0; at < message.length; ) {
    const [key, from] = varint(message, at);
    const [value, next] = varint(message, from);
    if ((key & 7) === 0) at = next;
    else if ((key & 7) === 2) {
      found.set(key >> 3, slice(message, next, value));
      at = next + value;
    } else throw new Error('a kind of field that the protocol does not have');
  }
  return found;
}

function slice(bytes: Uint8Array, from: number, length: number): Uint8Array {
  if (from + length > bytes.length) throw new Error('cut short');
  return bytes.subarray(from, from + length);
}

function varint(bytes: Uint8Array, from: number): [value: number, next: number] {
  let value = 0;
  for (let at = from, factor = 1; ; at += 1, factor *= 128) {
    const byte = bytes[at];
    if (byte === undefined) throw new Error('cut short');
    value += (byte & 127) * factor;
    if (byte < 128) return [value, at + 1];
  }
}
