// The form that orders something; its steps arrive by themselves.

import { element } from '../../../src/view/element.ts';

export class OrderForm {
  readonly #form = element('order-form', HTMLFormElement);
  readonly #item = element('order-item', HTMLSelectElement);
  readonly #result = element('order-result', HTMLElement);

  attach(order: (item: string) => Promise<void>): void {
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      order(this.#item.value).then(
        () => this.#say('Ordered.', false),
        (error: { message?: string }) => this.#say(`Not ordered: ${error.message ?? 'no connection'}.`, true),
      );
    });
  }

  #say(words: string, isBad: boolean): void {
    this.#result.textContent = words;
    this.#result.classList.toggle('bad', isBad);
  }
}
