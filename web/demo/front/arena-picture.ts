// The arena from far above.

import { part } from '../frame/part.ts';
import { Canvas, colour } from './canvas.ts';
import type { Miniature } from './feeds.ts';

/** The size of the arena that `examples/demo_arena.rs` has. */
const ARENA = { width: 2_400, height: 1_500 } as const;
const SHIP_LENGTH = 11;
const SPARK_RADIUS = 1.6;

export class ArenaPicture {
  readonly #canvas: Canvas;
  readonly #note = part('span', 'picture-note', ' ');
  #state: Miniature | undefined;

  constructor(place: HTMLElement) {
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
    this.#canvas.ask();
  }

  #paint(context: CanvasRenderingContext2D, width: number, height: number): void {
    if (this.#state === undefined) return;
    // It fills its place; what lies beyond the edge is cut off.
    const scale = Math.max(width / ARENA.width, height / ARENA.height);
    const [left, top] = [(width - ARENA.width * scale) / 2, (height - ARENA.height * scale) / 2];
    context.fillStyle = colour('--warn');
    for (const { x, y } of this.#state.sparks) {
      context.beginPath();
      context.arc(left + x * scale, top + y * scale, SPARK_RADIUS, 0, 2 * Math.PI);
      context.fill();
    }
    const [bots, players] = [colour('--muted'), colour('--accent')];
    for (const { x, y, heading, isBot } of this.#state.ships) {
      context.save();
      context.translate(left + x * scale, top + y * scale);
      context.rotate(heading);
      context.fillStyle = isBot ? bots : players;
      context.beginPath();
      context.moveTo(SHIP_LENGTH, 0);
      context.lineTo(-SHIP_LENGTH * 0.7, SHIP_LENGTH * 0.6);
      context.lineTo(-SHIP_LENGTH * 0.35, 0);
      context.lineTo(-SHIP_LENGTH * 0.7, -SHIP_LENGTH * 0.6);
      context.fill();
      context.restore();
    }
  }
}
