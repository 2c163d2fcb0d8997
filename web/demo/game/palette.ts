// The colours of the canvas: the tokens of the place where it stands.

export interface Palette {
  readonly well: string;
  readonly surface: string;
  readonly line: string;
  readonly ink: string;
  readonly muted: string;
  readonly accent: string;
  readonly gold: string;
  readonly sans: string;
  /** One for each ship, by its number; names tell them apart, too. */
  readonly ships: readonly string[];
}

export function readPalette(canvas: HTMLCanvasElement): Palette {
  const style = getComputedStyle(canvas);
  const token = (name: string) => style.getPropertyValue(`--${name}`).trim();
  return {
    well: token('well'),
    surface: token('surface'),
    line: token('line'),
    ink: token('ink'),
    muted: token('muted'),
    accent: token('accent'),
    gold: token('warn'),
    sans: token('sans'),
    ships: [1, 2, 3, 4, 5, 0].map((number) => token(`channel-${number}`)),
  };
}

export function shipColour(palette: Palette, number: number): string {
  return palette.ships[number % palette.ships.length] ?? palette.ink;
}
