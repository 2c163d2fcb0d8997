// One room: its subscription, and what came through it.

import type { Centrifuge, PublicationContext, SubscribedContext, Subscription } from 'centrifuge';

import { Conversation, messageOf, type Message } from './conversation.ts';
import type { Notice } from './rows.ts';
import { roomChannel } from './rooms.ts';

/** Asked for on entering. */
const ENTERING_MAX = 100;
const NOTICES_MAX = 12;

export interface RoomObserver {
  /** Before it subscribes. */
  opened(subscription: Subscription): void;
  changed(room: Room): void;
  /** Somebody has spoken; `isLive` where it has just happened. */
  spoke(room: Room, message: Message, isLive: boolean): void;
}

export class Room {
  readonly conversation = new Conversation();
  notices: Notice[] = [];
  readonly subscription: Subscription;
  readonly #observer: RoomObserver;
  /** The last hundred are here. */
  #isFilled = false;
  /** Publications that come now were missed, and are recovered. */
  #isRecovering = false;
  #noticed = 0;

  // [how A room: one subscription
  constructor(
    client: Centrifuge,
    readonly name: string,
    observer: RoomObserver,
  ) {
    this.#observer = observer;
    this.subscription = client.newSubscription(roomChannel(name));
    // After a lost link the client says up to where it has read, and gets what followed: in order and once.
    this.subscription.on('publication', (publication) => this.#take(publication, !this.#isRecovering));
    this.subscription.on('subscribed', (answer) => void this.#joined(answer));
    observer.opened(this.subscription);
    this.subscription.subscribe();
  }

  async #enter(): Promise<void> {
    const { publications } = await this.subscription.history({ limit: ENTERING_MAX, reverse: true });
    for (const publication of publications.reverse()) this.#take(publication, false);
  }
  // how]

  notice(text: string, isBad = false): void {
    this.#noticed += 1;
    this.notices = [...this.notices, { id: this.#noticed, after: this.conversation.latest, text, isBad }].slice(-NOTICES_MAX);
    this.#observer.changed(this);
  }

  async #joined({ streamPosition, wasRecovering, recovered }: SubscribedContext): Promise<void> {
    const life = this.conversation.begin(streamPosition?.epoch ?? '');
    if (life === 'anew') {
      this.notices = [];
      this.notice('The server was started anew: what was said before is gone.', true);
    }
    this.#isRecovering = true;
    queueMicrotask(() => {
      this.#isRecovering = false;
    });
    if (life !== 'same' || (wasRecovering && !recovered)) this.#isFilled = false;
    this.#observer.changed(this);
    if (this.#isFilled) return;
    this.#isFilled = true;
    try {
      await this.#enter();
    } catch {
      this.#isFilled = false; // the link is away: with the next answer
    }
  }

  #take(publication: PublicationContext, isLive: boolean): void {
    const message = messageOf(publication);
    // Whoever publishes beside the history has no place in it.
    if (message.offset === 0 || !this.conversation.add(message)) return;
    this.#observer.spoke(this, message, isLive);
    this.#observer.changed(this);
  }
}
