// The wiring of a page's client to what the top bar says of it.

import { describe } from '../../src/reason.ts';
import type { SubscribeAnswer } from '../../src/recovery.ts';
import { CAUGHT_UP_SHOWN_MS, LinkMachine, type LinkState } from './link-state.ts';

/** The codes by which the client says that the page itself asked. */
const CONNECT_CALLED = 0;
const DISCONNECT_CALLED = 0;

interface Reason {
  readonly code: number;
  readonly reason: string;
}

/** What is used of a client: that of `centrifuge` and that of `centrifuge/build/protobuf` are two classes. */
export interface WatchedClient {
  readonly state: string;
  connect(): void;
  disconnect(): void;
  on(event: 'connecting' | 'disconnected', listener: (reason: Reason) => void): unknown;
  on(event: 'connected', listener: () => void): unknown;
  on(event: 'error', listener: (problem: { readonly type: string; readonly error: { code: number; message: string } }) => void): unknown;
}

/** The same of a subscription. */
export interface WatchedSubscription {
  readonly channel: string;
  on(event: 'subscribing' | 'unsubscribed', listener: () => void): unknown;
  on(event: 'subscribed', listener: (answer: SubscribeAnswer) => void): unknown;
  on(event: 'publication', listener: (publication: { readonly offset?: number }) => void): unknown;
}

export class Link {
  #machine = new LinkMachine();
  #client: WatchedClient | undefined;
  /** Between the two halves of a restart, which is one step to whoever watches. */
  #isRestarting = false;
  #isLeaving = false;
  #attempt: ReturnType<typeof setTimeout> | undefined;
  readonly #retryDelayMs: number;
  readonly #onState: (state: LinkState) => void;

  constructor(retryDelayMs: number, onState: (state: LinkState) => void) {
    this.#retryDelayMs = retryDelayMs;
    this.#onState = onState;
  }

  /** Takes this client in place of the one before. */
  watch(client: WatchedClient): void {
    this.#client = client;
    const machine = new LinkMachine();
    this.#machine = machine;
    const tell = () => this.#tell(machine);
    client.on('connecting', ({ code, reason }) => {
      if (code === CONNECT_CALLED) machine.connecting();
      else this.#wait(machine, code, reason);
      tell();
    });
    client.on('connected', () => {
      machine.connected();
      tell();
    });
    client.on('disconnected', ({ code, reason }) => {
      if (this.#isRestarting) return;
      machine.ended(code === DISCONNECT_CALLED, describe(code, reason));
      tell();
    });
    // An attempt that fails changes no state of the client; only this event tells of it.
    client.on('error', ({ type, error }) => {
      if (client.state !== 'connecting' || (type !== 'transport' && type !== 'connect')) return;
      this.#wait(machine, error.code, error.message);
      tell();
    });
    tell();
  }

  /** `isComplete`: the page promises every publication of this channel, so a hole in the offsets is a gap. */
  follow(subscription: WatchedSubscription, isComplete: boolean): void {
    const { channel } = subscription;
    const machine = this.#machine;
    machine.follow(channel, isComplete);
    subscription.on('subscribing', () => {
      machine.subscribing(channel);
      this.#tell(machine);
    });
    subscription.on('subscribed', (answer) => {
      machine.subscribed(channel, answer);
      // The client hands over the recovered publications in the same turn, right after this event.
      queueMicrotask(() => {
        machine.settled(channel, Date.now());
        this.#tell(machine);
        setTimeout(() => this.#tell(machine), CAUGHT_UP_SHOWN_MS + 50);
      });
    });
    subscription.on('publication', ({ offset }) => {
      const before = machine.state(Date.now()).name;
      machine.published(channel, offset);
      if (machine.state(Date.now()).name !== before) this.#tell(machine);
    });
    subscription.on('unsubscribed', () => {
      machine.leave(channel);
      this.#tell(machine);
    });
  }

  gapSeen(): void {
    this.#machine.gapSeen();
    this.#tell(this.#machine);
  }

  /** Until the visitor wants to come back. */
  leave(): void {
    // The client's subscriptions go one by one before it goes itself: one step to whoever watches.
    this.#isLeaving = true;
    this.#client?.disconnect();
    this.#isLeaving = false;
    this.#tell(this.#machine);
  }

  /** Does not wait for the countdown, and comes back after an end. */
  retryNow(): void {
    this.#isRestarting = true;
    this.#client?.disconnect();
    this.#isRestarting = false;
    this.#client?.connect();
  }

  #wait(machine: LinkMachine, code: number, reason: string): void {
    machine.waiting(describe(code, reason), Date.now() + this.#retryDelayMs);
    clearTimeout(this.#attempt);
    // The client does not tell when it begins its next attempt; the delay is known.
    this.#attempt = setTimeout(() => {
      if (machine.state(Date.now()).name !== 'waiting') return;
      machine.connecting();
      this.#tell(machine);
    }, this.#retryDelayMs);
  }

  #tell(machine: LinkMachine): void {
    if (machine === this.#machine && !this.#isLeaving) this.#onState(machine.state(Date.now()));
  }
}

/** The WebSocket address beside the page, with TLS where the page came over TLS. */
export function endpoint(): string {
  return `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/connection/websocket`;
}
