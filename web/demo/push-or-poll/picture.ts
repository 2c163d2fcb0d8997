// One way's picture: the curve as it is, thin; what this viewer has on the screen, thick; and each request, as a stroke below.

import { Canvas, colour } from '../front/canvas.ts';
import { SHOWN_MS, type Trace } from './trace.ts';

/** Strokes of requests stand below this share of the height. */
const FLOOR = 0.84;
const CEILING = 0.06;
const STEP_MS = 50;
/** Who wants no motion gets a new picture so often. */
const STILL_MS = 1_000;

export class Picture {
  readonly #canvas: Canvas;
  #isStopped = false;

  /** `truth` is of the quickest way; `own` what this one has. */
  constructor(place: HTMLElement, truth: Trace, own: Trace) {
    this.#canvas = new Canvas(place, (context, width, height) => paint(context, width, height, truth, own));
    const calm = matchMedia('(prefers-reduced-motion: reduce)');
    let drawnMs = 0;
    setInterval(() => {
      const nowMs = performance.now();
      if (document.hidden || this.#isStopped || nowMs - drawnMs < (calm.matches ? STILL_MS : 0)) return;
      drawnMs = nowMs;
      this.#canvas.ask();
    }, STEP_MS);
  }

  set isStopped(is: boolean) {
    this.#isStopped = is;
  }
}

function paint(context: CanvasRenderingContext2D, width: number, height: number, truth: Trace, own: Trace): void {
  const nowMs = Date.now();
  const x = (ms: number) => width * (1 - (nowMs - ms) / SHOWN_MS);
  const y = (v: number) => height * (FLOOR - (FLOOR - CEILING) * (v / 100));

  context.lineJoin = 'round';
  context.lineWidth = 1.5;
  context.strokeStyle = colour('--muted');
  context.globalAlpha = 0.7;
  const curve = new Path2D();
  for (const { ms, v } of truth.made()) curve.lineTo(x(ms), y(v));
  context.stroke(curve);
  context.globalAlpha = 1;

  context.lineWidth = 1;
  const asked = new Path2D();
  for (const ms of own.requests(nowMs)) {
    asked.moveTo(x(ms), height * (FLOOR + 0.05));
    asked.lineTo(x(ms), height);
  }
  context.strokeStyle = colour('--warn');
  context.lineWidth = 2;
  context.stroke(asked);

  const shown = own.shown();
  const last = shown.at(-1);
  if (last === undefined) return;
  const steps = new Path2D();
  let level: number | undefined;
  for (const { ms, v } of shown) {
    if (level !== undefined) steps.lineTo(x(ms), level);
    level = y(v);
    steps.lineTo(x(ms), level);
  }
  steps.lineTo(width, y(last.v));
  context.strokeStyle = colour('--accent');
  context.lineWidth = 2.5;
  context.stroke(steps);
}
