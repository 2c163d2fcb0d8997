// What deltas save: bytes that came over the line, beside those that whole messages would have been.

interface Sums {
  wire: number;
  whole: number;
  messages: number;
  deltas: number;
  /** The protocol's own bytes around payloads that are on their way to the page's handler. */
  readonly around: number[];
}

export interface Saved {
  readonly wire: number;
  readonly whole: number;
  readonly messages: number;
  readonly deltas: number;
}

/** A line that nobody's handler asks for must not make a heap. */
const AROUND_MAX = 100;

export class Savings {
  readonly #channels = new Map<string, Sums>();

  constructor(channels: readonly string[]) {
    for (const channel of channels) this.#channels.set(channel, { wire: 0, whole: 0, messages: 0, deltas: 0, around: [] });
  }

  /** A frame of the WebSocket: in JSON one message a line. */
  frame(data: unknown): void {
    if (typeof data !== 'string') return;
    for (const line of data.split('\n')) {
      const channel = channelOf(line);
      const sums = channel === undefined ? undefined : this.#channels.get(channel);
      if (sums !== undefined) this.#line(sums, line);
    }
  }

  /** The client has made a whole message of it. */
  publication(channel: string, data: unknown): void {
    const sums = this.#channels.get(channel);
    const around = sums?.around.shift();
    if (sums === undefined || around === undefined) return;
    sums.whole += around + JSON.stringify(data).length;
  }

  of(channel: string): Saved {
    const { wire, whole, messages, deltas } = this.#channels.get(channel) ?? { wire: 0, whole: 0, messages: 0, deltas: 0 };
    return { wire, whole, messages, deltas };
  }

  #line(sums: Sums, line: string): void {
    const { push } = JSON.parse(line) as { push?: { pub?: { data?: unknown; delta?: boolean } } };
    if (push?.pub === undefined) return;
    sums.wire += line.length;
    sums.messages += 1;
    if (push.pub.delta === true) sums.deltas += 1;
    sums.around.push(line.length - JSON.stringify(push.pub.data).length);
    if (sums.around.length > AROUND_MAX) sums.around.shift();
  }
}

/** Of 100 bytes so many did not have to be sent. */
export function percentSaved({ wire, whole }: Saved): number {
  return whole === 0 ? 0 : Math.max(0, Math.round(100 * (1 - wire / whole)));
}

/** Found without reading the whole line: most lines are of no interest here. */
function channelOf(line: string): string | undefined {
  return /^\{"push":\{"channel":"([^"\\]+)"/.exec(line)?.[1];
}
