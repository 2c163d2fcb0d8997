// What deltas have saved on the channels that have them, as figures and as two bars.

import { element } from '../../src/view/element.ts';
import { percentSaved, type Saved } from './savings.ts';
import { formatBytes } from './size.ts';

export class DeltaCard {
  readonly #percent = element('saved-percent', HTMLElement);
  readonly #wire = element('saved-wire', HTMLElement);
  readonly #whole = element('saved-whole', HTMLElement);
  readonly #bar = element('saved-bar', HTMLElement);
  readonly #rows = element('saved-rows', HTMLTableSectionElement);

  show(channels: Readonly<Record<string, Saved>>): void {
    const all = Object.values(channels).reduce((sum, saved) => ({
      wire: sum.wire + saved.wire,
      whole: sum.whole + saved.whole,
      messages: sum.messages + saved.messages,
      deltas: sum.deltas + saved.deltas,
    }));
    const percent = percentSaved(all);
    this.#percent.textContent = `${percent} %`;
    this.#wire.textContent = formatBytes(all.wire);
    this.#whole.textContent = formatBytes(all.whole);
    this.#bar.style.inlineSize = `${100 - percent}%`;
    for (const [index, [channel, saved]] of Object.entries(channels).entries()) {
      const row = this.#rows.rows[index] ?? newRow(this.#rows, channel);
      const texts = [saved.messages === 0 ? '–' : formatBytes(saved.wire), formatBytes(saved.whole), `${percentSaved(saved)} %`];
      for (const [column, text] of texts.entries()) {
        const cell = row.cells[column + 1];
        if (cell !== undefined) cell.textContent = text;
      }
    }
  }
}

function newRow(rows: HTMLTableSectionElement, channel: string): HTMLTableRowElement {
  const row = rows.insertRow();
  const head = document.createElement('th');
  head.scope = 'row';
  const name = document.createElement('code');
  name.textContent = channel;
  head.append(name);
  row.append(head, document.createElement('td'), document.createElement('td'), document.createElement('td'));
  return row;
}
