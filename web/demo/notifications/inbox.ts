// The notifications of a page, newest first, each once, and which of them are shown.

import type { Note } from './note.ts';

/** Both histories together hold as many. */
export const NOTES_MAX = 200;

export type FilterName = 'everything' | 'unread' | 'everybody' | 'mine' | 'orders';

const FILTERS: Readonly<Record<FilterName, (note: Note, isRead: boolean) => boolean>> = {
  everything: () => true,
  unread: (_, isRead) => !isRead,
  everybody: (note) => note.stream === 'all',
  mine: (note) => note.stream === 'user' && note.order === undefined,
  orders: (note) => note.order !== undefined,
};

export class Inbox {
  #notes: Note[] = [];
  readonly #ids = new Set<string>();

  /** Newest first. */
  get notes(): readonly Note[] {
    return this.#notes;
  }

  /** False where it is here already, or older than all that there is room for. */
  add(note: Note): boolean {
    if (this.#ids.has(note.id)) return false;
    const before = this.#notes.findIndex((other) => !isNewer(other, note));
    const place = before === -1 ? this.#notes.length : before;
    if (place >= NOTES_MAX) return false;
    this.#notes.splice(place, 0, note);
    this.#ids.add(note.id);
    for (const dropped of this.#notes.splice(NOTES_MAX)) this.#ids.delete(dropped.id);
    return true;
  }

  clear(): void {
    this.#notes = [];
    this.#ids.clear();
  }

  shown(filter: FilterName, isRead: (id: string) => boolean): Note[] {
    return this.#notes.filter((note) => FILTERS[filter](note, isRead(note.id)));
  }

  unread(isRead: (id: string) => boolean): Note[] {
    return this.shown('unread', isRead);
  }
}

/** Within a stream the server's order is the truth; between streams only the clocks are there. */
function isNewer(a: Note, b: Note): boolean {
  if (a.stream === b.stream && sameEpoch(a, b)) return a.offset > b.offset;
  return a.timeMs > b.timeMs;
}

function sameEpoch(a: Note, b: Note): boolean {
  return a.id.slice(0, a.id.lastIndexOf('/')) === b.id.slice(0, b.id.lastIndexOf('/'));
}
