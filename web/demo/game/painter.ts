// The arena as a drawing: lines and filled shapes, no pictures.

import { onCanvas, type Camera } from './camera.ts';
import { RING_MS, type Effects } from './effects.ts';
import { HEIGHT, RADIUS, WIDTH } from './flight.ts';
import { shipColour, type Palette } from './palette.ts';
import { drawGlow, drawStars } from './sky.ts';
import type { Ship, Spark } from './state.ts';

export interface Scene {
  readonly ships: readonly Ship[];
  readonly sparks: readonly Spark[];
  readonly own: number | undefined;
  readonly nowMs: number;
  /** No word from the server: what is shown is old. */
  readonly isStale: boolean;
  readonly name: (ship: number) => string;
  readonly stick: Readonly<{ fromX: number; fromY: number; x: number; y: number }> | undefined;
}

const WAVE_UNITS = 130;
const MAP_WIDTH_PX = 132;
/** From far away ships and sparks are drawn larger than they are, so that they are seen. */
const GROWN_BELOW_SCALE = 0.42;
const GROWN_MAX = 2;
/** Ships smaller than this on the screen carry no name. */
const NAMED_FROM_SCALE = 0.3;

export class Painter {
  readonly #context: CanvasRenderingContext2D;
  palette: Palette;
  /** Undefined with reduced motion. */
  effects: Effects | undefined;
  #width = 0;
  #height = 0;

  constructor(canvas: HTMLCanvasElement, palette: Palette) {
    const context = canvas.getContext('2d');
    if (context === null) throw new Error('this browser draws no canvas');
    this.#context = context;
    this.palette = palette;
  }

  /** The canvas as it stands on the page, in its own pixels and in those of the screen. */
  resize(width: number, height: number, density: number): void {
    [this.#width, this.#height] = [width, height];
    const { canvas } = this.#context;
    [canvas.width, canvas.height] = [Math.round(width * density), Math.round(height * density)];
    this.#context.setTransform(density, 0, 0, density, 0, 0);
  }

  paint(scene: Scene, camera: Camera): void {
    const context = this.#context;
    context.clearRect(0, 0, this.#width, this.#height);
    context.save();
    context.translate(camera.left, camera.top);
    context.scale(camera.scale, camera.scale);
    if (scene.isStale) context.globalAlpha = 0.45;
    this.#ground(camera.scale);
    const grown = Math.max(1, Math.min(GROWN_MAX, GROWN_BELOW_SCALE / camera.scale));
    for (const ship of scene.ships) this.#wake(ship);
    scene.sparks.forEach((spark, index) => this.#spark(spark, index, scene.nowMs, grown));
    this.#rings(scene.nowMs);
    for (const ship of scene.ships) this.#ship(ship, ship.number === scene.own, camera.scale, grown);
    context.restore();
    if (camera.scale >= NAMED_FROM_SCALE) this.#names(scene, camera);
    if (camera.left < 0 || camera.top < 0) this.#map(scene);
    this.#stick(scene.stick);
  }

  #ground(scale: number): void {
    const context = this.#context;
    context.fillStyle = this.palette.surface;
    context.strokeStyle = this.palette.line;
    context.lineWidth = 2 / scale;
    context.beginPath();
    context.roundRect(0, 0, WIDTH, HEIGHT, RADIUS);
    context.fill();
    context.stroke();
    context.save();
    context.clip();
    drawStars(context, this.palette.ink, scale);
    // Waves from a source in the middle.
    const alpha = context.globalAlpha;
    context.globalAlpha = alpha * 0.6;
    context.lineWidth = 1.2 / scale;
    context.beginPath();
    for (let radius = WAVE_UNITS; radius < WIDTH * 0.6; radius += WAVE_UNITS) {
      context.moveTo(WIDTH / 2 + radius, HEIGHT / 2);
      context.arc(WIDTH / 2, HEIGHT / 2, radius, 0, 2 * Math.PI);
    }
    context.stroke();
    context.fillStyle = this.palette.line;
    context.beginPath();
    context.arc(WIDTH / 2, HEIGHT / 2, RADIUS, 0, 2 * Math.PI);
    context.fill();
    context.globalAlpha = alpha;
    context.restore();
  }

  /** Thin and faint at its end. */
  #wake({ number }: Ship): void {
    const points = this.effects?.wake(number) ?? [];
    const context = this.#context;
    context.strokeStyle = shipColour(this.palette, number);
    context.lineCap = 'butt';
    const alpha = context.globalAlpha;
    for (let index = 1; index < points.length; index += 1) {
      const [from, to] = [points[index - 1], points[index]];
      if (from === undefined || to === undefined) continue;
      const part = index / points.length;
      context.globalAlpha = alpha * part * 0.5;
      context.lineWidth = 2 + part * 9;
      context.beginPath();
      context.moveTo(from.x, from.y);
      context.lineTo(to.x, to.y);
      context.stroke();
    }
    context.globalAlpha = alpha;
  }

  #spark({ x, y, isGolden }: Spark, index: number, nowMs: number, grown: number): void {
    const context = this.#context;
    const beat = this.effects === undefined ? 0 : Math.sin(nowMs / 420 + index * 1.7);
    const size = (isGolden ? 17 : 10) * (1 + beat * 0.08) * grown;
    context.fillStyle = isGolden ? this.palette.gold : this.palette.accent;
    const alpha = context.globalAlpha;
    context.globalAlpha = alpha * 0.55;
    drawGlow(context, isGolden ? this.palette.gold : this.palette.accent, x, y, size * (isGolden ? 4 : 3));
    context.globalAlpha = alpha;
    context.beginPath();
    // A star of four points, its sides drawn in.
    context.moveTo(x, y - size);
    context.quadraticCurveTo(x, y, x + size, y);
    context.quadraticCurveTo(x, y, x, y + size);
    context.quadraticCurveTo(x, y, x - size, y);
    context.quadraticCurveTo(x, y, x, y - size);
    context.fill();
    context.beginPath();
    context.arc(x, y, size * 0.34, 0, 2 * Math.PI);
    context.fill();
  }

  #rings(nowMs: number): void {
    const context = this.#context;
    const alpha = context.globalAlpha;
    for (const { x, y, isGolden, sinceMs } of this.effects?.rings ?? []) {
      const part = Math.min(1, (nowMs - sinceMs) / RING_MS);
      context.globalAlpha = alpha * (1 - part);
      context.strokeStyle = isGolden ? this.palette.gold : this.palette.accent;
      context.lineWidth = 5 * (1 - part) + 1;
      context.beginPath();
      context.arc(x, y, 14 + part * 34, 0, 2 * Math.PI);
      context.stroke();
    }
    context.globalAlpha = alpha;
  }

  #ship(ship: Ship, isOwn: boolean, scale: number, grown: number): void {
    const context = this.#context;
    const colour = shipColour(this.palette, ship.number);
    const alpha = context.globalAlpha;
    if (ship.isAdrift) context.globalAlpha = alpha * 0.4;
    context.save();
    context.translate(ship.x, ship.y);
    context.scale(grown, grown);
    context.globalAlpha *= 0.35;
    drawGlow(context, colour, 0, 0, RADIUS * 3.2);
    context.globalAlpha /= 0.35;
    if (isOwn) {
      context.strokeStyle = this.palette.accent;
      context.lineWidth = 2 / scale;
      context.beginPath();
      context.arc(0, 0, RADIUS * 1.75, 0, 2 * Math.PI);
      context.stroke();
    }
    context.rotate(ship.heading);
    if (ship.isPushed) {
      context.fillStyle = this.palette.gold;
      context.beginPath();
      context.moveTo(-RADIUS * 0.55, -RADIUS * 0.38);
      context.lineTo(-RADIUS * 1.35, 0);
      context.lineTo(-RADIUS * 0.55, RADIUS * 0.38);
      context.fill();
    }
    context.fillStyle = colour;
    context.strokeStyle = this.palette.surface;
    context.lineWidth = 2;
    context.lineJoin = 'round';
    context.beginPath();
    context.moveTo(RADIUS * 1.2, 0);
    context.quadraticCurveTo(RADIUS * 0.2, -RADIUS * 0.5, -RADIUS * 0.85, -RADIUS * 0.9);
    context.quadraticCurveTo(-RADIUS * 0.3, 0, -RADIUS * 0.85, RADIUS * 0.9);
    context.quadraticCurveTo(RADIUS * 0.2, RADIUS * 0.5, RADIUS * 1.2, 0);
    context.fill();
    context.stroke();
    context.fillStyle = this.palette.surface;
    context.beginPath();
    context.arc(RADIUS * 0.15, 0, RADIUS * 0.2, 0, 2 * Math.PI);
    // Bots look ahead with a closed eye.
    if (!ship.isBot) context.fill();
    context.restore();
    context.globalAlpha = alpha;
  }

  #names(scene: Scene, camera: Camera): void {
    const context = this.#context;
    context.textAlign = 'center';
    context.textBaseline = 'top';
    context.lineWidth = 3;
    context.lineJoin = 'round';
    for (const ship of scene.ships) {
      const isOwn = ship.number === scene.own;
      const { x, y } = onCanvas(camera, ship);
      const below = y + RADIUS * camera.scale * (isOwn ? 1.9 : 1.3) + 3;
      context.font = `${isOwn ? 650 : 500} 12px ${this.palette.sans}`;
      context.strokeStyle = this.palette.surface;
      context.strokeText(scene.name(ship.number), x, below);
      context.fillStyle = isOwn ? this.palette.ink : this.palette.muted;
      context.fillText(scene.name(ship.number), x, below);
    }
  }

  /** All of the arena in a corner, where the canvas shows a part. */
  #map(scene: Scene): void {
    const context = this.#context;
    const width = Math.min(MAP_WIDTH_PX, this.#width * 0.28);
    const scale = width / WIDTH;
    context.save();
    context.translate(this.#width - width - 12, 12);
    context.globalAlpha = 0.85;
    context.fillStyle = this.palette.well;
    context.strokeStyle = this.palette.line;
    context.lineWidth = 1;
    context.beginPath();
    context.roundRect(0, 0, width, HEIGHT * scale, 5);
    context.fill();
    context.stroke();
    context.globalAlpha = 1;
    for (const { x, y, isGolden } of scene.sparks) {
      context.fillStyle = isGolden ? this.palette.gold : this.palette.line;
      const size = isGolden ? 3 : 2;
      context.fillRect(x * scale - size / 2, y * scale - size / 2, size, size);
    }
    for (const ship of scene.ships) {
      const isOwn = ship.number === scene.own;
      context.fillStyle = isOwn ? this.palette.ink : shipColour(this.palette, ship.number);
      context.beginPath();
      context.arc(ship.x * scale, ship.y * scale, isOwn ? 3.5 : 2, 0, 2 * Math.PI);
      context.fill();
    }
    context.restore();
  }

  /** Where the finger steers from and to. */
  #stick(stick: Scene['stick']): void {
    if (stick === undefined) return;
    const context = this.#context;
    context.globalAlpha = 0.5;
    context.strokeStyle = this.palette.ink;
    context.lineWidth = 2;
    context.beginPath();
    context.arc(stick.fromX, stick.fromY, 44, 0, 2 * Math.PI);
    context.stroke();
    context.fillStyle = this.palette.accent;
    const [dx, dy] = [stick.x - stick.fromX, stick.y - stick.fromY];
    const held = Math.min(1, 44 / Math.max(1, Math.hypot(dx, dy)));
    context.beginPath();
    context.arc(stick.fromX + dx * held, stick.fromY + dy * held, 18, 0, 2 * Math.PI);
    context.fill();
    context.globalAlpha = 1;
  }
}
