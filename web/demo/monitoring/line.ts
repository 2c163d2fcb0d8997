// How fast a viewer's line is: the steps of the slider, and what the page says about them.

import type { Figures } from './freshness.ts';
import { formatBytes } from './size.ts';

/** Bytes a second; 0 is the direct line. The whole board is some 100 KB a second. */
export const RATES = [0, 200_000, 100_000, 50_000, 25_000, 12_000, 6_000] as const;

export function rateAt(step: number): number {
  return RATES[Math.max(0, Math.min(RATES.length - 1, Math.round(step)))] ?? 0;
}

export function nameOf(rate: number): string {
  return rate === 0 ? 'full speed' : `${formatBytes(rate)}/s`;
}

/** What is to be seen at this moment, in one sentence. */
export function verdict(rate: number, { ageMs, skipped, received }: Figures): string {
  if (rate === 0 && ageMs === undefined) return 'No prices come at the moment: what you see are the last ones.';
  if (rate === 0) return 'Both viewers are on the direct line.';
  if (ageMs === undefined) return 'This viewer waits for its first prices over the slow line.';
  if (skipped === 0) return 'The line is slow, but fast enough so far: nothing had to be skipped.';
  const percent = Math.round((100 * skipped) / (skipped + received));
  return (
    `What comes is late, never stale: ${percent} % of the messages were replaced by newer ones while they waited. ` +
    'The other viewer notices nothing.'
  );
}

/** The relay's address beside the page's own. */
export function relayEndpoint(page: { readonly hostname: string }, { port, path }: { port: number; path: string }): string {
  return `ws://${page.hostname}:${port}${path}`;
}
