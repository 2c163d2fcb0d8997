// The last delays as bars, the newest on the right.

import { element } from '../../src/view/element.ts';
import { SAMPLES_MAX } from './delay.ts';

/** The picture's height is this, or the longest delay where that is more. */
const HEIGHT_MS_MIN = 150;
const GAP_PX = 1;

export class DelayBars {
  readonly #canvas = element('delays', HTMLCanvasElement);

  draw(samples: readonly number[]): void {
    const context = this.#canvas.getContext('2d');
    const [width, height] = [this.#canvas.clientWidth, this.#canvas.clientHeight];
    if (context === null || width === 0) return;
    const scale = devicePixelRatio;
    [this.#canvas.width, this.#canvas.height] = [Math.round(width * scale), Math.round(height * scale)];
    context.scale(scale, scale);
    const style = getComputedStyle(this.#canvas);
    context.fillStyle = style.getPropertyValue('--line');
    context.fillRect(0, height - 1, width, 1);
    context.fillStyle = style.getPropertyValue('--accent');
    const most = Math.max(HEIGHT_MS_MIN, ...samples);
    const step = width / SAMPLES_MAX;
    samples.forEach((delayMs, index) => {
      const tall = Math.max(2, (delayMs / most) * height);
      context.fillRect(width - (samples.length - index) * step, height - tall, Math.max(1, step - GAP_PX), tall);
    });
  }
}
