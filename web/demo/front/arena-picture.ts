// The arena from far above: each ship with its colour and a short wake.

import { part } from '../frame/part.ts';
import { Canvas } from './canvas.ts';
import type { Dot, Miniature, MiniShip } from './feeds.ts';

/** The size of the arena that `examples/demo_arena.rs` has. */
const ARENA = { width: 2_400, height: 1_500 } as const;
const SHIP_LENGTH = 9;
const SPARK_RADIUS = 1.8;
const HUES = 6;
const WAKE_POINTS_MAX = 22;
/** A ship that is suddenly further away than this was launched anew. */
const JUMP_UNITS = 120;
const WALL_PX = 10;

export class ArenaPicture {
  readonly #place: HTMLElement;
  readonly #canvas: Canvas;
  readonly #calm = matchMedia('(prefers-reduced-motion: reduce)');
  readonly #note = part('span', 'picture-note', ' ');
  #wakes = new Map<number, readonly Dot[]>();
  #state: Miniature | undefined;

  constructor(place: HTMLElement) {
    this.#place = place;
    const words = part('p', 'picture-words');
    words.append(this.#note);
    place.replaceChildren(words);
    this.#canvas = new Canvas(place, (context, width, height) => this.#paint(context, width, height));
  }

  show(state: Miniature): void {
    const players = state.ships.filter(({ isBot }) => !isBot).length;
    const bots = state.ships.length - players;
    const note = `${players === 1 ? '1 player' : `${players} players`}, ${bots === 1 ? '1 bot' : `${bots} bots`}`;
    if (this.#note.textContent !== note) this.#note.textContent = note;
    this.#state = state;
    this.#wakes = new Map(state.ships.map((ship) => [ship.number, lengthened(this.#wakes.get(ship.number) ?? [], ship)]));
    this.#canvas.ask();
  }

  #paint(context: CanvasRenderingContext2D, width: number, height: number): void {
    if (this.#state === undefined) return;
    const style = getComputedStyle(this.#place);
    const colour = (name: string) => style.getPropertyValue(name).trim();
    // Wider than it is: the picture shows all of the arena, and a foot more of one side does not matter from so far above.
    const [across, down] = [(width - 2 * WALL_PX) / ARENA.width, (height - 2 * WALL_PX) / ARENA.height];
    const on = ({ x, y }: Dot): [number, number] => [WALL_PX + x * across, WALL_PX + y * down];
    context.fillStyle = colour('--warn');
    for (const spark of this.#state.sparks) {
      context.beginPath();
      context.arc(...on(spark), SPARK_RADIUS, 0, 2 * Math.PI);
      context.fill();
    }
    const hues = Array.from({ length: HUES }, (_, index) => colour(`--channel-${index}`));
    for (const ship of this.#state.ships) {
      // The same hue as in the game.
      const hue = hues[(ship.number + 1) % HUES] ?? '';
      if (!this.#calm.matches) wake(context, (this.#wakes.get(ship.number) ?? []).map(on), hue);
      draw(context, on(ship), Math.atan2(Math.sin(ship.heading) * down, Math.cos(ship.heading) * across), hue);
    }
  }
}

function lengthened(before: readonly Dot[], { x, y }: MiniShip): readonly Dot[] {
  const last = before.at(-1);
  if (last !== undefined && Math.hypot(last.x - x, last.y - y) > JUMP_UNITS) return [{ x, y }];
  return [...before.slice(1 - WAKE_POINTS_MAX), { x, y }];
}

function wake(context: CanvasRenderingContext2D, points: readonly [number, number][], hue: string): void {
  context.strokeStyle = hue;
  context.lineCap = 'round';
  points.forEach((to, index) => {
    const from = points[index - 1];
    if (from === undefined) return;
    const share = index / points.length;
    context.globalAlpha = share * 0.5;
    context.lineWidth = 1 + share * 2.5;
    context.beginPath();
    context.moveTo(...from);
    context.lineTo(...to);
    context.stroke();
  });
  context.globalAlpha = 1;
}

function draw(context: CanvasRenderingContext2D, [x, y]: [number, number], heading: number, hue: string): void {
  context.save();
  context.translate(x, y);
  context.rotate(heading);
  context.fillStyle = hue;
  context.beginPath();
  context.moveTo(SHIP_LENGTH, 0);
  context.lineTo(-SHIP_LENGTH * 0.7, SHIP_LENGTH * 0.65);
  context.lineTo(-SHIP_LENGTH * 0.3, 0);
  context.lineTo(-SHIP_LENGTH * 0.7, -SHIP_LENGTH * 0.65);
  context.fill();
  context.restore();
}
