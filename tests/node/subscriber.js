// A centrifuge client with what it received, in the order in which it did.

import { json } from './encodings.js';
import { next } from './patience.js';
import { Proxy } from './proxy.js';
import { create } from './runtime.js';
import { way } from './transport.js';

/** Quick to come back, so that the tests are about recovery and not about back-off. */
const CLIENT = { minReconnectDelay: 50, maxReconnectDelay: 300, timeout: 8_000 };
const SUBSCRIPTION = { minResubscribeDelay: 20, maxResubscribeDelay: 200 };

const EVENTS = ['subscribing', 'subscribed', 'unsubscribed', 'publication', 'join', 'leave', 'error'];

/** Options are the library's, and `encoding`. The endpoint is that of WebSocket; the run's transport has its own there. */
export function newClient(endpoint, { encoding = json, ...options } = {}) {
  const by = way(endpoint);
  return create(encoding, by.endpoint, { ...CLIENT, ...by.options, ...options });
}

/** Connects and returns the client with its `connected` context. */
export async function connected(endpoint, options = {}) {
  const client = newClient(endpoint, options);
  const context = next(client, 'connected');
  client.connect();
  try {
    return { client, context: await context };
  } catch (error) {
    // It would try for ever, and no test would end.
    client.disconnect();
    throw error;
  }
}

/** One who is connected until the test ends. */
export async function guest(t, endpoint, options = {}) {
  const { client, context } = await connected(endpoint, options);
  t.after(() => client.disconnect());
  return { client, context, id: context.client };
}

/** The same, over a link that can be cut or held up. */
export async function linked(t, server, options = {}) {
  const proxy = await Proxy.start(server.port);
  t.after(() => proxy.stop());
  return { proxy, ...(await guest(t, proxy.endpoint, options)) };
}

/** Cuts the link, and waits until its client has noticed. */
export async function cut(proxy, client) {
  const gone = lost(client);
  proxy.cut();
  await gone;
}

/** Waits until a client has lost its link. On a busy machine it may have, for another reason. */
export async function lost(client) {
  if (client.state === 'connected') await next(client, 'connecting');
}

/** Tries to connect and returns the context of its end. */
export async function refused(endpoint, options = {}) {
  const client = newClient(endpoint, options);
  const gone = next(client, 'disconnected');
  client.connect();
  return gone.finally(() => client.disconnect());
}

/** What a subscription, or a client for those of the server, tells: `{ name, context }`, in order. */
export function listen(emitter) {
  const events = [];
  for (const name of EVENTS) emitter.on(name, (context) => events.push({ name, context }));
  return events;
}

/** Subscribes and returns the subscription, everything it will receive and each `subscribed` context. */
export async function subscribed(client, channel, options = {}) {
  const subscription = client.newSubscription(channel, { ...SUBSCRIPTION, ...options });
  const events = listen(subscription);
  const publications = [];
  const contexts = [];
  subscription.on('publication', (publication) => publications.push(publication));
  subscription.on('subscribed', (context) => contexts.push(context));
  const first = next(subscription, 'subscribed');
  subscription.subscribe();
  await first;
  return { subscription, publications, contexts, events };
}

/** Tries to subscribe and returns the context of its end. */
export async function refusedSubscription(client, channel, options = {}) {
  const subscription = client.newSubscription(channel, { ...SUBSCRIPTION, ...options });
  const gone = next(subscription, 'unsubscribed');
  subscription.subscribe();
  const context = await gone;
  client.removeSubscription(subscription);
  return context;
}
