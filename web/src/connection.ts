// The connection: the unmodified `centrifuge` client, and what of its state the page shows.

import { Centrifuge, State } from 'centrifuge';

/**
 * The client draws the delay of every attempt between two limits and does not tell which one it drew.
 * With both limits the same the page can count down. Each page draws its own, so that many pages do
 * not come back to a restarted server in the same instant.
 */
const RETRY_DELAY_MIN_MS = 2_000;
const RETRY_DELAY_MAX_MS = 5_000;

/** The codes by which the client says that the page itself asked. */
const CONNECT_CALLED = 0;
const DISCONNECT_CALLED = 0;

export type Phase =
  | { readonly name: 'connecting' }
  | { readonly name: 'connected'; readonly transport: string; readonly clientId: string }
  /** Lost, and an attempt follows at `retryAtMs` (Unix milliseconds). */
  | { readonly name: 'waiting'; readonly code: number; readonly reason: string; readonly retryAtMs: number }
  /** Ended for good, by the page (`asked`) or by the server. */
  | { readonly name: 'ended'; readonly asked: boolean; readonly code: number; readonly reason: string };

export class Connection {
  readonly client: Centrifuge;
  readonly #retryDelayMs = RETRY_DELAY_MIN_MS + Math.random() * (RETRY_DELAY_MAX_MS - RETRY_DELAY_MIN_MS);
  readonly #onPhase: (phase: Phase) => void;
  /** Between the two halves of a restart, which is one step to whoever watches. */
  #restarting = false;
  #retryTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(endpoint: string, onPhase: (phase: Phase) => void) {
    this.#onPhase = onPhase;
    this.client = new Centrifuge(endpoint, {
      name: 'wavecast-web',
      minReconnectDelay: this.#retryDelayMs,
      maxReconnectDelay: this.#retryDelayMs,
    });
    this.client.on('connecting', ({ code, reason }) => {
      if (code === CONNECT_CALLED) this.#enter({ name: 'connecting' });
      else this.#wait(code, reason);
    });
    this.client.on('connected', ({ client, transport }) => {
      this.#enter({ name: 'connected', transport, clientId: client });
    });
    this.client.on('disconnected', ({ code, reason }) => {
      if (this.#restarting) return;
      this.#enter({ name: 'ended', asked: code === DISCONNECT_CALLED, code, reason });
    });
    // An attempt that fails changes no state of the client; only this event tells of it.
    this.client.on('error', ({ type, error }) => {
      if (this.client.state !== State.Connecting) return;
      if (type === 'transport' || type === 'connect') this.#wait(error.code, error.message);
    });
  }

  connect(): void {
    this.client.connect();
  }

  disconnect(): void {
    this.client.disconnect();
  }

  /** Does not wait for the countdown. */
  retryNow(): void {
    this.#restarting = true;
    this.client.disconnect();
    this.#restarting = false;
    this.client.connect();
  }

  /** The token stays in memory: nothing of it is stored or put in the address. */
  useToken(token: string): void {
    this.client.setToken(token);
    this.retryNow();
  }

  #wait(code: number, reason: string): void {
    this.#enter({ name: 'waiting', code, reason, retryAtMs: Date.now() + this.#retryDelayMs });
    this.#retryTimer = setTimeout(() => this.#onPhase({ name: 'connecting' }), this.#retryDelayMs);
  }

  #enter(phase: Phase): void {
    clearTimeout(this.#retryTimer);
    this.#onPhase(phase);
  }
}

/** The WebSocket address beside the page, with TLS where the page came over TLS. */
export function endpointFor(page: Location): string {
  return `${page.protocol === 'https:' ? 'wss' : 'ws'}://${page.host}/connection/websocket`;
}
