// What a screen reader hears without being asked: events as they come, messages only in summary, since
// a list that changes hundreds of times a second cannot be read aloud.

import type { Message } from '../channels.ts';
import { shownText } from '../payload.ts';
import { countOf } from '../recovery.ts';
import { element } from './element.ts';

const SUMMARY_EVERY_MS = 10_000;
/** Several events at once are read as one; more than this many are not worth listening to. */
const SENTENCES_MAX = 4;
const TEXT_CHARS_MAX = 80;

export class Announcer {
  readonly #region = element('announcer', HTMLElement);
  #sentences: string[] = [];
  #scheduled = false;
  #arrived = 0;
  #latest: Message | undefined;

  constructor() {
    setInterval(() => this.#summarise(), SUMMARY_EVERY_MS);
  }

  say(sentence: string): void {
    if (this.#sentences.length < SENTENCES_MAX) this.#sentences.push(sentence);
    if (this.#scheduled) return;
    this.#scheduled = true;
    setTimeout(() => this.#flush(), 250);
  }

  message(message: Message): void {
    this.#arrived += 1;
    this.#latest = message;
  }

  #summarise(): void {
    if (this.#latest === undefined) return;
    const text = shownText(this.#latest.data).slice(0, TEXT_CHARS_MAX);
    this.say(`${countOf(this.#arrived, 'new message')}. Latest in ${this.#latest.channel.name}: ${text}`);
    this.#arrived = 0;
    this.#latest = undefined;
  }

  #flush(): void {
    this.#region.textContent = this.#sentences.join(' ');
    this.#sentences = [];
    this.#scheduled = false;
  }
}
