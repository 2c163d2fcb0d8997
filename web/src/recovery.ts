// What a subscription's answer says about the time away. Only what the server said and what the
// offsets prove: "nothing lost" is never guessed.

export interface Position {
  readonly offset: number;
  readonly epoch: string;
}

/** The parts of the client's `subscribed` event that matter here. */
export interface SubscribeAnswer {
  readonly recoverable: boolean;
  readonly wasRecovering: boolean;
  readonly recovered: boolean;
  readonly streamPosition?: Position | undefined;
}

export type Outcome =
  | { readonly kind: 'joined'; readonly recoverable: boolean }
  | { readonly kind: 'recovered' }
  /** `missed` is known only where both positions lie in the same stream. */
  | { readonly kind: 'gap'; readonly missed: number | undefined }
  | { readonly kind: 'unprotected' };

/** `last` is the newest position seen before the interruption; `returning` is false on the first join. */
export function outcomeOf(returning: boolean, last: Position | undefined, answer: SubscribeAnswer): Outcome {
  if (answer.wasRecovering && answer.recovered) return { kind: 'recovered' };
  if (answer.wasRecovering) return { kind: 'gap', missed: missedBetween(last, answer.streamPosition) };
  if (returning) return { kind: 'unprotected' };
  return { kind: 'joined', recoverable: answer.recoverable };
}

function missedBetween(last: Position | undefined, top: Position | undefined): number | undefined {
  if (last === undefined || top === undefined || last.epoch !== top.epoch) return undefined;
  return top.offset >= last.offset ? top.offset - last.offset : undefined;
}

/** One sentence. `delivered` is how many publications came along with a recovery. */
export function sentenceFor(outcome: Outcome, delivered: number): string {
  switch (outcome.kind) {
    case 'joined':
      return outcome.recoverable
        ? 'Joined. Short interruptions are recovered.'
        : 'Joined. No history here: what is sent while you are away is lost.';
    case 'recovered':
      return delivered === 0
        ? 'Recovered: nothing was sent while you were away.'
        : `Recovered: ${countOf(delivered, 'message')} sent while you were away, nothing lost.`;
    case 'gap':
      return outcome.missed === undefined
        ? 'Gap: the stream was started anew, so it is unknown how much was missed.'
        : `Gap: ${countOf(outcome.missed, 'message')} missed; the history no longer reaches back that far.`;
    case 'unprotected':
      return 'Back, without recovery: what was sent meanwhile is lost.';
  }
}

export function countOf(count: number, noun: string): string {
  return `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`;
}
