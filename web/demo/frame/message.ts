// One message of the Centrifuge protocol as the panel shows it: what kind it is, its channel, its size on the wire.

export type Direction = 'in' | 'out';

/** What passed in one frame of the WebSocket. */
export interface Passed {
  readonly direction: Direction;
  readonly atMs: number;
  readonly data: string | Uint8Array;
}

export interface Shown {
  readonly direction: Direction;
  readonly atMs: number;
  /** "publication · chat:lobby". */
  readonly label: string;
  readonly bytes: number;
  readonly text: string;
}

/** Longer texts are cut on the screen; nothing is cut on the wire. */
const SHOWN_CHARS_MAX = 600;
const SHOWN_BYTES_MAX = 32;

const encoder = new TextEncoder();

/** The messages of a frame: in JSON one a line. `decode` is for a page that knows what its bytes mean. */
export function messagesOf(passed: Passed, decode?: (data: Uint8Array, direction: Direction) => string): Shown[] {
  const { direction, atMs, data } = passed;
  if (typeof data !== 'string') {
    return [{ direction, atMs, label: 'binary', bytes: data.byteLength, text: decode?.(data, direction) ?? hexOf(data) }];
  }
  const lines = data.split('\n').filter((line) => line !== '');
  return lines.map((line) => ({ direction, atMs, label: labelOf(line, direction), bytes: encoder.encode(line).length, text: textOf(line) }));
}

/** What the protocol calls it. Replies carry the number of their command and nothing that says which it was, so they say that. */
function labelOf(line: string, direction: Direction): string {
  const message = parsed(line);
  if (message === undefined) return 'not JSON';
  if (isObject(message.push)) return labelOfPush(message.push);
  const fields = Object.keys(message).filter((field) => field !== 'id');
  const kind = fields[0];
  if (kind === undefined) return message.id === undefined ? (direction === 'in' ? 'ping' : 'pong') : `reply ${String(message.id)}`;
  const body = message[kind];
  const about = isObject(body) && typeof body.channel === 'string' ? ` · ${body.channel}` : '';
  const method = isObject(body) && typeof body.method === 'string' ? ` · ${body.method}` : '';
  return `${direction === 'in' ? 'reply: ' : ''}${kind}${about}${method}`;
}

const PUSHES: Readonly<Record<string, string>> = { pub: 'publication', join: 'join', leave: 'leave', unsubscribe: 'unsubscribe' };

function labelOfPush(push: Record<string, unknown>): string {
  const channel = typeof push.channel === 'string' ? ` · ${push.channel}` : '';
  const kind = Object.keys(push).find((field) => field !== 'channel') ?? 'push';
  const delta = isObject(push.pub) && push.pub.delta === true ? ' (delta)' : '';
  return `${PUSHES[kind] ?? kind}${delta}${channel}`;
}

/** A token is the visitor's own, but a picture of the page should not give it away. */
function textOf(line: string): string {
  const text = line.replace(/("token":"[^"\\]{6})[^"\\]*"/g, '$1…"');
  return text.length > SHOWN_CHARS_MAX ? `${text.slice(0, SHOWN_CHARS_MAX)}…` : text;
}

function hexOf(data: Uint8Array): string {
  const shown = Array.from(data.subarray(0, SHOWN_BYTES_MAX), (byte) => byte.toString(16).padStart(2, '0'));
  return shown.join(' ') + (data.length > SHOWN_BYTES_MAX ? ' …' : '');
}

function parsed(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
