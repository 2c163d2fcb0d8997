// What was read, on all devices of a user together. The set only grows, so that the order in which devices speak does not
// matter: each publishes the whole of it, takes over what others publish, and speaks again where they do not have its own.

import { isObject } from './note.ts';

/** More than all notes that two devices can list. */
export const MARKS_MAX = 400;

export class ReadMarks {
  #marks: Set<string>;
  /** What the channel says. */
  #shared = new Set<string>();

  constructor(marks: Iterable<string> = []) {
    this.#marks = new Set(marks);
  }

  has(id: string): boolean {
    return this.#marks.has(id);
  }

  all(): string[] {
    return [...this.#marks];
  }

  /** Returns those that were unread. */
  mark(ids: readonly string[]): string[] {
    const fresh = ids.filter((id) => !this.#marks.has(id));
    for (const id of fresh) this.#marks.add(id);
    this.#bound();
    return fresh;
  }

  /** Another device, or this one, has published. Returns whether anything is read that was not. */
  take(data: unknown): boolean {
    if (!isObject(data) || !Array.isArray(data.read)) return false;
    const ids = data.read.filter((id): id is string => typeof id === 'string').slice(0, MARKS_MAX);
    this.#shared = new Set(ids);
    return this.mark(ids).length > 0;
  }

  // [how What a device publishes when something is read
  /** What is to be published so that all know; undefined where all do. `listed`: the notes that still matter. */
  news(listed: readonly { readonly id: string }[]): { read: string[] } | undefined {
    const mine = listed.map(({ id }) => id).filter((id) => this.#marks.has(id));
    if (mine.every((id) => this.#shared.has(id))) return undefined;
    return { read: [...new Set([...mine, ...this.#shared])].slice(0, MARKS_MAX) };
  }
  // how]

  /** The oldest go first. */
  #bound(): void {
    for (const id of this.#marks) {
      if (this.#marks.size <= MARKS_MAX) return;
      this.#marks.delete(id);
    }
  }
}
