// The warmth of the whole country from what a few stations measure: near a station it is the station's, between them a mean
// weighted by the distance. Drawn small, and made large and smooth by the canvas.

import { hueOf, placeOn, ASPECT } from './country.ts';
import type { Station } from './feed.ts';

const WIDTH = 72;
const HEIGHT = Math.round(WIDTH / ASPECT);
/** A station's own place would weigh without end. */
const NEAR = 4;

export class WarmthField {
  readonly #canvas = document.createElement('canvas');
  readonly #context: CanvasRenderingContext2D | null;

  constructor() {
    [this.#canvas.width, this.#canvas.height] = [WIDTH, HEIGHT];
    this.#context = this.#canvas.getContext('2d');
  }

  /** As wide as the map; the caller clips it to the land. */
  draw(context: CanvasRenderingContext2D, width: number, stations: readonly Station[], lightness: number): void {
    const small = this.#context;
    if (small === null || stations.length === 0) return;
    const image = small.createImageData(WIDTH, HEIGHT);
    const places = stations.map(([, longitude, latitude, warmth]) => [...placeOn(WIDTH, longitude, latitude), warmth] as const);
    for (let y = 0; y < HEIGHT; y += 1) {
      for (let x = 0; x < WIDTH; x += 1) {
        let [sum, weights] = [0, 0];
        for (const [stationX, stationY, warmth] of places) {
          const weight = 1 / ((x - stationX) ** 2 + (y - stationY) ** 2 + NEAR);
          sum += weight * warmth;
          weights += weight;
        }
        image.data.set(rgbOf(hueOf(sum / weights), lightness), (y * WIDTH + x) * 4);
      }
    }
    small.putImageData(image, 0, 0);
    context.imageSmoothingQuality = 'high';
    context.drawImage(this.#canvas, 0, 0, width, width / ASPECT);
  }
}

const SATURATION = 0.6;

/** HSL as CSS has it, in bytes. */
function rgbOf(hue: number, lightness: number): [number, number, number, number] {
  const reach = SATURATION * Math.min(lightness, 1 - lightness);
  const channel = (n: number) => {
    const k = (n + hue / 30) % 12;
    return Math.round(255 * (lightness - reach * Math.max(-1, Math.min(k - 3, 9 - k, 1))));
  };
  return [channel(0), channel(8), channel(4), 255];
}
