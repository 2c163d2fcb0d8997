// What happened to the connection and the channels: few lines, kept apart from the stream of messages
// so that a recovery or a gap is not washed away by it.

import type { Tone } from '../channels.ts';
import { element } from './element.ts';

const EVENTS_MAX = 30;
const TIME = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });

export class Events {
  readonly #list = element('events', HTMLOListElement);

  /** `channel` is empty for what concerns the whole connection. */
  add(channel: string, sentence: string, tone: Tone): void {
    const item = document.createElement('li');
    const time = document.createElement('span');
    const text = document.createElement('span');
    item.dataset.tone = tone;
    time.className = 'time';
    time.textContent = TIME.format(Date.now());
    if (channel !== '') {
      const name = document.createElement('b');
      name.textContent = `${channel} `;
      text.append(name);
    }
    text.append(sentence);
    item.append(time, text);
    this.#list.prepend(item);
    if (this.#list.childElementCount > EVENTS_MAX) this.#list.lastElementChild?.remove();
  }
}
