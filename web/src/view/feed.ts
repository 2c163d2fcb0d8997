// The list of messages, newest first. Messages wait in a ring and reach the screen once per animation
// frame, so a thousand a second cost no more than the 200 rows that are shown.

import type { Message } from '../channels.ts';
import { formatLatency } from '../latency.ts';
import { shownText } from '../payload.ts';
import { Ring } from '../ring.ts';
import { element } from './element.ts';

const ROWS_MAX = 200;

interface Entry {
  readonly message: Message;
  readonly receivedMs: number;
  readonly latencyMs: number | undefined;
}

export class Feed {
  readonly #list = element('feed', HTMLOListElement);
  readonly #empty = element('feed-empty', HTMLElement);
  readonly #pause = element('feed-pause', HTMLButtonElement);
  readonly #clear = element('feed-clear', HTMLButtonElement);
  readonly #waiting = new Ring<Entry>(ROWS_MAX);
  #framed = false;
  #paused = false;
  #held = 0;

  attach(): void {
    this.#pause.addEventListener('click', () => this.#setPaused(!this.#paused));
    this.#clear.addEventListener('click', () => {
      this.#waiting.drain();
      this.#list.replaceChildren();
      this.#list.hidden = true;
      this.#empty.hidden = false;
      this.#held = 0;
      this.#schedule();
    });
  }

  add(message: Message, receivedMs: number, latencyMs: number | undefined): void {
    this.#waiting.push({ message, receivedMs, latencyMs });
    if (this.#paused) this.#held += 1;
    this.#schedule();
  }

  #schedule(): void {
    if (this.#framed) return;
    this.#framed = true;
    requestAnimationFrame(() => {
      this.#framed = false;
      if (this.#paused) this.#pause.textContent = this.#held === 0 ? 'Resume' : `Resume (${this.#held.toLocaleString('en')} new)`;
      else this.#flush();
    });
  }

  #flush(): void {
    const entries = this.#waiting.drain();
    if (entries.length === 0) return;
    const fresh = document.createDocumentFragment();
    const surplus = Math.max(0, this.#list.childElementCount + entries.length - ROWS_MAX);
    for (const [index, entry] of entries.entries()) {
      // Rows that would fall off the end are filled anew instead.
      const oldest = index < surplus ? this.#list.lastElementChild : null;
      const row = oldest instanceof HTMLLIElement ? oldest : createRow();
      fillRow(row, entry);
      fresh.prepend(row);
    }
    this.#list.prepend(fresh);
    this.#list.hidden = false;
    this.#empty.hidden = true;
  }

  #setPaused(paused: boolean): void {
    this.#paused = paused;
    this.#held = 0;
    this.#pause.textContent = paused ? 'Resume' : 'Pause';
    this.#pause.setAttribute('aria-pressed', String(paused));
    if (!paused) this.#flush();
  }
}

const TIME = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });

function createRow(): HTMLLIElement {
  const row = document.createElement('li');
  for (const name of ['time', 'channel', 'text', 'latency']) {
    const cell = document.createElement('span');
    cell.className = name;
    row.append(cell);
  }
  return row;
}

/** `textContent` only: whatever a message holds, it stays text. */
function fillRow(row: HTMLLIElement, { message, receivedMs, latencyMs }: Entry): void {
  const [time, channel, text, latency] = row.children as unknown as HTMLSpanElement[];
  if (!time || !channel || !text || !latency) return;
  time.textContent = TIME.format(receivedMs);
  channel.textContent = message.channel.name;
  channel.dataset.colour = String(message.channel.colour);
  text.textContent = shownText(message.data);
  latency.textContent = message.recovered ? 'recovered' : latencyMs === undefined ? '' : formatLatency(latencyMs);
  latency.classList.toggle('recovered', message.recovered);
}
