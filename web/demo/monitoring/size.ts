// Bytes in words.

const UNITS = ['B', 'KB', 'MB', 'GB', 'TB'] as const;

/** "812 B", "64 KB", "1.4 GB": three digits at most, in thousands. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value < 9.95 && unit > 0 ? value.toFixed(1) : Math.round(value)} ${UNITS[unit]}`;
}
