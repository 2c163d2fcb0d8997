// The two ways that ask: a poll is answered at once, a long-poll when there is something.

import type { Taking } from './way.ts';

/** What went wrong is tried again so soon. */
const RETRY_MS = 2_000;
/** Seconds that a long-poll waits at most. */
export const WAIT_S = 20;

interface Page {
  readonly publications: readonly { readonly data: unknown; readonly offset: number }[];
  readonly next: string;
}

export class Asking {
  readonly #channel: string;
  readonly #taking: Taking;
  readonly #ending = new AbortController();
  #next = '';
  #isAsking = false;
  #turns: ReturnType<typeof setInterval> | undefined;

  constructor(channel: string, taking: Taking) {
    this.#channel = channel;
    this.#taking = taking;
  }

  /** Asks at fixed times. */
  poll(everyMs: number): this {
    const turn = () => void this.#ask(0);
    turn();
    this.#turns = setInterval(turn, everyMs);
    return this;
  }

  /** Asks anew as soon as it is answered. */
  longPoll(): this {
    void this.#askForEver();
    return this;
  }

  end(): void {
    clearInterval(this.#turns);
    this.#ending.abort();
  }

  // [how Long-poll: ask, and be answered when there is something
  async #askForEver(): Promise<void> {
    while (!this.#ending.signal.aborted) {
      const isAnswered = await this.#ask(WAIT_S);
      if (!isAnswered) await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
  // how]

  // [how Polling: ask, whether there is something or not
  async #fetch(waitS: number): Promise<Page> {
    const address = `/connection/poll?channels=${this.#channel}&since=${this.#next}&wait=${waitS}`;
    this.#taking.asked(address);
    const answer = await fetch(address, { signal: this.#ending.signal });
    if (!answer.ok) throw new Error(`answered with ${answer.status}`);
    return answer.json();
  }
  // how]

  async #ask(waitS: number): Promise<boolean> {
    // Who waits for an answer does not ask again.
    if (this.#isAsking) return true;
    this.#isAsking = true;
    try {
      const isFirst = this.#next === '';
      const { publications, next } = await this.#fetch(waitS);
      this.#next = next;
      for (const { data, offset } of publications) this.#taking.value(data, offset);
      if (publications.length === 0 && !isFirst) this.#taking.nothing();
      this.#taking.well();
      return true;
    } catch (error) {
      if (!this.#ending.signal.aborted) this.#taking.failed(error instanceof Error ? error.message : String(error));
      return false;
    } finally {
      this.#isAsking = false;
    }
  }
}
