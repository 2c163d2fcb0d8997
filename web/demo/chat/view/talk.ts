// The list of what was said. It is drawn at most once a frame, line by line: a line that is the same stays.

import { element } from '../../../src/view/element.ts';
import type { Row } from '../rows.ts';
import { button, make, portrait, timeElement } from './make.ts';

/** Nearer than this to the end counts as reading the newest. */
const END_PX = 80;

export interface TalkObserver {
  again(id: string): void;
  rewrite(id: string): void;
  /** The reader has come to the end of the list, or left it. */
  scrolled(): void;
}

interface Line {
  readonly element: HTMLLIElement;
  readonly looks: string;
}

export class Talk {
  readonly #list = element('messages', HTMLOListElement);
  readonly #toEnd = element('to-end', HTMLButtonElement);
  readonly #observer: TalkObserver;
  #lines = new Map<string, Line>();
  #isAtEnd = true;

  constructor(observer: TalkObserver) {
    this.#observer = observer;
    this.#list.addEventListener('scroll', () => this.#scrolled(), { passive: true });
    this.#toEnd.addEventListener('click', () => {
      this.goToEnd();
      this.#list.focus();
    });
    // The list's height changes with the window and with what is written below it.
    new ResizeObserver(() => this.#keepEnd()).observe(this.#list);
  }

  get isAtEnd(): boolean {
    return this.#isAtEnd;
  }

  goToEnd(): void {
    this.#isAtEnd = true;
    this.#keepEnd();
    this.#scrolled();
  }

  draw(rows: readonly Row[]): void {
    const lines = new Map<string, Line>();
    let next = this.#list.firstElementChild;
    for (const row of rows) {
      const looks = looksOf(row);
      const before = this.#lines.get(row.key);
      const line = before?.looks === looks ? before : { element: this.#lineOf(row), looks };
      lines.set(row.key, line);
      if (line.element === next) next = next.nextElementSibling;
      else this.#list.insertBefore(line.element, next);
    }
    for (const [key, line] of this.#lines) if (lines.get(key) !== line) line.element.remove();
    this.#lines = lines;
    this.#keepEnd();
  }

  #keepEnd(): void {
    if (this.#isAtEnd) this.#list.scrollTop = this.#list.scrollHeight;
    this.#toEnd.hidden = this.#isAtEnd;
  }

  #scrolled(): void {
    const { scrollTop, scrollHeight, clientHeight } = this.#list;
    this.#isAtEnd = scrollHeight - scrollTop - clientHeight < END_PX;
    this.#toEnd.hidden = this.#isAtEnd;
    this.#observer.scrolled();
  }

  #lineOf(row: Row): HTMLLIElement {
    switch (row.kind) {
      case 'notice':
        return make('li', row.isBad ? 'notice bad' : 'notice', row.text);
      case 'divider':
        return make('li', 'divider', make('span', '', row.text));
      case 'message': {
        const { message, isMine, isFirst } = row;
        const line = make('li', `said${isMine ? ' mine' : ''}${isFirst ? ' first' : ''}`);
        if (isFirst) {
          const head = make('p', 'who', make('strong', '', isMine ? 'You' : message.name));
          if (message.atMs > 0) head.append(timeElement(message.atMs));
          if (!isMine) line.append(portrait(message.user, message.name));
          line.append(head);
        }
        line.append(make('p', 'bubble', message.text));
        return line;
      }
      case 'draft': {
        const { draft, isFirst } = row;
        const line = make('li', `said mine draft ${draft.state}${isFirst ? ' first' : ''}`);
        if (isFirst) line.append(make('p', 'who', make('strong', '', 'You')));
        line.append(make('p', 'bubble', draft.text));
        if (draft.state === 'refused') {
          const again = button('Try again', () => this.#observer.again(draft.id));
          const rewrite = button('Write it differently', () => this.#observer.rewrite(draft.id));
          line.append(make('p', 'fate bad', draft.reason), make('div', 'buttons', again, rewrite));
        } else {
          line.append(make('p', 'fate', FATES[draft.state]));
        }
        return line;
      }
    }
  }
}

const FATES = { waiting: 'Waits for the link', sending: 'Sending…', sent: 'Taken' } as const;

/** Two rows with the same looks are drawn the same. */
function looksOf(row: Row): string {
  switch (row.kind) {
    case 'message':
      return `${row.isMine} ${row.isFirst}`;
    case 'draft':
      return `${row.draft.state} ${row.isFirst} ${row.draft.reason}`;
    default:
      return row.text;
  }
}
