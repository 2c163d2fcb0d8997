// What stands beside the arena in words and figures: the score list, the round, the delay, and what is read aloud.

import { element } from '../../src/view/element.ts';
import type { Crew } from './crew.ts';
import type { Delay } from './delay.ts';
import { DelayBars } from './delay-bars.ts';
import { ordinal, pointsOf, ranking, type Rank } from './ranking.ts';
import type { State } from './state.ts';

const ROWS = 10;
const COLOURS = 6;
/** Places change often; this is how often they are worth hearing. */
const PLACE_SAID_EVERY_MS = 12_000;

export class Board {
  readonly #list = element('scores', HTMLOListElement);
  readonly #round = element('round', HTMLElement);
  readonly #players = element('players', HTMLElement);
  readonly #spoken = element('spoken', HTMLElement);
  readonly #delay = element('delay', HTMLElement);
  readonly #slow = element('delay-slow', HTMLElement);
  readonly #rate = element('rate', HTMLElement);
  readonly #bytes = element('bytes', HTMLElement);
  readonly #bars = new DelayBars();
  readonly #crew: Crew;
  #place = 0;
  #placeSaidMs = 0;
  #champion: number | undefined;

  constructor(crew: Crew) {
    this.#crew = crew;
  }

  say(sentence: string): void {
    this.#spoken.textContent = sentence;
  }

  /** A few times a second at most. */
  show(state: State, own: number | undefined, nowMs: number): void {
    const ranks = ranking(state.ships, own, ROWS);
    this.#rows(ranks, own);
    const { secondsLeft } = state;
    this.#round.textContent = `${Math.floor(secondsLeft / 60)}:${String(secondsLeft % 60).padStart(2, '0')}`;
    const players = state.ships.filter(({ isBot }) => !isBot).length;
    this.#players.textContent = `${players} of 50 players, ${state.ships.length - players} bots`;
    this.#sayWinner(state);
    this.#sayPlace(ranks.find(({ ship }) => ship.number === own), nowMs);
  }

  figures(delay: Delay, statesPerSecond: number, bytesPerSecond: number): void {
    const summary = delay.summary;
    this.#delay.textContent = summary === undefined ? '–' : `${Math.round(summary.medianMs)} ms`;
    this.#slow.textContent = summary === undefined ? '–' : `${Math.round(summary.slowMs)} ms`;
    this.#bars.draw(delay.samples);
    this.#rate.textContent = `${Math.round(statesPerSecond)}/s`;
    this.#bytes.textContent = `${(bytesPerSecond / 1000).toFixed(1)} kB/s`;
  }

  #rows(ranks: readonly Rank[], own: number | undefined): void {
    while (this.#list.children.length > ranks.length) this.#list.lastElementChild?.remove();
    while (this.#list.children.length < ranks.length) this.#list.append(newRow());
    ranks.forEach(({ place, ship }, index) => {
      const row = this.#list.children[index];
      if (!(row instanceof HTMLLIElement)) return;
      row.value = place;
      row.dataset.colour = String((ship.number + 1) % COLOURS);
      row.classList.toggle('own', ship.number === own);
      setText(row.children[0], String(place));
      setText(row.children[2], this.#crew.name(ship.number) + (ship.number === own ? ' (you)' : ''));
      setText(row.children[3], String(ship.score));
    });
  }

  #sayWinner({ champion }: State): void {
    if (this.#champion !== undefined && champion !== this.#champion) this.say(`${this.#crew.name(champion)} wins the round.`);
    this.#champion = champion;
  }

  #sayPlace(rank: Rank | undefined, nowMs: number): void {
    if (rank === undefined || rank.place === this.#place || nowMs - this.#placeSaidMs < PLACE_SAID_EVERY_MS) return;
    this.#place = rank.place;
    this.#placeSaidMs = nowMs;
    this.say(`You are ${ordinal(rank.place)} with ${pointsOf(rank.ship.score)}.`);
  }
}

function newRow(): HTMLLIElement {
  const row = document.createElement('li');
  const parts = ['place', 'swatch', 'name', 'points'].map((name) => {
    const part = document.createElement('span');
    part.className = name;
    return part;
  });
  // The list says the number already.
  parts[0]?.setAttribute('aria-hidden', 'true');
  row.append(...parts);
  return row;
}

function setText(target: Element | undefined, text: string): void {
  if (target !== undefined && target.textContent !== text) target.textContent = text;
}
