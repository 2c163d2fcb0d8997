// The steps of the two sliders.

/** Values a minute: each has a channel of its own. As `examples/demo_push_or_poll.rs` has them. */
export const RATES = [6, 30, 60, 120, 300, 600] as const;
/** Milliseconds between two polls. */
export const INTERVALS_MS = [500, 1_000, 2_000, 5_000, 10_000] as const;

/** Where the sliders stand at first: two values a second, asked for every two seconds. */
export const FIRST_RATE = 3;
export const FIRST_INTERVAL = 2;

export function rateAt(step: number): number {
  return RATES[step] ?? RATES[FIRST_RATE];
}

export function intervalAt(step: number): number {
  return INTERVALS_MS[step] ?? INTERVALS_MS[FIRST_INTERVAL];
}

export function channelOf(rate: number): string {
  return `pace:${rate}`;
}

export function rateWords(rate: number): string {
  return rate < 60 ? `one every ${60 / rate} s` : `${rate / 60} a second`;
}

export function intervalWords(ms: number): string {
  if (ms === 1_000) return 'every second';
  return ms < 1_000 ? `${1_000 / ms} times a second` : `every ${ms / 1_000} s`;
}
