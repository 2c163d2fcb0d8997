// What a screen reader hears of the conversation: what others say in the open room, several at once as one sentence, so that
// a lively room can still be listened to.

import { element } from '../../../src/view/element.ts';

const EVERY_MS = 3_000;
const CHARS_MAX = 120;

export class Aloud {
  readonly #region = element('announcer', HTMLElement);
  #waiting: string[] = [];
  #isScheduled = false;

  say(sentence: string): void {
    this.#waiting.push(sentence.slice(0, CHARS_MAX));
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setTimeout(() => this.#flush(), EVERY_MS / 6);
  }

  #flush(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#region.textContent = waiting.length > 2 ? `${waiting.length} new messages. ${waiting.at(-1)}` : waiting.join(' ');
    setTimeout(() => {
      this.#isScheduled = false;
      if (this.#waiting.length > 0) this.#flush();
    }, EVERY_MS);
  }
}
