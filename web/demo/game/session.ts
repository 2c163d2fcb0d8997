// The page's connection to the arena: anonymous to watch, with a token to play. Payloads are bytes, so the client is the one
// that speaks Protobuf.

import { Centrifuge, type Options, type Subscription } from 'centrifuge/build/protobuf';

import { endpoint } from '../frame/frame.ts';
import type { Info } from './crew.ts';
import type { Input } from './flight.ts';
import { decodeState, encodeInput, type State } from './state.ts';

export const CHANNEL = 'arena:main';
/** The server does not take the token: it has started anew, with a new key. */
const INVALID_TOKEN = 3500;
const ARENA_FULL = 106;

export interface Hears {
  opened(client: Centrifuge, subscription: Subscription): void;
  state(state: State, bytes: number): void;
  /** Everybody who is there. */
  present(infos: readonly Info[]): void;
  joined(info: Info): void;
  left(info: Info): void;
  /** The own ship from now on; undefined for who watches. */
  ship(ship: number | undefined): void;
  problem(text: string): void;
}

export class Session {
  #client: Centrifuge | undefined;
  #name = '';
  readonly #hears: Hears;
  readonly #options: Partial<Options>;

  constructor(hears: Hears, options: Partial<Options> = {}) {
    this.#hears = hears;
    this.#options = options;
  }

  watch(): void {
    this.#open(undefined);
    this.#hears.ship(undefined);
  }

  // [how Coming in, and being heard
  async join(name: string): Promise<void> {
    this.#name = name;
    const answer = await this.#client?.rpc('game.join', encoded({ name }));
    const { ship, token } = decoded(answer?.data);
    this.#open(token);
    this.#hears.ship(ship);
  }

  steer(input: Input): void {
    // A command of a moment ago is worth nothing: without a connection it is not kept.
    if (this.#client?.state !== 'connected') return;
    this.#client.rpc('game.steer', encodeInput(input)).catch(() => {});
  }

  #open(token: string | undefined): void {
    this.#client?.disconnect();
    const client = new Centrifuge(endpoint(), { ...this.#options, ...(token === undefined ? {} : { token }) });
    const arena = client.newSubscription(CHANNEL);
    arena.on('publication', ({ data }) => {
      const state = decodeState(data);
      if (state !== undefined) this.#hears.state(state, data.byteLength);
    });
    // how]
    arena.on('join', ({ info }) => this.#hears.joined(info));
    arena.on('leave', ({ info }) => this.#hears.left(info));
    arena.on('subscribed', () => this.askWhoIsThere());
    arena.on('unsubscribed', ({ code }) => {
      if (code !== ARENA_FULL) return;
      this.#hears.problem('The arena is full: fifty are flying. You can watch, and try again.');
      this.watch();
    });
    client.on('disconnected', ({ code }) => {
      if (code === INVALID_TOKEN) void this.#joinAgain();
    });
    this.#client = client;
    this.#hears.opened(client, arena);
    arena.subscribe();
    client.connect();
  }

  /** Names of ships come with presence. */
  askWhoIsThere(): void {
    const arena = this.#client?.getSubscription(CHANNEL);
    arena?.presence().then(
      ({ clients }) => this.#hears.present(Object.values(clients)),
      () => {},
    );
  }

  async #joinAgain(): Promise<void> {
    this.#open(undefined);
    await this.join(this.#name).catch(() => this.watch());
  }
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

function encoded(value: unknown): Uint8Array {
  return encoder.encode(JSON.stringify(value));
}

function decoded(data: unknown): { ship: number; token: string } {
  const value: unknown = data instanceof Uint8Array ? JSON.parse(decoder.decode(data)) : undefined;
  if (typeof value === 'object' && value !== null && 'ship' in value && 'token' in value) {
    const { ship, token } = value;
    if (typeof ship === 'number' && typeof token === 'string') return { ship, token };
  }
  throw new Error('the server gave no ship');
}
