// This viewer's slow line: a client of its own that reaches the server through the demo's relay.

import { Centrifuge, type Options } from 'centrifuge';

import type { Prices } from './feed.ts';
import { relayEndpoint } from './line.ts';
import { Viewer } from './viewer.ts';

type Place = { port: number; path: string };

export class SlowLine {
  readonly viewer: Viewer;
  readonly #client: Centrifuge;

  /** Asks over the direct line where to connect to. */
  static async open(
    direct: Centrifuge,
    options: Partial<Options>,
    rate: number,
    sectors: readonly string[],
    onPrices: (sector: number, prices: Prices) => void,
    onState: (state: string) => void,
  ): Promise<SlowLine> {
    // [how The page: a line of so many bytes a second
    const { data } = await direct.rpc('monitoring.relay', { bytes_per_second: rate });
    const client = new Centrifuge(relayEndpoint(location, data as Place), options);
    // how]
    return new SlowLine(client, sectors, onPrices, onState);
  }

  private constructor(
    client: Centrifuge,
    sectors: readonly string[],
    onPrices: (sector: number, prices: Prices) => void,
    onState: (state: string) => void,
  ) {
    this.#client = client;
    this.viewer = new Viewer(client, sectors, onPrices);
    client.on('connected', () => onState('connected through the relay'));
    client.on('connecting', ({ code, reason }) => {
      onState(code === 0 ? 'connecting through the relay…' : `lost (${code}, ${reason}), and connecting again…`);
    });
    client.on('disconnected', ({ code, reason }) => onState(`ended (${code}, ${reason})`));
    client.connect();
  }

  close(): void {
    this.#client.removeAllListeners();
    this.#client.disconnect();
  }
}
