// What all demo pages have, as this one uses it.

import { Centrifuge, type Subscription } from 'centrifuge';

import { endpoint } from '../frame/link.ts';
import { openTop } from '../frame/top.ts';

export interface Page {
  readonly client: Centrifuge;
  /** The connection's state tells of this subscription, too. */
  follow(subscription: Subscription): void;
}

export function openPage(): Page {
  openTop('Chat');
  const client = new Centrifuge(endpoint(), { name: 'wavecast-chat' });
  return { client, follow() {} };
}
