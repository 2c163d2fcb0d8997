// Hundreds come and go at once, with tokens, hooks and presence: nobody is left behind, and nobody is counted twice.

import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { ask } from '../api.js';
import { ENCODINGS, json } from '../encodings.js';
import { backEnd, hooked, server, told } from '../hooked.js';
import { next, pause, until } from '../patience.js';
import { Proxy } from '../proxy.js';
import { crowd, IS_CHROMIUM } from '../runtime.js';
import { newClient } from '../subscriber.js';
import { token } from '../tokens.js';
import { IS_WEBSOCKET } from '../transport.js';

/** Where each command is a request of its own a client is more work, and the application shares this process. */
const CROWD = IS_WEBSOCKET ? crowd(300) : crowd(90);
/** How long one after the other goes: so that many have come before all have gone. */
const PACE_MS = IS_CHROMIUM ? 100 : 3;
/** So many of them at once are work for a small machine. */
const PATIENCE_MS = 60_000;

hooked();

beforeEach(() => {
  backEnd.answer('connect', ({ name }) => ({ result: { user: name, info: { name } } }));
});

/** One of the crowd: every other one has a token, every third speaks Protobuf. */
function member(endpoint, number) {
  const user = `user-${number}`;
  const encoding = number % 3 === 0 ? ENCODINGS.at(-1) : json;
  const credentials = number % 2 === 0 ? { token: token({ sub: user, info: { name: user } }) } : { name: user };
  return newClient(endpoint, { encoding, timeout: PATIENCE_MS, ...credentials });
}

const numbers = Array.from({ length: CROWD }, (_, number) => number);

async function untilNobodyIsThere(channel) {
  const counted = async () => {
    const [{ presence }, stats, { nodes }, { channels }] = await Promise.all([
      ask(server, 'presence', { channel }),
      ask(server, 'presence_stats', { channel }),
      ask(server, 'info', {}),
      ask(server, 'channels', {}),
    ]);
    const [{ num_clients: clients, num_users: users, num_subs: subs, num_channels: named }] = nodes;
    return [Object.keys(presence).length, stats.num_clients, stats.num_users, clients, users, subs, named, Object.keys(channels).length];
  };
  let latest;
  await until(async () => (latest = await counted()).every((count) => count === 0), 'nobody is left', PATIENCE_MS).catch((error) => {
    throw new Error(`${error.message}: ${latest}`);
  });
}

/** Of an event that came twice, since an answer got lost, one. */
const once = (events) => [...new Map(events.map((event) => [`${event.client} ${event.sequence}`, event])).values()];

/** The channel was occupied and vacated by turns, and is vacated. */
async function assertVacated(channel) {
  const states = () => once(told(['state'], (event) => event.channel === channel)).map(({ type }) => type);
  await until(() => states().at(-1) === 'vacated', 'the channel is told as vacated', PATIENCE_MS);
  const expected = states().map((_, index) => (index % 2 === 0 ? 'occupied' : 'vacated'));
  assert.deepEqual(states(), expected);
}

test('all come, are counted, and go in three ways', { timeout: 180_000 }, async (t) => {
  const channel = 'busy:crowd';
  const proxy = await Proxy.start(server.port);
  t.after(() => proxy.stop());
  const clients = numbers.map((number) => member(number % 3 === 2 ? proxy.endpoint : server.endpoint, number));
  const ids = Promise.all(clients.map((client) => next(client, 'connected', PATIENCE_MS).then((context) => context.client)));
  const all = clients.map((client) => {
    const subscription = client.newSubscription(channel, { minResubscribeDelay: 20, maxResubscribeDelay: 200 });
    subscription.subscribe();
    client.connect();
    return next(subscription, 'subscribed', PATIENCE_MS);
  });
  await Promise.all(all);
  const sessions = (await ids).sort();
  assert.equal(new Set(sessions).size, CROWD);

  const { presence } = await ask(server, 'presence', { channel });
  assert.deepEqual(Object.keys(presence).sort(), sessions);
  assert.deepEqual(
    Object.values(presence)
      .map(({ user, conn_info: info }) => `${user} ${info.name}`)
      .sort(),
    numbers.map((number) => `user-${number} user-${number}`).sort(),
  );
  assert.deepEqual(await ask(server, 'presence_stats', { channel }), { num_clients: CROWD, num_users: CROWD });
  const [node] = (await ask(server, 'info', {})).nodes;
  assert.deepEqual([node.num_clients, node.num_users, node.num_subs, node.num_channels], [CROWD, CROWD, CROWD, 1]);

  proxy.cut();
  const ends = clients.map((client, number) => {
    if (number % 3 !== 1) return client.disconnect();
    const gone = next(client, 'disconnected', PATIENCE_MS);
    return ask(server, 'disconnect', { user: `user-${number}` }).then(() => gone);
  });
  await Promise.all(ends);
  await untilNobodyIsThere(channel);
  await assertVacated(channel);

  const ended = () => once(told(['unsubscribed', 'disconnected']));
  await until(() => ended().length >= 2 * CROWD, 'all ends are told', PATIENCE_MS);
  const causes = { unsubscribed: [1], disconnected: [3000, 3503] };
  for (const [type, codes] of Object.entries(causes)) {
    const events = ended().filter((event) => event.type === type);
    assert.deepEqual(events.map(({ client }) => client).sort(), sessions);
    assert.deepEqual([...new Set(events.map(({ code }) => code))].sort(), codes);
    assert.ok(events.every(({ sequence }) => sequence === (type === 'unsubscribed' ? 1 : 2)));
  }
  assert.equal(ended().filter(({ code }) => code === 3503).length, CROWD / 3);
});

test('all go while they are still coming', { timeout: 180_000 }, async () => {
  const channel = 'busy:passing';
  const connected = new Set();
  const visits = numbers.map(async (number) => {
    const client = member(server.endpoint, number);
    client.on('connected', (context) => connected.add(context.client));
    client.newSubscription(channel).subscribe();
    const isIn = number === CROWD - 1 && next(client, 'connected', PATIENCE_MS);
    client.connect();
    // Some before the handshake, some while a hook is asked, some as subscribers: the first at once, the last not before it is in.
    if (number > 0) await pause(PACE_MS * number);
    await isIn;
    client.disconnect();
  });
  await Promise.all(visits);
  assert.ok(connected.size > 0 && connected.size < CROWD, `${connected.size} have come so far`);
  await untilNobodyIsThere(channel);
  if (told(['state'], (event) => event.channel === channel).length > 0) await assertVacated(channel);
  // Who was let in has an end that is told.
  await until(
    () => {
      const ended = new Set(told(['disconnected']).map(({ client }) => client));
      return [...connected].every((client) => ended.has(client));
    },
    'all ends are told',
    PATIENCE_MS,
  );
});
