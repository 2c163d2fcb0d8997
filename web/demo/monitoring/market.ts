// The market as this page knows it: the newest price of every instrument, and which of them moved since somebody looked.

import type { Prices, Quotes } from './feed.ts';

export interface Instrument {
  readonly symbol: string;
  readonly sector: string;
  /** All prices in hundredths. */
  readonly open: number;
  readonly high: number;
  readonly low: number;
}

/** Change since the open is shown in seven steps: below these shares it is the next smaller one. */
const HEAT_STEPS = [0.002, 0.007, 0.015] as const;

/** With a dozen trades a second every price moves all the time: what shows is a move of this share at once. */
const FLASH_SHARE = 0.0008;

export class Market {
  sectors: readonly string[] = [];
  instruments: readonly Instrument[] = [];
  #perSector = 0;
  #prices = new Int32Array(0);
  /** What was shown last, to say which way a price went. */
  #shown = new Int32Array(0);

  /** Says whether there are other instruments than before. */
  quote(quotes: Quotes): boolean {
    const isNew = quotes.rows.length !== this.instruments.length || quotes.sectors.join() !== this.sectors.join();
    const perSector = quotes.rows.length / Math.max(1, quotes.sectors.length);
    this.sectors = quotes.sectors;
    this.instruments = quotes.rows.map(([symbol, open, high, low], index) => {
      return { symbol, sector: quotes.sectors[Math.floor(index / perSector)] ?? '', open, high, low };
    });
    if (isNew) {
      this.#perSector = perSector;
      this.#prices = new Int32Array(quotes.rows.length);
      this.#shown = new Int32Array(quotes.rows.length);
    }
    return isNew;
  }

  /** The instruments of a sector are those from `first` on. */
  range(sector: number): { readonly first: number; readonly end: number } {
    return { first: sector * this.#perSector, end: (sector + 1) * this.#perSector };
  }

  take(sector: number, { p }: Prices): void {
    const { first } = this.range(sector);
    if (first + p.length <= this.#prices.length) this.#prices.set(p, first);
  }

  /** 0 where none has come yet. */
  price(instrument: number): number {
    return this.#prices[instrument] ?? 0;
  }

  /** Which way the price went since this was asked last, if it went far. */
  moved(instrument: number): 'up' | 'down' | '' {
    const now = this.price(instrument);
    const before = this.#shown[instrument] ?? 0;
    this.#shown[instrument] = now;
    if (before === 0 || Math.abs(now - before) < before * FLASH_SHARE) return '';
    return now > before ? 'up' : 'down';
  }

  /** Share of the open that the price has gained. */
  change(instrument: number): number {
    const open = this.instruments[instrument]?.open ?? 0;
    const now = this.price(instrument);
    return open === 0 || now === 0 ? 0 : now / open - 1;
  }

  /** -3 to 3: how far the price is from the open. */
  heat(instrument: number): number {
    const change = this.change(instrument);
    const steps = HEAT_STEPS.filter((step) => Math.abs(change) >= step).length;
    return change < 0 ? -steps || 0 : steps;
  }
}

export function formatPrice(hundredths: number): string {
  return hundredths === 0 ? '–' : (hundredths / 100).toFixed(2);
}

export function formatChange(share: number): string {
  const percent = (share * 100).toFixed(2);
  return `${share >= 0 ? '+' : '−'}${percent.replace('-', '')} %`;
}
