// The board: a tile for each instrument, in which its price flashes when it moves.
//
// Prices come 400 messages a second, more than anybody can read: the tiles are painted ten times a second, all at once, so that
// the browser lays out and paints the page in one frame of six and only the chart in the others.

import { formatPrice, type Market } from './market.ts';

/** Somewhat less than a tenth of a second: the sixth frame counts, not the seventh. */
const PAINT_EVERY_MS = 95;

interface Tile {
  readonly button: HTMLButtonElement;
  readonly price: Text;
  heat: number;
  flash: string;
  shown: number;
}

export class Board {
  readonly #sections: HTMLElement[] = [];
  #tiles: Tile[] = [];
  #paintedMs = 0;
  #chosen = 0;

  constructor(
    readonly root: HTMLElement,
    readonly picker: HTMLSelectElement,
    readonly market: Market,
    readonly onChoose: (instrument: number) => void,
  ) {
    picker.addEventListener('change', () => this.#showSector(picker.selectedIndex));
    root.addEventListener('keydown', (event) => this.#walk(event));
    root.addEventListener('click', (event) => {
      const button = event.target instanceof Element ? event.target.closest('button') : null;
      const index = this.#tiles.findIndex((tile) => tile.button === button);
      if (index >= 0) this.choose(index);
    });
  }

  get chosen(): number {
    return this.#chosen;
  }

  /** The instruments are others: everything anew. */
  rebuild(): void {
    const { sectors, instruments } = this.market;
    this.#tiles = [];
    this.#sections.length = 0;
    this.picker.replaceChildren(...sectors.map((name) => new Option(capitalised(name))));
    for (const [index, name] of sectors.entries()) {
      const section = document.createElement('section');
      section.className = 'sector';
      const heading = document.createElement('h3');
      heading.id = `sector-${name}`;
      heading.textContent = capitalised(name);
      section.setAttribute('aria-labelledby', heading.id);
      const tiles = document.createElement('div');
      tiles.className = 'tiles';
      const { first, end } = this.market.range(index);
      for (const { symbol } of instruments.slice(first, end)) {
        const tile = tileFor(symbol);
        this.#tiles.push(tile);
        tiles.append(tile.button);
      }
      section.append(heading, tiles);
      this.#sections.push(section);
    }
    this.root.replaceChildren(...this.#sections);
    this.#showSector(0);
    this.choose(Math.min(this.#chosen, this.#tiles.length - 1));
  }

  choose(instrument: number): void {
    for (const index of [this.#chosen, instrument]) {
      const button = this.#tiles[index]?.button;
      button?.setAttribute('aria-pressed', String(index === instrument));
      if (button !== undefined) button.tabIndex = index === instrument ? 0 : -1;
    }
    this.#chosen = instrument;
    this.onChoose(instrument);
  }

  /** One frame of the screen. */
  paint(frameMs: number): void {
    if (frameMs - this.#paintedMs < PAINT_EVERY_MS) return;
    this.#paintedMs = frameMs;
    for (const instrument of this.#tiles.keys()) this.#paintTile(instrument);
  }

  #paintTile(instrument: number): void {
    const tile = this.#tiles[instrument];
    if (tile === undefined) return;
    const flash = this.market.moved(instrument);
    if (flash !== tile.flash) {
      tile.flash = flash;
      tile.button.dataset.flash = flash;
    }
    const price = this.market.price(instrument);
    if (price === tile.shown) return;
    tile.shown = price;
    tile.price.data = formatPrice(price);
    const heat = this.market.heat(instrument);
    if (heat === tile.heat) return;
    tile.heat = heat;
    tile.button.dataset.heat = String(heat);
  }

  /** Only a narrow screen shows one sector at a time; the style sheet decides. */
  #showSector(shown: number): void {
    for (const [index, section] of this.#sections.entries()) section.toggleAttribute('data-shown', index === shown);
  }

  /** One stop of the Tab key for all tiles; arrows walk among them. */
  #walk(event: KeyboardEvent): void {
    const from = this.#tiles.findIndex(({ button }) => button === document.activeElement);
    const columns = 5;
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns }[event.key];
    const to = this.#tiles[from + (step ?? 0)];
    if (from < 0 || step === undefined || to === undefined) return;
    event.preventDefault();
    to.button.focus();
  }
}

function tileFor(symbol: string): Tile {
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'tile';
  button.tabIndex = -1;
  button.setAttribute('aria-pressed', 'false');
  button.dataset.heat = '0';
  const name = document.createElement('span');
  name.className = 'symbol';
  name.textContent = symbol;
  const shown = document.createElement('span');
  shown.className = 'price';
  const price = document.createTextNode('–');
  shown.append(price);
  button.append(name, ' ', shown);
  return { button, price, heat: 0, flash: '', shown: 0 };
}

export function capitalised(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}
