// A bell with the number of what came to everybody, and the last headlines, stacked as a phone shows them.

import { part } from '../frame/part.ts';

const HEADLINES_MAX = 3;
const COUNT_MAX = 99;

export class BellPicture {
  readonly #count = part('span', 'bell-count');
  readonly #headlines = part('ol', 'headlines');
  readonly #bell: SVGElement;
  #received = 0;

  constructor(place: HTMLElement, bell: SVGElement) {
    this.#bell = bell;
    const ring = part('div', 'bell');
    ring.append(bell, this.#count);
    place.replaceChildren(ring, this.#headlines);
    this.#count.hidden = true;
  }

  add(headline: string): void {
    this.#received += 1;
    this.#count.textContent = this.#received > COUNT_MAX ? `${COUNT_MAX}+` : String(this.#received);
    this.#count.hidden = false;
    const line = part('li');
    const icon = this.#bell.cloneNode(true) as SVGElement;
    icon.removeAttribute('id');
    line.append(icon, part('span', '', headline));
    this.#headlines.prepend(line);
    while (this.#headlines.children.length > HEADLINES_MAX) this.#headlines.lastElementChild?.remove();
  }

  clear(): void {
    this.#received = 0;
    this.#count.hidden = true;
    this.#headlines.replaceChildren();
  }
}
