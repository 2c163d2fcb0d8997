// The forms below the conversation: first for a name, then for messages.

import { element } from '../../../src/view/element.ts';
import type { Identity } from '../identity.ts';

/** The server's rule; a longer text may be sent, to see it refused. */
export const TEXT_CHARS_MAX = 500;
const LINES_MAX = 6;

export interface WritingObserver {
  enter(name: string): Promise<void>;
  /** Returns why a message is not taken; else it is on its way. */
  write(text: string): string | undefined;
  pressed(): void;
}

export class Writing {
  readonly #nameForm = element('name-form', HTMLFormElement);
  readonly #name = element('name', HTMLInputElement);
  readonly #writeForm = element('write-form', HTMLFormElement);
  readonly #text = element('text', HTMLTextAreaElement);
  readonly #hint = element('write-hint', HTMLElement);
  readonly #observer: WritingObserver;

  constructor(observer: WritingObserver, suggestion: string) {
    this.#observer = observer;
    this.#name.value = suggestion;
    this.#nameForm.addEventListener('submit', (event) => {
      event.preventDefault();
      void this.#enter();
    });
    this.#writeForm.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#write();
    });
    this.#text.addEventListener('keydown', (event) => {
      // While a word is composed (in Japanese, say) the key belongs to it.
      if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#write();
    });
    this.#text.addEventListener('input', () => {
      this.#grow();
      if (this.#text.value !== '') this.#observer.pressed();
    });
  }

  show(identity: Identity | undefined, room: string): void {
    const hadFocus = this.#nameForm.contains(document.activeElement);
    this.#nameForm.hidden = identity !== undefined;
    this.#writeForm.hidden = identity === undefined;
    this.#text.placeholder = `Write to ${room}`;
    if (identity !== undefined && hadFocus) this.#text.focus();
  }

  /** Gives a refused text back to be changed. */
  rewrite(text: string): void {
    this.#text.value = text;
    this.#grow();
    this.#text.focus();
  }

  say(words: string): void {
    this.#hint.textContent = words;
  }

  async #enter(): Promise<void> {
    this.say('');
    try {
      await this.#observer.enter(this.#name.value.trim());
    } catch (error) {
      this.say((error as { message?: string }).message ?? 'That did not work; try again.');
    }
  }

  #write(): void {
    const text = this.#text.value.trim();
    if (text === '') return;
    const problem = this.#observer.write(text);
    if (problem === undefined) this.#text.value = '';
    this.#grow();
    if (problem !== undefined) this.say(problem);
  }

  /** As high as what is written, up to a few lines; and says when it is longer than the server takes. */
  #grow(): void {
    const lines = this.#text.value.split('\n').length;
    this.#text.rows = Math.min(Math.max(lines, Math.ceil(this.#text.value.length / 60), 1), LINES_MAX);
    const length = [...this.#text.value.trim()].length;
    this.say(length > TEXT_CHARS_MAX ? `${length} of ${TEXT_CHARS_MAX} characters: the server will refuse it.` : '');
  }
}
