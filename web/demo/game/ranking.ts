// Who is ahead, and how to say it.

import type { Ship } from './state.ts';

export interface Rank {
  readonly place: number;
  readonly ship: Ship;
}

/** The first `shown`, and the own ship wherever it is. Equal scores share a place. */
export function ranking(ships: readonly Ship[], own: number | undefined, shown: number): Rank[] {
  const sorted = [...ships].sort((a, b) => b.score - a.score || a.number - b.number);
  const ranks = sorted.map((ship) => ({ ship, place: 1 + sorted.findIndex(({ score }) => score === ship.score) }));
  const rows = ranks.slice(0, shown);
  const mine = ranks.find(({ ship }) => ship.number === own);
  return mine === undefined || rows.includes(mine) ? rows : [...rows.slice(0, -1), mine];
}

export function ordinal(place: number): string {
  const tail = place % 100;
  if (tail >= 11 && tail <= 13) return `${place}th`;
  return `${place}${({ 1: 'st', 2: 'nd', 3: 'rd' } as const)[place % 10 as 1 | 2 | 3] ?? 'th'}`;
}

export function pointsOf(score: number): string {
  return score === 1 ? '1 point' : `${score} points`;
}

const SECTORS = ['right', 'down right', 'down', 'down left', 'left', 'up left', 'up', 'up right'];

/** A direction for who does not see the arena. */
export function whereTo(from: { x: number; y: number }, to: { x: number; y: number }): string {
  const turn = Math.atan2(to.y - from.y, to.x - from.x) / (2 * Math.PI);
  return SECTORS[Math.round((turn + 1) * 8) % 8] ?? '';
}
