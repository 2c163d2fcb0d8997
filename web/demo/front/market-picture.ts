// One sector of the market: its mean price over the last seconds, and how often it changes.

import { part } from '../frame/part.ts';
import { Canvas, colour } from './canvas.ts';

const POINTS_MAX = 400;
const COUNTED_MS = 1_000;

export class MarketPicture {
  readonly #canvas: Canvas;
  readonly #price = part('b', 'figure', '–');
  readonly #rate = part('span', 'picture-note', ' ');
  readonly #points: number[] = [];
  #arrivals = 0;
  #countedFromMs = performance.now();

  constructor(place: HTMLElement, name: string) {
    const words = part('p', 'picture-words');
    words.append(part('span', 'picture-note', name), this.#price, this.#rate);
    place.replaceChildren(words);
    this.#canvas = new Canvas(place, (context, width, height) => this.#paint(context, width, height));
    setInterval(() => this.#count(), COUNTED_MS);
  }

  add(price: number): void {
    this.#points.push(price);
    if (this.#points.length > POINTS_MAX) this.#points.shift();
    this.#arrivals += 1;
    this.#canvas.ask();
  }

  #count(): void {
    const nowMs = performance.now();
    const rate = Math.round((this.#arrivals * 1_000) / (nowMs - this.#countedFromMs));
    [this.#arrivals, this.#countedFromMs] = [0, nowMs];
    const last = this.#points.at(-1);
    this.#price.textContent = last === undefined ? '–' : last.toFixed(2);
    this.#rate.textContent = rate === 0 ? ' ' : `${rate} updates a second`;
  }

  #paint(context: CanvasRenderingContext2D, width: number, height: number): void {
    const points = this.#points;
    if (points.length < 2) return;
    const [least, most] = [Math.min(...points), Math.max(...points)];
    const [top, bottom] = [height * 0.42, height * 0.9];
    const x = (index: number) => width - ((points.length - 1 - index) / (POINTS_MAX - 1)) * width;
    const y = (price: number) => bottom - ((price - least) / Math.max(most - least, 0.01)) * (bottom - top);
    const line = new Path2D();
    points.forEach((price, index) => line.lineTo(x(index), y(price)));
    const area = new Path2D(line);
    area.lineTo(width, height);
    area.lineTo(x(0), height);
    context.fillStyle = colour('--accent-wash');
    context.fill(area);
    context.lineWidth = 2;
    context.lineJoin = 'round';
    context.strokeStyle = colour('--accent');
    context.stroke(line);
  }
}
