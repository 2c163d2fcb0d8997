// The last lines of the lobby.

import { part } from '../frame/part.ts';
import type { Line } from './feeds.ts';

const LINES_MAX = 4;
const HUES = 6;

export class ChatPicture {
  readonly #list = part('ol', 'lines');

  constructor(place: HTMLElement) {
    place.replaceChildren(this.#list);
  }

  add({ who, text }: Line): void {
    const line = part('li');
    line.dataset.hue = String([...who].reduce((sum, letter) => sum + (letter.codePointAt(0) ?? 0), 0) % HUES);
    const said = part('p');
    said.append(part('b', '', who), part('span', '', text));
    line.append(part('span', 'face', [...who][0]?.toUpperCase() ?? ''), said);
    this.#list.append(line);
    while (this.#list.children.length > LINES_MAX) this.#list.firstElementChild?.remove();
  }

  clear(): void {
    this.#list.replaceChildren();
  }
}
