// The channels this page is in, and the box to join another.

import type { Channel, Channels } from '../channels.ts';
import { element } from './element.ts';

const STATES: Readonly<Record<Channel['state'], string>> = { joining: 'joining…', joined: '', refused: 'refused' };

export class ChannelList {
  readonly #list = element('channels', HTMLUListElement);
  readonly #form = element('join-form', HTMLFormElement);
  readonly #name = element('join-name', HTMLInputElement);
  readonly #problem = element('join-problem', HTMLElement);
  readonly #rows = new Map<string, Row>();

  attach(channels: Channels): void {
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      const problem = channels.join(this.#name.value.trim());
      this.#problem.textContent = problem ?? '';
      if (problem === undefined) this.#name.value = '';
      this.#name.focus();
    });
    this.#list.addEventListener('click', (event) => {
      const button = event.target instanceof Element ? event.target.closest('button') : null;
      const name = button?.dataset.channel;
      if (name === undefined) return;
      channels.leave(name);
      this.#name.focus();
    });
  }

  /** Rows stay the same elements while their channel stays, so that focus does. */
  show(channels: readonly Channel[]): void {
    const present = new Set(channels.map(({ name }) => name));
    for (const [name, row] of this.#rows) {
      if (present.has(name)) continue;
      row.item.remove();
      this.#rows.delete(name);
    }
    for (const channel of channels) {
      let row = this.#rows.get(channel.name);
      if (row === undefined) {
        row = createRow(channel);
        this.#rows.set(channel.name, row);
        this.#list.append(row.item);
      }
      fillRow(row, channel);
    }
  }
}

interface Row {
  readonly item: HTMLLIElement;
  readonly state: HTMLSpanElement;
  readonly detail: HTMLParagraphElement;
}

function createRow(channel: Channel): Row {
  const item = document.createElement('li');
  const line = document.createElement('div');
  const name = document.createElement('span');
  const state = document.createElement('span');
  const leave = document.createElement('button');
  const detail = document.createElement('p');
  line.className = 'channel-line';
  name.className = 'channel';
  name.dataset.colour = String(channel.colour);
  name.textContent = channel.name;
  state.className = 'channel-state';
  leave.type = 'button';
  leave.className = 'quiet';
  leave.dataset.channel = channel.name;
  leave.textContent = 'Leave';
  leave.setAttribute('aria-label', `Leave ${channel.name}`);
  detail.className = 'hint';
  line.append(name, state, leave);
  item.append(line, detail);
  return { item, state, detail };
}

function fillRow({ item, state, detail }: Row, channel: Channel): void {
  const received = channel.received === 0 ? '' : channel.received.toLocaleString('en');
  setText(state, STATES[channel.state] || received);
  setText(detail, channel.detail);
  item.dataset.state = channel.state;
}

function setText(target: HTMLElement, text: string): void {
  if (target.textContent !== text) target.textContent = text;
}
