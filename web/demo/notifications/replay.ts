// What is said of the time away: how many came then, and how many nobody can bring back. Two streams, one sentence.

import { countOf, type Outcome, type Position } from '../../src/recovery.ts';

export interface Replay {
  /** Notifications that were sent meanwhile and have arrived now. */
  readonly arrived: number;
  /** Those that the history does not hold any more; undefined where nobody can know how many. */
  readonly lost: number | undefined;
}

export const NOTHING_MISSED: Replay = { arrived: 0, lost: 0 };

/** `held` are the offsets that the history still has, asked for after a gap. */
export function replayOfGap(outcome: Extract<Outcome, { kind: 'gap' }>, last: Position | undefined, held: readonly number[]): Replay {
  if (outcome.missed === undefined || last === undefined) return { arrived: held.length, lost: undefined };
  const arrived = held.filter((offset) => offset > last.offset).length;
  return { arrived, lost: Math.max(0, outcome.missed - arrived) };
}

export function together(a: Replay, b: Replay): Replay {
  const lost = a.lost === undefined || b.lost === undefined ? undefined : a.lost + b.lost;
  return { arrived: a.arrived + b.arrived, lost };
}

export function isGap({ lost }: Replay): boolean {
  return lost !== 0;
}

/** Empty where there is nothing to say. */
export function sentenceOf(replay: Replay): string {
  const { arrived, lost } = replay;
  const came = `${countOf(arrived, 'notification')} came while you were away`;
  if (!isGap(replay)) return arrived === 0 ? '' : `${came}. Nothing is missing.`;
  const gap =
    lost === undefined
      ? 'Gap: the server was started anew, so nobody can say what you missed.'
      : `Gap: ${countOf(lost, 'notification')} ${lost === 1 ? 'is' : 'are'} lost; the history no longer reaches back that far.`;
  if (arrived === 0) return gap;
  return `${gap} ${arrived === 1 ? 'The one that it still has is' : `The ${arrived.toLocaleString('en')} that it still has are`} here.`;
}
