// What a screen reader hears without being asked: several at once are read as one sentence.

import { element } from '../../../src/view/element.ts';

const WAIT_MS = 700;

export class Announcer {
  readonly #region = element('announcer', HTMLElement);
  #count = 0;
  #latest = '';

  say(title: string): void {
    this.#count += 1;
    this.#latest = title;
    if (this.#count === 1) setTimeout(() => this.#flush(), WAIT_MS);
  }

  #flush(): void {
    this.#region.textContent = this.#count === 1 ? this.#latest : `${this.#count} new notifications. The latest: ${this.#latest}`;
    this.#count = 0;
  }
}
