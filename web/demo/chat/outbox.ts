// What this page has written and the room does not have yet. A message shows at once; the server's answer settles it. Messages
// go out one after another, so that they stand in the room as they were written; what a lost link leaves unanswered is sent
// again with the same id, under which the back end publishes it once.

/** More than this is not kept for a link that is away. */
export const DRAFTS_MAX = 20;
/** The back end's code for more than a message a second; see `judge` in examples/demo_chat.rs. */
const TOO_FAST = 1002;
/** The client library's own codes: there is no answer, so nobody knows whether it was published. */
const NO_ANSWER_MAX = 99;
const AGAIN_AFTER_MS = 1_200;

export interface Draft {
  readonly room: string;
  readonly id: string;
  readonly text: string;
  readonly atMs: number;
  /** `waiting`: for the link or its turn; `sent`: the server has said yes, and the publication is on its way here. */
  state: 'waiting' | 'sending' | 'sent' | 'refused';
  /** Why it was refused. */
  reason: string;
  /** It has waited for a link, so it may come in a rush with others. */
  hasWaited: boolean;
}

export interface Refusal {
  readonly code: number;
  readonly message: string;
  readonly temporary?: boolean;
}

export interface Ways {
  /** Resolves when the server has taken it, rejects with a [`Refusal`]. */
  publish(room: string, message: { id: string; text: string }): Promise<unknown>;
  /** Something is to be shown anew. */
  changed(): void;
  pause(ms: number): Promise<void>;
  nowMs(): number;
  newId(): string;
}

export class Outbox {
  readonly #ways: Ways;
  #drafts: Draft[] = [];
  #isOnline = false;
  #isSending = false;

  constructor(ways: Ways) {
    this.#ways = ways;
  }

  of(room: string): Draft[] {
    return this.#drafts.filter((draft) => draft.room === room);
  }

  /** Takes a message, or says why not. */
  write(room: string, text: string): string | undefined {
    if (this.#drafts.length >= DRAFTS_MAX) return `${DRAFTS_MAX} messages are waiting already.`;
    const { nowMs, newId } = this.#ways;
    const hasWaited = !this.#isOnline;
    this.#drafts.push({ room, id: newId(), text, atMs: nowMs(), state: 'waiting', reason: '', hasWaited });
    this.#changed();
    return undefined;
  }

  /** The link has come or gone. */
  online(isOnline: boolean): void {
    this.#isOnline = isOnline;
    if (!isOnline) for (const draft of this.#drafts) draft.hasWaited ||= draft.state === 'waiting';
    this.#changed();
  }

  /** It stands in the room now. */
  published(room: string, id: string): void {
    const before = this.#drafts.length;
    this.#drafts = this.#drafts.filter((draft) => draft.room !== room || draft.id !== id);
    if (this.#drafts.length !== before) this.#changed();
  }

  /** Sends what was refused once more. */
  again(id: string): void {
    const draft = this.#drafts.find((draft) => draft.id === id && draft.state === 'refused');
    if (draft === undefined) return;
    // Behind what has been written since.
    this.#drafts = [...this.#drafts.filter((other) => other !== draft), draft];
    draft.state = 'waiting';
    this.#changed();
  }

  /** Forgets what was refused; returns its text, to be written differently. */
  drop(id: string): string {
    const draft = this.#drafts.find((draft) => draft.id === id && draft.state === 'refused');
    this.#drafts = this.#drafts.filter((other) => other !== draft);
    this.#ways.changed();
    return draft?.text ?? '';
  }

  #changed(): void {
    this.#ways.changed();
    void this.#send();
  }

  async #send(): Promise<void> {
    if (this.#isSending) return;
    this.#isSending = true;
    for (;;) {
      const draft = this.#isOnline ? this.#drafts.find(({ state }) => state === 'waiting') : undefined;
      if (draft === undefined) break;
      draft.state = 'sending';
      this.#ways.changed();
      await this.#sendOne(draft);
      this.#ways.changed();
    }
    this.#isSending = false;
  }

  async #sendOne(draft: Draft): Promise<void> {
    const { id, text } = draft;
    try {
      await this.#ways.publish(draft.room, { id, text });
      draft.state = 'sent';
    } catch (error) {
      const { code = 0, message = 'It was not sent.', temporary = false } = error as Partial<Refusal>;
      if (code <= NO_ANSWER_MAX) {
        Object.assign(draft, { state: 'waiting', hasWaited: true });
        await this.#ways.pause(AGAIN_AFTER_MS);
      } else if (temporary || (code === TOO_FAST && draft.hasWaited)) {
        draft.state = 'waiting';
        await this.#ways.pause(AGAIN_AFTER_MS);
      } else {
        Object.assign(draft, { state: 'refused', reason: message });
      }
    }
  }
}
