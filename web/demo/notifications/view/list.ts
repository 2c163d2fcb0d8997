// The list of notifications. What is there stays there when something comes, so that focus and scrolling stay, too.

import { element } from '../../../src/view/element.ts';
import { agoOf } from '../ago.ts';
import type { Note } from '../note.ts';
import { icon, type IconName } from './icon.ts';

const EMPTY: Readonly<Record<string, string>> = {
  everything: 'Nothing yet. Send something, order something, or wait.',
  unread: 'All read.',
  everybody: 'Nothing to everybody yet.',
  mine: 'Nothing to you alone yet.',
  orders: 'No orders yet.',
};

interface Row {
  readonly item: HTMLLIElement;
  readonly time: HTMLTimeElement;
  readonly button: HTMLButtonElement;
  readonly note: Note;
}

export class List {
  readonly #list = element('notes', HTMLOListElement);
  readonly #empty = element('notes-empty', HTMLElement);
  readonly #rows = new Map<string, Row>();
  readonly #onRead: (id: string) => void;

  constructor(onRead: (id: string) => void) {
    this.#onRead = onRead;
    setInterval(() => this.#showTimes(), 10_000);
  }

  show(notes: readonly Note[], filter: string, isRead: (id: string) => boolean): void {
    const wanted = notes.map((note) => this.#rows.get(note.id) ?? this.#made(note));
    const kept = new Set(notes.map(({ id }) => id));
    for (const [id, { item }] of this.#rows) {
      if (kept.has(id)) continue;
      item.remove();
      this.#rows.delete(id);
    }
    let next = this.#list.firstElementChild;
    for (const { item, note, button } of wanted) {
      if (item === next) next = next.nextElementSibling;
      else this.#list.insertBefore(item, next);
      this.#showRead(item, button, isRead(note.id));
    }
    this.#empty.textContent = EMPTY[filter] ?? '';
    this.#empty.hidden = notes.length > 0;
    this.#list.hidden = notes.length === 0;
  }

  #showRead(item: HTMLLIElement, button: HTMLButtonElement, isRead: boolean): void {
    if (item.dataset.read === String(isRead)) return;
    item.dataset.read = String(isRead);
    // A button that goes away hands its focus on.
    if (isRead && document.activeElement === button) this.#list.focus();
    button.hidden = isRead;
  }

  #made(note: Note): Row {
    const item = document.createElement('li');
    item.className = 'note';
    item.dataset.id = note.id;
    item.dataset.kind = kindOf(note);
    const title = made('h3', '', note.order === undefined ? note.title : `${note.title}: ${note.order.item}`);
    const about = made('p', 'about', '');
    const time = document.createElement('time');
    if (note.isTimeKnown) {
      time.dateTime = new Date(note.timeMs).toISOString();
      time.title = new Date(note.timeMs).toLocaleString('en');
    }
    time.textContent = timeOf(note);
    about.append(time, made('span', '', whoOf(note)));
    if (note.isMissed) about.append(made('span', 'missed', 'while you were away'));
    const button = made('button', 'quiet mark', '');
    button.append(icon('read'));
    button.title = 'Mark read';
    button.type = 'button';
    button.setAttribute('aria-label', `Mark read: ${note.title}`);
    button.addEventListener('click', () => this.#onRead(note.id));
    const words = made('div', 'words', '');
    words.append(title);
    if (note.text !== '') words.append(made('p', 'text', note.text));
    words.append(about);
    item.append(icon(kindOf(note)), words, button);
    const row = { item, time, button, note };
    this.#rows.set(note.id, row);
    return row;
  }

  #showTimes(): void {
    for (const { time, note } of this.#rows.values()) time.textContent = timeOf(note);
  }
}

/** Without the sender's word nobody knows how long a replayed one has waited. */
function timeOf(note: Note): string {
  return note.isTimeKnown ? agoOf(note.timeMs, Date.now()) : 'earlier';
}

function kindOf({ order, stream }: Note): IconName {
  if (order !== undefined) return 'order';
  return stream === 'all' ? 'everybody' : 'mine';
}

function whoOf({ order, stream, from }: Note): string {
  if (order !== undefined) return 'your order';
  const to = stream === 'all' ? 'to everybody' : 'to you';
  return from === '' ? to : `${from}, ${to}`;
}

function made<K extends keyof HTMLElementTagNameMap>(name: K, className: string, text: string): HTMLElementTagNameMap[K] {
  const made = document.createElement(name);
  if (className !== '') made.className = className;
  if (text !== '') made.textContent = text;
  return made;
}
