// The island's outline as we have drawn it, in degrees: rough, and for orientation only. And where a place of it lies on a canvas.

export const OUTLINE: readonly (readonly [longitude: number, latitude: number])[] = [
  [-22.7, 63.82], [-22.1, 63.83], [-21.4, 63.86], [-20.9, 63.78], [-20.3, 63.56], [-19.6, 63.48], [-19.1, 63.4],
  [-18.7, 63.44], [-18.1, 63.52], [-17.7, 63.73], [-17.1, 63.81], [-16.5, 63.88], [-16.1, 64.04], [-15.5, 64.18],
  [-14.95, 64.25], [-14.5, 64.42], [-14.3, 64.63], [-13.9, 64.76], [-13.75, 64.95], [-13.5, 65.08], [-13.7, 65.22],
  [-13.6, 65.32], [-13.75, 65.53], [-14.3, 65.66], [-14.75, 65.72], [-14.6, 65.93], [-14.85, 66.05], [-14.55, 66.37],
  [-15.2, 66.27], [-15.4, 66.16], [-15.75, 66.3], [-16.0, 66.53], [-16.4, 66.48], [-16.5, 66.18], [-16.8, 66.12],
  [-17.15, 66.2], [-17.4, 66.02], [-17.65, 65.98], [-17.9, 66.15], [-18.2, 66.17], [-18.1, 65.9], [-18.05, 65.68],
  [-18.25, 65.9], [-18.55, 66.1], [-18.9, 66.18], [-19.3, 66.05], [-19.45, 65.76], [-19.7, 65.9], [-19.9, 66.1],
  [-20.35, 66.08], [-20.3, 65.7], [-20.65, 65.58], [-20.9, 65.6], [-21.05, 65.2], [-21.3, 65.42], [-21.6, 65.7],
  [-21.35, 66.0], [-21.7, 66.1], [-22.2, 66.3], [-22.5, 66.47], [-23.1, 66.36], [-22.7, 66.2], [-22.5, 65.98],
  [-23.0, 66.05], [-23.4, 66.17], [-23.8, 66.02], [-23.6, 65.88], [-24.1, 65.8], [-23.5, 65.68], [-24.1, 65.6],
  [-24.5, 65.5], [-23.9, 65.42], [-23.2, 65.52], [-22.6, 65.56], [-21.9, 65.48], [-22.4, 65.3], [-21.85, 65.1],
  [-22.6, 65.06], [-23.3, 64.98], [-24.0, 64.88], [-23.6, 64.75], [-23.0, 64.8], [-22.4, 64.74], [-22.3, 64.55],
  [-21.9, 64.5], [-22.1, 64.32], [-21.6, 64.38], [-21.9, 64.18], [-22.0, 64.06], [-22.5, 64.0], [-22.7, 64.07],
];

const WEST = -24.9;
const EAST = -13.1;
const NORTH = 66.75;
const SOUTH = 63.2;
/** A degree of longitude is so much shorter than one of latitude there. */
const SQUEEZE = Math.cos((65 * Math.PI) / 180);

export const ASPECT = ((EAST - WEST) * SQUEEZE) / (NORTH - SOUTH);

/** From degrees to pixels of a map that is `width` wide and `width / ASPECT` high. */
export function placeOn(width: number, longitude: number, latitude: number): readonly [x: number, y: number] {
  const height = width / ASPECT;
  return [((longitude - WEST) / (EAST - WEST)) * width, ((NORTH - latitude) / (NORTH - SOUTH)) * height];
}

/** Hue for a temperature in tenths of a degree: blue at -8, red at 19. */
export function hueOf(tenths: number): number {
  const share = Math.min(1, Math.max(0, (tenths + 80) / 270));
  return Math.round(225 - share * 215);
}
