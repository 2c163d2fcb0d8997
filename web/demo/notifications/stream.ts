// One of the two streams of notifications: joined where the last visit ended, and honest about what came of that.

import type { Centrifuge, PublicationContext, SubscribedContext, Subscription } from 'centrifuge';

import { outcomeOf, type Outcome, type Position } from '../../src/recovery.ts';
import { noteOf, orderStepOf, type Note, type OrderStep, type StreamKey, type Way } from './note.ts';
import { NOTHING_MISSED, replayOfGap, type Replay } from './replay.ts';

/** As many as the server keeps. */
const HISTORY_SIZE = 100;

export interface StreamObserver {
  note(note: Note, way: Way): void;
  /** Said in passing: it has no place in the stream. */
  passing(order: OrderStep): void;
  /** All that came of the time away has been handed over. */
  back(replay: Replay): void;
}

export class Stream {
  readonly subscription: Subscription;
  readonly #key: StreamKey;
  readonly #observer: StreamObserver;
  #position: Position | undefined;
  /** What the history is to be asked for, and how far this page was before; it may take more than one attempt. */
  #due: { readonly outcome: Outcome; readonly last: Position | undefined } | undefined;
  /** Publications that come with the answer being handled; undefined outside of it. */
  #recovered: number | undefined;

  constructor(client: Centrifuge, key: StreamKey, channel: string, since: Position | undefined, observer: StreamObserver) {
    this.#key = key;
    this.#observer = observer;
    this.#position = since;
    // [how A closed tab comes back where it was
    this.subscription = client.newSubscription(channel, { since: since ?? null });
    this.subscription.on('subscribed', (answer) => this.#joined(answer));
    this.subscription.on('publication', (publication) => this.#published(publication));
    // how]
  }

  /** How far all notes have been handed over. */
  get position(): Position | undefined {
    return this.#due === undefined ? this.#position : this.#due.last;
  }

  #joined(answer: SubscribedContext): void {
    const last = this.#position;
    const outcome = outcomeOf(last !== undefined, last, answer);
    if (outcome.kind === 'recovered') {
      this.#recovered = 0;
      // The client hands over the recovered publications in the same turn, right after this event.
      queueMicrotask(() => this.#caughtUp());
    } else {
      this.#position = answer.streamPosition;
      // A first visit and a gap have this in common: there is what the history still has, and no more.
      this.#due ??= { outcome, last };
    }
    void this.#settleDue();
  }

  #caughtUp(): void {
    const arrived = this.#recovered ?? 0;
    this.#recovered = undefined;
    this.#observer.back({ arrived, lost: 0 });
  }

  async #settleDue(): Promise<void> {
    const due = this.#due;
    if (due === undefined) return;
    const { outcome, last } = due;
    const isMissed = (offset: number) => outcome.kind === 'gap' && (outcome.missed === undefined || offset > (last?.offset ?? 0));
    try {
      const offsets = await this.#readHistory((offset) => (isMissed(offset) ? 'missed' : 'before'));
      if (this.#due !== due) return;
      this.#due = undefined;
      this.#observer.back(outcome.kind === 'gap' ? replayOfGap(outcome, last, offsets) : NOTHING_MISSED);
    } catch {
      // The link went away meanwhile; it is asked for again when the subscription is back.
    }
  }

  async #readHistory(wayOf: (offset: number) => Way): Promise<number[]> {
    const { publications, epoch } = await this.subscription.history({ limit: HISTORY_SIZE });
    const nowMs = Date.now();
    for (const { data, offset } of publications) {
      if (offset === undefined) continue;
      const way = wayOf(offset);
      this.#observer.note(noteOf(data, { stream: this.#key, epoch, offset }, nowMs, way), way);
    }
    return publications.map(({ offset }) => offset ?? 0);
  }

  #published({ data, offset }: PublicationContext): void {
    if (offset === undefined || offset === 0 || this.#position === undefined) {
      const order = orderStepOf(data);
      if (order !== undefined) this.#observer.passing(order);
      return;
    }
    const { epoch } = this.#position;
    const way = this.#recovered === undefined ? 'live' : 'missed';
    if (this.#recovered !== undefined) this.#recovered += 1;
    this.#position = { epoch, offset };
    this.#observer.note(noteOf(data, { stream: this.#key, epoch, offset }, Date.now(), way), way);
  }
}
