// What may honestly be said of a page's link: only what the client's events and the offsets prove.
//
// A machine without a clock or a screen: events go in, one state comes out. `missed` is undefined where nobody can know it.

import { outcomeOf, type Position, type SubscribeAnswer } from '../../src/recovery.ts';

export type LinkState =
  | { readonly name: 'connecting' }
  | { readonly name: 'live' }
  /** Back, and what was missed is being fetched (undefined), or has all arrived (a number). */
  | { readonly name: 'catching-up'; readonly missed: number | undefined }
  | { readonly name: 'gap'; readonly missed: number | undefined }
  | { readonly name: 'waiting'; readonly reason: string; readonly retryAtMs: number }
  /** For good, unless somebody connects again: by the visitor (`asked`) or by the server. */
  | { readonly name: 'ended'; readonly asked: boolean; readonly reason: string };

/** How long a page says that it has caught up before it is simply live again. */
export const CAUGHT_UP_SHOWN_MS = 5_000;

interface Channel {
  /** The page promises every publication of it, so a hole in the offsets is a gap. */
  readonly isComplete: boolean;
  isJoined: boolean;
  /** False until the first join, so that a return can be told from it. */
  isReturning: boolean;
  position: Position | undefined;
  /** Publications that came with the answer being handled; undefined outside of it. */
  recovered: number | undefined;
}

export class LinkMachine {
  #connection: LinkState = { name: 'connecting' };
  readonly #channels = new Map<string, Channel>();
  #caughtUp: { missed: number; untilMs: number } | undefined;
  #gap: { missed: number | undefined } | undefined;

  state(nowMs: number): LinkState {
    if (this.#connection.name !== 'live') return this.#connection;
    if (this.#gap !== undefined) return { name: 'gap', missed: this.#gap.missed };
    const channels = [...this.#channels.values()];
    if (channels.some(({ isJoined, isReturning }) => isReturning && !isJoined)) return { name: 'catching-up', missed: undefined };
    if (this.#caughtUp !== undefined && nowMs < this.#caughtUp.untilMs) {
      return { name: 'catching-up', missed: this.#caughtUp.missed };
    }
    if (channels.length > 0 && !channels.some(({ isJoined }) => isJoined)) return { name: 'connecting' };
    return { name: 'live' };
  }

  connecting(): void {
    this.#connection = { name: 'connecting' };
  }

  connected(): void {
    this.#connection = { name: 'live' };
  }

  waiting(reason: string, retryAtMs: number): void {
    this.#connection = { name: 'waiting', reason, retryAtMs };
    this.#caughtUp = undefined;
  }

  ended(asked: boolean, reason: string): void {
    this.#connection = { name: 'ended', asked, reason };
  }

  /** The visitor has read of the gap. */
  gapSeen(): void {
    this.#gap = undefined;
  }

  follow(channel: string, isComplete: boolean): void {
    this.#channels.set(channel, { isComplete, isJoined: false, isReturning: false, position: undefined, recovered: undefined });
  }

  leave(channel: string): void {
    this.#channels.delete(channel);
  }

  subscribing(channel: string): void {
    const known = this.#channels.get(channel);
    if (known !== undefined) known.isJoined = false;
  }

  /** The answer to a subscription; what it recovered follows as publications, and then `settled`. */
  subscribed(channel: string, answer: SubscribeAnswer): void {
    const known = this.#channels.get(channel);
    if (known === undefined) return;
    const outcome = outcomeOf(known.isReturning, known.position, answer);
    if (outcome.kind === 'gap') this.#missed(outcome.missed);
    // Who promises every publication and comes back without recovery cannot know what it has not seen.
    if (outcome.kind === 'unprotected' && known.isComplete) this.#missed(undefined);
    if (outcome.kind !== 'recovered' || known.position === undefined) known.position = answer.streamPosition;
    known.isJoined = true;
    known.isReturning = true;
    known.recovered = outcome.kind === 'recovered' ? 0 : undefined;
  }

  published(channel: string, offset: number | undefined): void {
    const known = this.#channels.get(channel);
    if (known === undefined) return;
    if (known.recovered !== undefined) known.recovered += 1;
    if (known.position === undefined || offset === undefined || offset === 0) return;
    const missing = offset - known.position.offset - 1;
    if (missing > 0 && known.isComplete) this.#missed(missing);
    if (missing >= 0) known.position = { offset, epoch: known.position.epoch };
  }

  /** What a subscription's answer recovered has been handed over. */
  settled(channel: string, nowMs: number): void {
    const known = this.#channels.get(channel);
    const recovered = known?.recovered ?? 0;
    if (known !== undefined) known.recovered = undefined;
    if (recovered === 0) return;
    // Several channels come back together: one number for all of them.
    const before = this.#caughtUp !== undefined && nowMs < this.#caughtUp.untilMs ? this.#caughtUp.missed : 0;
    this.#caughtUp = { missed: before + recovered, untilMs: nowMs + CAUGHT_UP_SHOWN_MS };
  }

  #missed(count: number | undefined): void {
    const before = this.#gap === undefined ? 0 : this.#gap.missed;
    this.#gap = { missed: count === undefined || before === undefined ? undefined : before + count };
  }
}

/** A few words for the top bar. */
export function wordsFor(state: LinkState, nowMs: number): string {
  switch (state.name) {
    case 'connecting':
      return 'Connecting…';
    case 'live':
      return 'Live';
    case 'catching-up':
      return state.missed === undefined ? 'Catching up…' : `Caught up: ${state.missed.toLocaleString('en')} missed`;
    case 'gap':
      return state.missed === undefined ? 'Gap: some missed' : `Gap: ${state.missed.toLocaleString('en')} missed`;
    case 'waiting':
      return `Offline, retry in ${Math.max(1, Math.ceil((state.retryAtMs - nowMs) / 1000))} s`;
    case 'ended':
      return state.asked ? 'Offline' : 'Ended';
  }
}

/** The same as a sentence, with what it means for the visitor; without a number that counts down. */
export function sentenceFor(state: LinkState): string {
  switch (state.name) {
    case 'connecting':
      return 'Connecting to the server.';
    case 'live':
      return 'Live: everything arrives as it happens.';
    case 'catching-up':
      return state.missed === undefined
        ? 'Back, and asking for what was missed.'
        : `Caught up: ${messages(state.missed)} sent meanwhile, and nothing lost.`;
    case 'gap':
      return state.missed === undefined
        ? 'Gap: it is unknown how much was missed.'
        : `Gap: ${messages(state.missed)} missed for good; the history no longer reaches back that far.`;
    case 'waiting':
      return `No connection: ${state.reason.replace(/\.$/, '')}. The next attempt follows by itself.`;
    case 'ended':
      return state.asked ? 'Offline, as you asked.' : `Ended by the server: ${state.reason.replace(/\.$/, '')}.`;
  }
}

function messages(count: number): string {
  return count === 1 ? '1 message' : `${count.toLocaleString('en')} messages`;
}
