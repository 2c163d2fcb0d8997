// A viewer of the market: one connection with a subscription for each sector, and how fresh its prices are.

import type { Centrifuge } from 'centrifuge';

import type { Prices } from './feed.ts';
import { Freshness } from './freshness.ts';

export class Viewer {
  readonly freshness: Freshness;

  // [how The page: one subscription a sector
  constructor(client: Centrifuge, sectors: readonly string[], onPrices: (sector: number, prices: Prices) => void) {
    this.freshness = new Freshness(sectors.length);
    for (const [index, sector] of sectors.entries()) {
      const subscription = client.newSubscription(`market:${sector}`);
      subscription.on('subscribing', () => this.freshness.rejoin(subscription.channel));
      subscription.on('publication', ({ channel, data }) => {
        const prices = data as Prices;
        this.freshness.take(channel, prices.n, prices.t);
        onPrices(index, prices);
      });
      subscription.subscribe();
    }
  }
  // how]
}
