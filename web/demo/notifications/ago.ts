// How long ago something was, in as few words as it takes.

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

export function agoOf(timeMs: number, nowMs: number): string {
  const agoMs = Math.max(0, nowMs - timeMs);
  if (agoMs < MINUTE_MS) return 'now';
  if (agoMs < HOUR_MS) return `${Math.floor(agoMs / MINUTE_MS)} min`;
  if (agoMs < DAY_MS) return `${Math.floor(agoMs / HOUR_MS)} h`;
  return `${Math.floor(agoMs / DAY_MS)} d`;
}
