// Publications reach the unmodified client, whichever way they enter.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { ask, curlPublish, publish } from '../api.js';
import { until } from '../patience.js';
import { Server } from '../server.js';
import { connected, subscribed } from '../subscriber.js';
import { IS_WEBSOCKET, TRANSPORT } from '../transport.js';

let server;
let client;
let connection;

before(async () => {
  server = await Server.start();
  ({ client, context: connection } = await connected(server.endpoint, { name: 'test', version: '1' }));
});

after(async () => {
  client?.disconnect();
  await server?.stop();
});

test('the connection names its client and its transport', () => {
  assert.equal(connection.transport, TRANSPORT);
  assert.match(connection.client, /\S/);
});

test('a publication by fetch arrives with its data, offset and tags', async () => {
  const { publications } = await subscribed(client, 'by-fetch');
  const place = await publish(server, 'by-fetch', { text: 'grüße', n: [1, 2.5, null] }, { tags: { source: 'api' } });
  assert.equal(place.offset, 1);
  assert.match(place.epoch, /\S/);
  await until(() => publications.length === 1, 'one publication');
  assert.deepEqual(publications[0].data, { text: 'grüße', n: [1, 2.5, null] });
  assert.equal(publications[0].offset, 1);
  assert.deepEqual(publications[0].tags, { source: 'api' });
});

test('a publication by curl arrives', async () => {
  const { publications } = await subscribed(client, 'by-curl');
  await curlPublish(server, 'by-curl', { text: 'from a terminal' });
  await until(() => publications.length === 1, 'one publication');
  assert.deepEqual(publications[0].data, { text: 'from a terminal' });
});

test('any JSON value is a publication', async () => {
  const { publications } = await subscribed(client, 'values');
  const values = ['line\nbreak', 0, false, [], {}, 'x'.repeat(30_000), { deep: { deeper: [{}] } }];
  for (const value of values) await publish(server, 'values', value);
  await until(() => publications.length === values.length, 'all values');
  assert.deepEqual(publications.map(({ data }) => data), values);
});

test('a large publication and many small ones come whole, and in order', async () => {
  const { publications } = await subscribed(client, 'bulk');
  const large = 'é'.repeat(150_000);
  await publish(server, 'bulk', large);
  const lane = Array.from({ length: 20 }, (_, number) => number);
  const lanes = Array.from({ length: 10 }, async () => {
    for (const number of lane) await publish(server, 'bulk', number);
  });
  await Promise.all(lanes);
  await until(() => publications.length === 201, 'all of them');
  assert.ok(publications[0].data === large, 'the large one is whole');
  assert.deepEqual(publications.map(({ offset }) => offset), Array.from({ length: 201 }, (_, index) => index + 1));
  const small = publications.slice(1).map(({ data }) => data);
  assert.deepEqual(small.toSorted((one, other) => one - other), lane.flatMap((number) => Array(10).fill(number)));
});

test('a broadcast reaches every channel once', async () => {
  const first = await subscribed(client, 'broadcast-1');
  const second = await subscribed(client, 'broadcast-2');
  const { responses } = await ask(server, 'broadcast', { channels: ['broadcast-1', 'broadcast-2'], data: { b: 1 } });
  assert.deepEqual(responses.map(({ result }) => result.offset), [1, 1]);
  await until(() => first.publications.length === 1 && second.publications.length === 1, 'both publications');
});

test('a client publishes, and others see who it was', async () => {
  const { client: other } = await connected(server.endpoint);
  const mine = await subscribed(client, 'by-client');
  const theirs = await subscribed(other, 'by-client');
  await other.publish('by-client', { from: 'the connection' });
  await theirs.subscription.publish({ from: 'the subscription' });
  await until(() => mine.publications.length === 2 && theirs.publications.length === 2, 'both, with both');
  assert.deepEqual(mine.publications.map(({ data }) => data.from), ['the connection', 'the subscription']);
  assert.match(mine.publications[0].info.client, /\S/);
  assert.notEqual(mine.publications[0].info.client, connection.client);
  other.disconnect();
});

test('a thousand publications keep their order', async () => {
  const { publications } = await subscribed(client, 'order');
  const sent = Array.from({ length: 1_000 }, (_, number) => number);
  for (let start = 0; start < sent.length; start += 100) {
    await Promise.all(sent.slice(start, start + 100).map((number) => client.publish('order', number)));
  }
  await until(() => publications.length === sent.length, 'all of them');
  // Where each publish is a request of its own they may come in any order; out they go in that of their offsets.
  const said = publications.map(({ data }) => data);
  assert.deepEqual(IS_WEBSOCKET ? said : said.toSorted((one, other) => one - other), sent);
  assert.deepEqual(publications.map(({ offset }) => offset), sent.map((number) => number + 1));
});

test('who has left hears nothing more, and may come back', async () => {
  const { subscription, publications } = await subscribed(client, 'left');
  subscription.unsubscribe();
  // A round trip on the same connection: the server has dealt with the unsubscribe before it.
  await client.history('left', { limit: 0 });
  // Elsewhere each request goes its own way.
  if (!IS_WEBSOCKET) await until(async () => !('left' in (await ask(server, 'channels', {})).channels), 'it has left');
  const other = await subscribed(client, 'stayed');
  await publish(server, 'left', 'unheard');
  await publish(server, 'stayed', 'heard');
  await until(() => other.publications.length === 1, 'the publication of the other channel');
  assert.equal(publications.length, 0);
  const again = new Promise((resolve) => subscription.once('subscribed', resolve));
  subscription.subscribe();
  await again;
  await publish(server, 'left', 'heard');
  // Whoever comes back to a channel with history is given what it missed first.
  await until(() => publications.at(-1)?.data === 'heard', 'the second publication');
});

test('the node counts its clients and channels', async () => {
  const counted = async () => {
    const { nodes } = await ask(server, 'info', {});
    return nodes.length === 1 && nodes[0].num_clients >= 1 && nodes[0].num_channels >= 1 ? nodes[0] : undefined;
  };
  // A server may count every few seconds only.
  const node = await until(counted, 'everything is counted');
  assert.match(node.version, /\d+\.\d+/);
});

test('health answers', async () => {
  const response = await fetch(`${server.origin}/health`);
  assert.equal(response.status, 200);
});
