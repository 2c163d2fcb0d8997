// What was said in one room, in the order of its offsets, each message once: whether it came live, out of the history or by
// a recovery, and however often.

/** Older ones leave the page; the server keeps 300. */
export const MESSAGES_MAX = 500;

export interface Message {
  /** Its place in the room's stream. */
  readonly offset: number;
  /** The sender's own name for it, by which its sender knows it again. */
  readonly id: string;
  /** Empty: the server itself. */
  readonly user: string;
  readonly name: string;
  readonly text: string;
  /** When the server took it, Unix milliseconds; 0 where it does not say. */
  readonly atMs: number;
}

/** A publication, as the client library gives it. */
export interface Published {
  readonly data?: unknown;
  readonly offset?: number;
  readonly info?: { readonly user?: string; readonly connInfo?: unknown };
}

/** Anybody with the API's key may publish anything: what is no message of this chat is shown as it is. */
export function messageOf({ data, offset, info }: Published): Message {
  const fields = (typeof data === 'object' && data !== null ? data : {}) as Record<string, unknown>;
  return {
    offset: offset ?? 0,
    id: typeof fields['id'] === 'string' ? fields['id'] : '',
    user: info?.user ?? '',
    name: nameIn(info?.connInfo) ?? (info === undefined ? 'Wavecast' : 'Somebody'),
    text: typeof fields['text'] === 'string' ? fields['text'] : JSON.stringify(data ?? null),
    atMs: typeof fields['at'] === 'number' && Number.isFinite(fields['at']) ? fields['at'] : 0,
  };
}

/** The name in what a token says of its user to others. */
export function nameIn(connInfo: unknown): string | undefined {
  const name = (connInfo as { name?: unknown } | null | undefined)?.name;
  return typeof name === 'string' && name !== '' ? name : undefined;
}

export class Conversation {
  #messages: Message[] = [];
  #epoch = '';

  get messages(): readonly Message[] {
    return this.#messages;
  }

  get epoch(): string {
    return this.#epoch;
  }

  /** The newest offset; 0 where there is none. */
  get latest(): number {
    return this.#messages.at(-1)?.offset ?? 0;
  }

  /** Says in which life of the stream the offsets count. In a new one they begin again, and what was shown is of the old one. */
  begin(epoch: string): 'same' | 'first' | 'anew' {
    if (epoch === this.#epoch) return 'same';
    const was = this.#epoch;
    this.#epoch = epoch;
    this.#messages = [];
    return was === '' ? 'first' : 'anew';
  }

  /** Puts it in its place; false where it is there already, or too old to be kept. */
  add(message: Message): boolean {
    const at = this.#placeOf(message.offset);
    if (this.#messages[at]?.offset === message.offset) return false;
    if (at === 0 && this.#messages.length >= MESSAGES_MAX) return false;
    this.#messages.splice(at, 0, message);
    if (this.#messages.length > MESSAGES_MAX) this.#messages.shift();
    return true;
  }

  /** How many messages are missing just before this one, where the stream has had some. */
  missingBefore(message: Message): number {
    const before = this.#messages[this.#placeOf(message.offset) - 1];
    return before === undefined ? 0 : message.offset - before.offset - 1;
  }

  /** Messages behind a mark that somebody else wrote. */
  unread(mark: number, me: string): number {
    let unread = 0;
    for (let at = this.#messages.length - 1; at >= 0; at -= 1) {
      const { offset, user } = this.#messages[at] as Message;
      if (offset <= mark) break;
      if (user !== me || me === '') unread += 1;
    }
    return unread;
  }

  /** The first index whose offset is not smaller. Most messages come last. */
  #placeOf(offset: number): number {
    let at = this.#messages.length;
    while (at > 0 && (this.#messages[at - 1] as Message).offset >= offset) at -= 1;
    return at;
  }
}
