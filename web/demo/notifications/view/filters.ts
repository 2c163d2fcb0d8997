// The filters above the list: one is on.

import { element } from '../../../src/view/element.ts';
import type { FilterName } from '../inbox.ts';

export class Filters {
  readonly #box = element('filters', HTMLElement);
  chosen: FilterName = 'everything';

  attach(changed: () => void): void {
    this.#box.addEventListener('change', (event) => {
      if (!(event.target instanceof HTMLInputElement)) return;
      this.chosen = event.target.value as FilterName;
      changed();
    });
  }
}
