// Figures as a visitor reads them, and what they come to.

import type { Figures } from './count.ts';

export type Name = 'websocket' | 'sse' | 'long-poll' | 'poll';

export function delayWords(ms: number | undefined): string {
  if (ms === undefined) return '–';
  if (ms < 1) return '< 1 ms';
  return ms < 995 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`;
}

export function sizeWords(bytes: number | undefined): string {
  if (bytes === undefined) return '–';
  if (bytes < 1_000) return `${Math.round(bytes)} B`;
  return bytes < 999_500 ? `${(bytes / 1_000).toFixed(bytes < 9_950 ? 1 : 0)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}

export function requestWords({ requests, forNothing }: Figures): string {
  const count = requests.toLocaleString('en');
  return forNothing === 0 ? count : `${count}, ${forNothing.toLocaleString('en')} for nothing`;
}

/** What the four come to so far. Where polling costs less it says so: it does when much comes between two polls. */
export function verdict(figures: Readonly<Record<Name, Figures>>, seconds: number): string {
  const { websocket: push, poll } = figures;
  if (push.values === 0 || poll.bytesPerValue === undefined || push.bytesPerValue === undefined) {
    return 'Waiting for values to compare.';
  }
  const asked = poll.requests === 1 ? 'Polling asked once' : `Polling asked ${poll.requests.toLocaleString('en')} times`;
  const vain = poll.forNothing === 0 ? '' : `, ${poll.forNothing.toLocaleString('en')} of them for nothing,`;
  const late = `and had values ${delayWords(poll.delayMs)} late; push needed one request and was ${delayWords(push.delayMs)} late`;
  const ratio = poll.bytesPerValue / push.bytesPerValue;
  const bytes =
    ratio >= 1.1
      ? `A polled value cost ${timesWords(ratio)} the bytes of a pushed one.`
      : ratio > 0.9
        ? 'Both cost about the same bytes a value.'
        : `Here a polled value costs fewer bytes, ${sizeWords(poll.bytesPerValue)} to ${sizeWords(push.bytesPerValue)}: one answer brings many, all of them late.`;
  // A number and its unit stay on one line.
  return `${Math.round(seconds)} s: ${asked}${vain} ${late}. ${bytes}`.replace(/(\d) (ms|s|B|kB|MB)\b/g, '$1\u00a0$2');
}

function timesWords(ratio: number): string {
  return `${ratio < 10 ? ratio.toFixed(1) : Math.round(ratio)} times`;
}
