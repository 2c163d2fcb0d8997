// One user's devices in step: up to where each room is read, over the user's own channel.

import type { Centrifuge, Subscription } from 'centrifuge';

import { hasMore, marksOf, merged, readUpTo, type Marks } from './marks.ts';
import { ownChannel } from './rooms.ts';

/** Several marks become one publication, and two devices rarely speak at once. */
const TELL_MIN_MS = 150;
const TELL_MAX_MS = 450;
/** In a room where many talk, marks are told no more often than this. */
const TELL_PAUSE_MS = 2_000;

export class Devices {
  #marks: Marks = {};
  /** What the channel's latest publication says. */
  #told: Marks = {};
  #subscription: Subscription | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** When marks were last told; milliseconds of the page. */
  #toldAtMs = Number.NEGATIVE_INFINITY;
  readonly #client: Centrifuge;
  readonly #epochs: () => Record<string, string>;
  readonly #changed: () => void;

  constructor(client: Centrifuge, epochs: () => Record<string, string>, changed: () => void) {
    this.#client = client;
    this.#epochs = epochs;
    this.#changed = changed;
  }

  /** Rooms that some device of this user has opened. */
  rooms(): string[] {
    return Object.keys(this.#marks);
  }

  readUpTo(room: string, epoch: string): number {
    return readUpTo(this.#marks, room, epoch);
  }

  /** This device has shown the room up to this offset. */
  read(room: string, epoch: string, offset: number): void {
    const more = { [room]: { epoch, offset } };
    if (epoch === '' || !hasMore(merged(this.#marks, more, this.#epochs()), this.#marks)) return;
    this.#marks = merged(this.#marks, more, this.#epochs());
    this.#tellSoon();
  }

  use(user: string): void {
    this.forget();
    // [how Two devices in step
    const subscription = this.#client.newSubscription(ownChannel(user));
    // The namespace keeps the latest publication and hands it to whoever subscribes.
    subscription.on('publication', ({ data }) => {
      this.#told = marksOf(data);
      this.#marks = merged(this.#marks, this.#told, this.#epochs());
      this.#changed();
      this.#tellSoon();
    });
    subscription.on('subscribed', () => this.#tellSoon());
    subscription.subscribe();
    // how]
    this.#subscription = subscription;
  }

  /** Another user begins with nothing read. */
  forget(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    [this.#marks, this.#told] = [{}, {}];
    this.#toldAtMs = Number.NEGATIVE_INFINITY;
    const subscription = this.#subscription;
    this.#subscription = undefined;
    if (subscription === undefined) return;
    subscription.removeAllListeners();
    subscription.unsubscribe();
    this.#client.removeSubscription(subscription);
  }

  #tellSoon(): void {
    if (this.#timer !== undefined) return;
    const spreadMs = TELL_MIN_MS + Math.random() * (TELL_MAX_MS - TELL_MIN_MS);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#tell();
    }, Math.max(spreadMs, this.#toldAtMs + TELL_PAUSE_MS - performance.now()));
  }

  async #tell(): Promise<void> {
    const subscription = this.#subscription;
    if (subscription?.state !== 'subscribed' || !hasMore(this.#marks, this.#told)) return;
    this.#toldAtMs = performance.now();
    try {
      await subscription.publish({ read: this.#marks });
    } catch {
      // The link is away: told with the next answer.
    }
  }
}
