// Which part of the arena the canvas shows: all of it to who watches, what is near to who plays.

import { HEIGHT, WIDTH } from './flight.ts';

export interface Camera {
  /** Pixels a unit. */
  readonly scale: number;
  /** Where the arena's corner is on the canvas, pixels. */
  readonly left: number;
  readonly top: number;
}

/** A player sees at least so many units across the shorter side. */
const NEAR_UNITS = 840;
const MARGIN_PX = 10;

/** `nearness`: 0 for all of the arena, 1 for what is around the focus, and between them on the way from one to the other. */
export function cameraOf(width: number, height: number, focus?: { readonly x: number; readonly y: number }, nearness = 1): Camera {
  const whole = Math.min((width - 2 * MARGIN_PX) / WIDTH, (height - 2 * MARGIN_PX) / HEIGHT);
  const near = focus === undefined ? whole : Math.max(whole, Math.min(width, height) / NEAR_UNITS);
  const scale = whole + (near - whole) * nearness;
  return {
    scale,
    left: edge(width, WIDTH * scale, focus?.x ?? 0, scale),
    top: edge(height, HEIGHT * scale, focus?.y ?? 0, scale),
  };
}

/** The focus in the middle, unless beyond the wall there would be more than a margin. */
function edge(canvas: number, arena: number, focus: number, scale: number): number {
  if (arena <= canvas - 2 * MARGIN_PX) return (canvas - arena) / 2;
  return Math.max(canvas - arena - MARGIN_PX, Math.min(MARGIN_PX, canvas / 2 - focus * scale));
}

export function onCanvas(camera: Camera, { x, y }: { readonly x: number; readonly y: number }): { x: number; y: number } {
  return { x: camera.left + x * camera.scale, y: camera.top + y * camera.scale };
}
