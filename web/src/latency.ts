// How long a message was under way: from the time its sender wrote into it to the moment this page's
// handler has it. Both ends read their own wall clock, so the figure is right on one machine and only
// as good as clock synchronisation between two.

/** The field of a message's data that holds the sender's Unix time in milliseconds. */
export const SENT_FIELD = 'sent_ms';

/** A larger difference says that the clocks disagree or the message is old, not that delivery was slow. */
export const LATENCY_MAX_MS = 60_000;

/** Clocks that are read with whole milliseconds at one end may make a message arrive before it left. */
const ROUNDING_MS = 1;

/** Milliseconds on the way, or undefined where the data carries no time stamp that can be believed. */
export function latencyOf(data: unknown, receivedMs: number): number | undefined {
  if (typeof data !== 'object' || data === null) return undefined;
  const sentMs = (data as Record<string, unknown>)[SENT_FIELD];
  if (typeof sentMs !== 'number' || !Number.isFinite(sentMs)) return undefined;
  const latencyMs = receivedMs - sentMs;
  if (latencyMs < -ROUNDING_MS || latencyMs > LATENCY_MAX_MS) return undefined;
  return Math.max(0, latencyMs);
}

/** "0.8 ms", "14 ms", "1.2 s": as many digits as mean something. */
export function formatLatency(latencyMs: number): string {
  if (latencyMs < 10) return `${latencyMs.toFixed(1)} ms`;
  if (latencyMs < 1000) return `${Math.round(latencyMs)} ms`;
  return `${(latencyMs / 1000).toFixed(1)} s`;
}

export interface LatencySummary {
  readonly samples: number;
  readonly medianMs: number;
  readonly p99Ms: number;
}

/** The last `size` latencies; older ones are forgotten. */
export class LatencyWindow {
  readonly #values: Float64Array;
  #next = 0;
  #length = 0;

  constructor(size = 500) {
    this.#values = new Float64Array(size);
  }

  add(latencyMs: number): void {
    this.#values[this.#next] = latencyMs;
    this.#next = (this.#next + 1) % this.#values.length;
    this.#length = Math.min(this.#length + 1, this.#values.length);
  }

  clear(): void {
    this.#next = 0;
    this.#length = 0;
  }

  summary(): LatencySummary | undefined {
    if (this.#length === 0) return undefined;
    const sorted = this.#values.slice(0, this.#length).sort();
    return {
      samples: this.#length,
      medianMs: quantile(sorted, 0.5),
      p99Ms: quantile(sorted, 0.99),
    };
  }
}

/** The smallest sample that at least the share `q` of all samples do not exceed (nearest rank). */
function quantile(sorted: Float64Array, q: number): number {
  const rank = Math.max(1, Math.ceil(q * sorted.length));
  return sorted[rank - 1] ?? Number.NaN;
}
