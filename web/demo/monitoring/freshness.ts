// How fresh a viewer's prices are: the age of the newest, and how many it was spared.
//
// Ages are measured against the quickest message of the direct line, so that a server whose clock is not ours does not make
// every price look old (or not yet made).

/** The least difference between the two clocks that was seen. */
export class ClockDifference {
  #least = Number.POSITIVE_INFINITY;

  take(sentMs: number, receivedMs: number): void {
    this.#least = Math.min(this.#least, receivedMs - sentMs);
  }

  /** A new connection, and maybe another server or clock. */
  reset(): void {
    this.#least = Number.POSITIVE_INFINITY;
  }

  /** 0 before anything has come. */
  get ms(): number {
    return Number.isFinite(this.#least) ? this.#least : 0;
  }
}

export interface Figures {
  /** Of the channel whose newest price is the oldest; undefined while a channel has none. */
  readonly ageMs: number | undefined;
  readonly received: number;
  /** Messages of the channels that a newer one has replaced on the way. */
  readonly skipped: number;
}

export class Freshness {
  readonly #channels = new Map<string, { n: number; sentMs: number }>();
  #received = 0;
  #skipped = 0;
  /** Messages that came after a newer one: must stay 0. */
  backwards = 0;

  constructor(readonly channels: number) {}

  /** `n` counts the channel's messages at the sender. */
  take(channel: string, n: number, sentMs: number): void {
    const before = this.#channels.get(channel);
    this.#received += 1;
    if (before !== undefined && n <= before.n) this.backwards += 1;
    if (before !== undefined && n > before.n) this.#skipped += n - before.n - 1;
    this.#channels.set(channel, { n, sentMs });
  }

  /** The channel begins anew: what was sent while nobody listened was not skipped. */
  rejoin(channel: string): void {
    this.#channels.delete(channel);
  }

  figures(nowMs: number, difference: ClockDifference): Figures {
    const oldest = Math.min(...[...this.#channels.values()].map(({ sentMs }) => sentMs));
    const isComplete = this.#channels.size >= this.channels && this.channels > 0;
    const ageMs = isComplete ? Math.max(0, nowMs - oldest - difference.ms) : undefined;
    return { ageMs, received: this.#received, skipped: this.#skipped };
  }
}

/** "12 ms", "0.9 s", "2.4 s": as exact as it is steady. */
export function formatAge(ms: number | undefined): string {
  if (ms === undefined) return '–';
  return ms < 500 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}
