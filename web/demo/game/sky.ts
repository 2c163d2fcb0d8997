// What lies behind the ships: stars, which show how fast one flies over an empty place, and the glow of what shines.

import { HEIGHT, WIDTH } from './flight.ts';

const STARS = 260;
const GLOW_PX = 64;

interface Star {
  readonly x: number;
  readonly y: number;
  readonly size: number;
  readonly brightness: number;
}

/** The same sky for everybody: a sequence that only looks like chance. */
const stars: readonly Star[] = Array.from({ length: STARS }, (_, index) => {
  const part = (factor: number) => (index * factor) % 1;
  return { x: part(0.618_034) * WIDTH, y: part(0.754_878) * HEIGHT, size: 1 + part(0.569_84) * 2.2, brightness: 0.15 + part(0.819_173) * 0.5 };
});

/** `scale`: pixels a unit. */
export function drawStars(context: CanvasRenderingContext2D, colour: string, scale: number): void {
  const alpha = context.globalAlpha;
  context.fillStyle = colour;
  // From far away a star is not smaller than the screen can show.
  const grown = Math.max(1, 0.6 / scale);
  for (const { x, y, size, brightness } of stars) {
    context.globalAlpha = alpha * brightness;
    context.fillRect(x, y, size * grown, size * grown);
  }
  context.globalAlpha = alpha;
}

const glows = new Map<string, HTMLCanvasElement>();

/** A soft round light, drawn once for each colour: a gradient for each of a hundred sparks would be dear. */
export function drawGlow(context: CanvasRenderingContext2D, colour: string, x: number, y: number, radius: number): void {
  let glow = glows.get(colour);
  if (glow === undefined) {
    glow = glowOf(colour);
    glows.set(colour, glow);
  }
  context.drawImage(glow, x - radius, y - radius, 2 * radius, 2 * radius);
}

function glowOf(colour: string): HTMLCanvasElement {
  const made = document.createElement('canvas');
  [made.width, made.height] = [2 * GLOW_PX, 2 * GLOW_PX];
  const context = made.getContext('2d');
  if (context === null) return made;
  const light = context.createRadialGradient(GLOW_PX, GLOW_PX, 0, GLOW_PX, GLOW_PX, GLOW_PX);
  light.addColorStop(0, '#000');
  light.addColorStop(0.3, 'rgb(0 0 0 / 45%)');
  light.addColorStop(1, 'rgb(0 0 0 / 0%)');
  context.fillStyle = light;
  context.fillRect(0, 0, 2 * GLOW_PX, 2 * GLOW_PX);
  // The light is the mask, and the colour what shows through it.
  context.globalCompositeOperation = 'source-in';
  context.fillStyle = colour;
  context.fillRect(0, 0, 2 * GLOW_PX, 2 * GLOW_PX);
  return made;
}
