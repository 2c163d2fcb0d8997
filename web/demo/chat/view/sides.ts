// What stands beside the conversation: the rooms with what is unread in each, and who is here.

import { element } from '../../../src/view/element.ts';
import type { Person } from '../people.ts';
import { make, portrait } from './make.ts';

/** A list of hundreds helps nobody. */
const NAMED_MAX = 30;
const UNREAD_SHOWN_MAX = 99;

export interface RoomLine {
  readonly name: string;
  readonly unread: number;
  readonly isOpen: boolean;
}

export class RoomList {
  readonly #list = element('rooms', HTMLUListElement);
  readonly #open: (room: string) => void;
  readonly #buttons = new Map<string, HTMLButtonElement>();
  #looks = '';

  constructor(open: (room: string) => void) {
    this.#open = open;
  }

  draw(rooms: readonly RoomLine[]): void {
    const looks = JSON.stringify(rooms);
    if (looks === this.#looks) return;
    this.#looks = looks;
    for (const { name, unread, isOpen } of rooms) {
      const made = this.#buttonOf(name);
      if (isOpen) made.setAttribute('aria-current', 'true');
      else made.removeAttribute('aria-current');
      const badge = made.lastElementChild as HTMLElement;
      const words = unread > UNREAD_SHOWN_MAX ? `${UNREAD_SHOWN_MAX}+` : String(unread);
      badge.hidden = unread === 0;
      if (badge.firstChild?.nodeValue !== words) badge.replaceChildren(words, make('span', 'unseen', ' unread'));
    }
    const open = rooms.find(({ isOpen }) => isOpen)?.name ?? '';
    this.#reveal(this.#buttons.get(open));
  }

  /** On a phone the rooms are a strip that is longer than the screen. */
  #reveal(made: HTMLElement | undefined): void {
    if (made === undefined) return;
    const strip = this.#list.parentElement;
    if (strip === null) return;
    const [seen, own] = [strip.getBoundingClientRect(), made.getBoundingClientRect()];
    if (own.right > seen.right) strip.scrollLeft += own.right - seen.right;
    if (own.left < seen.left) strip.scrollLeft -= seen.left - own.left;
  }

  #buttonOf(name: string): HTMLButtonElement {
    const known = this.#buttons.get(name);
    if (known !== undefined) return known;
    const made = make('button', 'room', make('span', 'room-name', name), make('span', 'badge'));
    made.type = 'button';
    made.addEventListener('click', () => this.#open(name));
    this.#buttons.set(name, made);
    this.#list.append(make('li', '', made));
    return made;
  }
}

export class PeopleList {
  readonly #list = element('people', HTMLUListElement);
  readonly #guests = element('guests', HTMLElement);

  /** `isOld`: the link is away, and nobody knows who has come and gone since. */
  draw(people: readonly Person[], guests: number, me: string, isOld: boolean): void {
    this.#list.classList.toggle('is-old', isOld);
    const lines = people.slice(0, NAMED_MAX).map(({ user, name, devices }) => {
      const line = make('li', '', portrait(user, name), make('span', 'person', name));
      if (user === me) line.append(make('span', 'tag', 'you'));
      if (devices > 1) line.append(make('span', 'tag', `${devices} devices`));
      return line;
    });
    this.#list.replaceChildren(...lines);
    const more = people.length - lines.length;
    const others = [more > 0 ? `${more} more` : '', guests > 0 ? `${guests} reading along` : ''].filter((words) => words !== '');
    this.#guests.textContent = others.join(', ');
  }
}
