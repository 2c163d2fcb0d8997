// Who this window is to the server: nobody until a name is given, then whoever the token says.

import type { Centrifuge } from 'centrifuge';

import { identityInLink, identityOf, store, stored, type Identity } from './identity.ts';

/** The server knows the key of this token no more: it was made at an earlier start. */
const INVALID_TOKEN = 3500;

export class Login {
  #identity: Identity | undefined;
  readonly #client: Centrifuge;
  readonly #changed: (identity: Identity | undefined) => void;

  constructor(client: Centrifuge, changed: (identity: Identity | undefined) => void) {
    this.#client = client;
    this.#changed = changed;
    client.on('disconnected', ({ code }) => {
      if (code === INVALID_TOKEN && this.#identity !== undefined) void this.#again(this.#identity.name);
    });
  }

  get user(): string {
    return this.#identity?.user ?? '';
  }

  get identity(): Identity | undefined {
    return this.#identity;
  }

  /** Whoever a link brings, else whoever this window was before it was loaded anew. Before the client connects. */
  resume(): void {
    const linked = identityInLink(location.hash);
    if (linked !== undefined) history.replaceState(null, '', location.pathname + location.search);
    const identity = linked ?? stored(sessionStorage);
    if (identity !== undefined) this.#become(identity);
  }

  // [how Logging in
  async enter(name: string): Promise<void> {
    await this.#client.ready();
    const { data } = await this.#client.rpc('chat.login', { name });
    const identity = identityOf(data);
    if (identity === undefined) throw new Error('The server has no name to give.');
    this.#become(identity);
    this.#reconnect(); // rooms stay subscribed, and go on where they were
  }
  // how]

  leave(): void {
    this.#become(undefined);
    this.#reconnect();
  }

  /** The same name, as somebody new. */
  async #again(name: string): Promise<void> {
    this.#become(undefined);
    this.#client.connect();
    await this.enter(name).catch(() => {}); // then the form asks
  }

  #become(identity: Identity | undefined): void {
    this.#identity = identity;
    store(sessionStorage, identity);
    this.#client.setToken(identity?.token ?? '');
    this.#changed(identity);
  }

  #reconnect(): void {
    this.#client.disconnect();
    this.#client.connect();
  }
}
