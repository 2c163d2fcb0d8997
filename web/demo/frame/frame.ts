// What every demo page has: the top bar with the honest state of its link, and the panel that shows how it works.
//
//     const frame = new Frame('Chat');
//     const client = new Centrifuge(endpoint(), frame.options());
//     frame.watch(client);
//     frame.follow(client.newSubscription('chat:lobby'), { complete: true });
//     frame.explain(channels, [{ path: 'examples/demo_chat.rs', excerpts }]);

import './frame.css';

import { How, type HowChannel, type HowSource } from './how.ts';
import { Link, type WatchedClient, type WatchedSubscription } from './link.ts';
import type { LinkState } from './link-state.ts';
import { Tap } from './tap.ts';
import { Top } from './top.ts';

export { endpoint } from './link.ts';
export type { LinkState } from './link-state.ts';
export type { How, HowChannel, HowSource } from './how.ts';

/**
 * The client draws the delay of every attempt between two limits and does not tell which one it drew. With both the same the
 * page can count down. Each page draws its own, so that many do not come back to a restarted server in the same instant.
 */
const RETRY_DELAY_MIN_MS = 1_000;
const RETRY_DELAY_MAX_MS = 3_000;

export interface FrameOptions {
  /** Called with each state of the link, for a page that shows more of it than the top bar does. */
  readonly onState?: (state: LinkState) => void;
}

export class Frame {
  /** What has passed over this page's connections. */
  readonly tap = new Tap();
  readonly #retryDelayMs = RETRY_DELAY_MIN_MS + Math.random() * (RETRY_DELAY_MAX_MS - RETRY_DELAY_MIN_MS);
  readonly #link: Link;

  /** `name` stands beside the logo. */
  constructor(name: string, options: FrameOptions = {}) {
    const top = new Top(name, {
      retry: () => this.#link.retryNow(),
      gapSeen: () => this.#link.gapSeen(),
      leave: () => this.#link.leave(),
    });
    this.#link = new Link(this.#retryDelayMs, (state) => {
      top.show(state);
      options.onState?.(state);
    });
  }

  /** Options for a client of this page; add your own. */
  options(): { name: string; minReconnectDelay: number; maxReconnectDelay: number; websocket: typeof WebSocket } {
    return { name: 'wavecast-demo', minReconnectDelay: this.#retryDelayMs, maxReconnectDelay: this.#retryDelayMs, websocket: this.tap.socket() };
  }

  /** Shows the state of this client, from before its `connect()` on, in place of the one before. */
  watch(client: WatchedClient): void {
    this.#link.watch(client);
  }

  /**
   * Takes a subscription of the watched client into account, from before its `subscribe()` on. `complete`: the page promises
   * every publication of it, so a hole in the offsets, or a return without recovery, is a gap.
   */
  follow(subscription: WatchedSubscription, { complete = false } = {}): void {
    this.#link.follow(subscription, complete);
  }

  /** Appends the panel "How it works" to `<main>`. */
  explain(channels: readonly HowChannel[], sources: readonly HowSource[]): How {
    return new How(this.tap, channels, sources);
  }
}
