// Who the visitor is, the way to be somebody else, and the ways to a second window.

import { element } from '../../../src/view/element.ts';
import { nameOf, otherThan } from '../user-name.ts';

export class Who {
  readonly #name = element('who-name', HTMLElement);
  readonly #box = element('who-box', HTMLInputElement);
  readonly #problem = element('who-problem', HTMLElement);
  readonly #same = element('who-same', HTMLAnchorElement);
  readonly #other = element('who-other', HTMLAnchorElement);

  constructor(become: (user: string) => void) {
    element('who-form', HTMLFormElement).addEventListener('submit', (event) => {
      event.preventDefault();
      const name = nameOf(this.#box.value);
      this.#problem.textContent = name === undefined ? 'A name has letters, digits and hyphens, at most 24 of them.' : '';
      if (name === undefined) return;
      // The address keeps the name, so that a reload is the same user.
      history.replaceState(null, '', `${location.pathname}?user=${name}`);
      become(name);
    });
  }

  show(user: string): void {
    const other = otherThan(user);
    this.#name.textContent = user;
    this.#box.value = user;
    this.#same.href = `?user=${user}`;
    this.#other.href = `?user=${other}`;
    this.#other.textContent = `A window as ${other}`;
  }
}
