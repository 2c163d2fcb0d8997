// Who is in the open room, and who is typing there: a channel of its own, of which nothing is kept.

import type { Centrifuge, ClientInfo, Subscription } from 'centrifuge';

import { nameIn } from './conversation.ts';
import { People } from './people.ts';
import { hereChannel } from './rooms.ts';
import { BELIEVED_MS, TypingSignal, Typists } from './typing.ts';

export interface HereObserver {
  changed(): void;
  /** Somebody with their first device, and `went` with their last one. */
  came(room: string, user: string, name: string): void;
  went(room: string, user: string, name: string): void;
}

export class Here {
  readonly people = new People();
  readonly #typists = new Typists();
  readonly #signal = new TypingSignal();
  readonly #client: Centrifuge;
  readonly #observer: HereObserver;
  #subscription: Subscription | undefined;

  constructor(client: Centrifuge, observer: HereObserver) {
    this.#client = client;
    this.#observer = observer;
  }

  enter(room: string): void {
    this.leave();
    // [how Who is here, who is typing
    const subscription = this.#client.newSubscription(hereChannel(room), { joinLeave: true });
    subscription.on('subscribed', () => void this.#ask(subscription));
    subscription.on('join', ({ info }) => this.#came(room, info));
    subscription.on('leave', ({ info }) => this.#went(room, info));
    subscription.on('publication', ({ info }) => this.#typing(info));
    subscription.subscribe();
    // how]
    this.#subscription = subscription;
  }

  leave(): void {
    this.people.clear();
    this.#typists.clear();
    this.#signal.reset();
    const subscription = this.#subscription;
    if (subscription === undefined) return;
    subscription.removeAllListeners();
    this.#subscription = undefined;
    subscription.unsubscribe();
    this.#client.removeSubscription(subscription);
  }

  /** A key was pressed: the others are told now and then. Nobody waits for it, and nobody misses one that is lost. */
  pressed(): void {
    if (!this.#signal.pressed(Date.now())) return;
    this.#subscription?.publish({ typing: true }).catch(() => {});
  }

  /** A message went out, and with it the wish to say that one is being written. */
  sent(): void {
    this.#signal.reset();
  }

  /** They have said what they were typing. */
  spoke(user: string): void {
    this.#typists.stopped(user);
  }

  typing(): string[] {
    return this.#typists.names(Date.now());
  }

  async #ask(subscription: Subscription): Promise<void> {
    this.people.ask();
    try {
      const { clients } = await subscription.presence();
      this.people.answer(Object.values(clients));
      this.#observer.changed();
    } catch {
      // The link is away: asked again with the next answer.
    }
  }

  #came(room: string, info: ClientInfo): void {
    const name = this.people.joined(info);
    if (name !== undefined) this.#observer.came(room, info.user, name);
    this.#observer.changed();
  }

  #went(room: string, info: ClientInfo): void {
    const name = this.people.left(info);
    this.#typists.stopped(info.user);
    if (name !== undefined) this.#observer.went(room, info.user, name);
    this.#observer.changed();
  }

  #typing(info: ClientInfo | undefined): void {
    if (!info?.user) return;
    this.#typists.heard(info.user, nameIn(info.connInfo) ?? 'Somebody', Date.now());
    this.#observer.changed();
    setTimeout(() => this.#observer.changed(), BELIEVED_MS + 50);
  }
}
