// A centrifuge client with what it received, in the order in which it did.

import { Centrifuge } from 'centrifuge';
import WebSocket from 'ws';

import { next } from './patience.js';

/** Quick to come back, so that the tests are about recovery and not about back-off. */
const OPTIONS = { websocket: WebSocket, minReconnectDelay: 50, maxReconnectDelay: 300, timeout: 3_000 };

export function newClient(endpoint, options = {}) {
  return new Centrifuge(endpoint, { ...OPTIONS, ...options });
}

/** Connects and returns the client with its `connected` context. */
export async function connected(endpoint, options = {}) {
  const client = newClient(endpoint, options);
  const context = next(client, 'connected');
  client.connect();
  return { client, context: await context };
}

/** Subscribes and returns the subscription, everything it will receive and each `subscribed` context. */
export async function subscribed(client, channel, options = {}) {
  const subscription = client.newSubscription(channel, options);
  const publications = [];
  const joins = [];
  subscription.on('publication', (publication) => publications.push(publication));
  subscription.on('subscribed', (context) => joins.push(context));
  const first = next(subscription, 'subscribed');
  subscription.subscribe();
  await first;
  return { subscription, publications, joins };
}
