// Who is typing. A signal is sent while keys are pressed, not for each one; nothing says that somebody has stopped, so what
// was heard is believed for a while only.

/** A signal says "still typing" for so long. */
export const SIGNAL_EVERY_MS = 2_500;
/** Longer than between two signals, so that one that is late does not make the line flicker. */
export const BELIEVED_MS = 4_500;
const NAMED_MAX = 3;

/** When to say that we are typing. */
export class TypingSignal {
  #lastMs = -Infinity;

  /** A key was pressed: whether a signal is due. */
  pressed(nowMs: number): boolean {
    if (nowMs - this.#lastMs < SIGNAL_EVERY_MS) return false;
    this.#lastMs = nowMs;
    return true;
  }

  /** The message is out, or another room is open: the next key is a signal again. */
  reset(): void {
    this.#lastMs = -Infinity;
  }
}

/** Who of the others is typing. */
export class Typists {
  readonly #until = new Map<string, { name: string; untilMs: number }>();

  heard(user: string, name: string, nowMs: number): void {
    this.#until.set(user, { name, untilMs: nowMs + BELIEVED_MS });
  }

  /** They have sent what they wrote, or have gone. */
  stopped(user: string): void {
    this.#until.delete(user);
  }

  clear(): void {
    this.#until.clear();
  }

  /** Their names, in the order in which they began. */
  names(nowMs: number): string[] {
    for (const [user, { untilMs }] of this.#until) if (untilMs <= nowMs) this.#until.delete(user);
    return [...this.#until.values()].map(({ name }) => name);
  }
}

export function typingSentence(names: readonly string[]): string {
  const [first, second, third] = names;
  if (first === undefined) return '';
  if (second === undefined) return `${first} is typing…`;
  if (third === undefined) return `${first} and ${second} are typing…`;
  if (names.length === NAMED_MAX) return `${first}, ${second} and ${third} are typing…`;
  return 'Several people are typing…';
}
