// A curve as it is pushed, and what somebody has of it who looks every two seconds only.

import { part } from '../frame/part.ts';
import { Canvas, colour } from './canvas.ts';

const SHOWN_MS = 12_000;
const LOOKS_EVERY_MS = 2_000;
const KEPT_MAX = 64;

export interface Point {
  readonly ms: number;
  readonly v: number;
}

/** What is known at each look: the newest point before it. */
export function lookedAt(points: readonly Point[], nowMs: number): Point[] {
  const looks: Point[] = [];
  const first = Math.ceil((nowMs - SHOWN_MS) / LOOKS_EVERY_MS) * LOOKS_EVERY_MS;
  for (let ms = first; ms <= nowMs; ms += LOOKS_EVERY_MS) {
    const newest = points.filter((point) => point.ms <= ms).at(-1);
    if (newest !== undefined) looks.push({ ms, v: newest.v });
  }
  return looks;
}

export class PacePicture {
  readonly #canvas: Canvas;
  readonly #points: Point[] = [];

  constructor(place: HTMLElement) {
    const words = part('p', 'picture-words');
    words.append(part('span', 'picture-note pushed', 'pushed'), part('span', 'picture-note looked', 'looked at every 2 s'));
    place.replaceChildren(words);
    this.#canvas = new Canvas(place, (context, width, height) => this.#paint(context, width, height));
  }

  add(v: number): void {
    this.#points.push({ ms: Date.now(), v });
    if (this.#points.length > KEPT_MAX) this.#points.shift();
    this.#canvas.ask();
  }

  #paint(context: CanvasRenderingContext2D, width: number, height: number): void {
    const nowMs = Date.now();
    const x = (ms: number) => width * (1 - (nowMs - ms) / SHOWN_MS);
    const y = (v: number) => height * (0.9 - 0.6 * (v / 100));
    context.lineJoin = 'round';
    context.lineWidth = 2;
    context.strokeStyle = colour('--warn');
    context.stroke(steps(lookedAt(this.#points, nowMs), x, y, width));
    context.lineWidth = 2.5;
    context.strokeStyle = colour('--accent');
    context.stroke(steps(this.#points, x, y, width));
  }
}

/** Each point holds until the next. */
function steps(points: readonly Point[], x: (ms: number) => number, y: (v: number) => number, width: number): Path2D {
  const path = new Path2D();
  let level: number | undefined;
  for (const { ms, v } of points) {
    if (level !== undefined) path.lineTo(x(ms), level);
    level = y(v);
    path.lineTo(x(ms), level);
  }
  if (level !== undefined) path.lineTo(width, level);
  return path;
}
