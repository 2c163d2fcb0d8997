// The slider that makes this viewer slow, and the two viewers side by side.

import { formatAge, type Figures } from './freshness.ts';
import { RATES, nameOf, rateAt, verdict } from './line.ts';
import { element } from '../../src/view/element.ts';

/** A bar is full at ten seconds, empty at ten milliseconds, and even in between on a scale of tenfolds. */
const SHORTEST_MS = 10;
const LONGEST_MS = 10_000;

class Row {
  readonly #age: HTMLElement;
  readonly #skipped: HTMLElement;
  readonly #bar: HTMLElement;

  constructor(name: string) {
    this.#age = element(`${name}-age`, HTMLElement);
    this.#skipped = element(`${name}-skipped`, HTMLElement);
    this.#bar = element(`${name}-bar`, HTMLElement);
  }

  show({ ageMs, skipped }: Figures): void {
    this.#age.textContent = formatAge(ageMs);
    this.#skipped.textContent = skipped.toLocaleString('en');
    const share = Math.log10(Math.max(ageMs ?? 0, SHORTEST_MS) / SHORTEST_MS) / Math.log10(LONGEST_MS / SHORTEST_MS);
    this.#bar.style.inlineSize = `${Math.round(100 * Math.min(1, share))}%`;
    this.#bar.dataset.late = String((ageMs ?? 0) > 500);
  }
}

export class SlowCard {
  readonly #slider = element('rate', HTMLInputElement);
  readonly #name = element('rate-name', HTMLElement);
  readonly #verdict = element('verdict', HTMLElement);
  readonly #state = element('line-state', HTMLElement);
  readonly #mine = new Row('mine');
  readonly #other = new Row('other');

  constructor(onRate: (rate: number) => void) {
    this.#slider.max = String(RATES.length - 1);
    this.#slider.addEventListener('input', () => this.#label());
    this.#slider.addEventListener('change', () => onRate(this.rate));
    this.#label();
  }

  get rate(): number {
    return rateAt(Number(this.#slider.value));
  }

  /** The line of this viewer: where its prices come from, or why they do not. */
  tell(state: string): void {
    this.#state.textContent = state;
  }

  /** There is something to be slow for. */
  enable(): void {
    this.#slider.disabled = false;
  }

  /** It stays on the direct line: why. With `forGood` no other choice will do better. */
  refuse(why: string, forGood: boolean): void {
    this.#slider.value = '0';
    this.#slider.disabled = forGood;
    this.#label();
    this.tell(why);
  }

  show(mine: Figures, other: Figures): void {
    this.#mine.show(mine);
    this.#other.show(other);
    // Where nothing comes over the direct line either, that is the news.
    const sentence = other.ageMs === undefined ? verdict(0, other) : verdict(this.rate, mine);
    if (this.#verdict.textContent !== sentence) this.#verdict.textContent = sentence;
  }

  #label(): void {
    const name = nameOf(this.rate);
    this.#name.textContent = name;
    this.#slider.setAttribute('aria-valuetext', name);
  }
}
