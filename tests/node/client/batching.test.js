// Many commands at once: handled in order, each answered, whatever came together.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { ask, publish } from '../api.js';
import { ENCODINGS } from '../encodings.js';
import { first, next, until } from '../patience.js';
import { RawSocket } from '../raw.js';
import { crowd } from '../runtime.js';
import { Server } from '../server.js';
import { guest, newClient, subscribed } from '../subscriber.js';
import { IS_WEBSOCKET } from '../transport.js';

const open = {
  allow_subscribe_for_client: true,
  allow_subscribe_for_anonymous: true,
  allow_publish_for_subscriber: true,
  allow_publish_for_anonymous: true,
  presence: true,
};

const CONFIG = {
  client: { allow_anonymous_connect_without_token: true, channel_limit: 50 },
  http_api: { insecure: true },
  channel: {
    without_namespace: {
      ...open,
      history_size: 1_000,
      history_ttl: '60s',
      allow_history_for_subscriber: true,
      allow_history_for_anonymous: true,
    },
    namespaces: [{ name: 'live', ...open }],
  },
};

const server = await Server.start({ config: CONFIG });

after(() => server.stop());

async function numberOfClients(channel) {
  return (await ask(server, 'presence_stats', { channel })).num_clients;
}

for (const encoding of ENCODINGS) {
  describe(encoding.name, () => {
    // By requests of their own commands come in any order.
    test('a batch of subscriptions and publications, in its order', { skip: !IS_WEBSOCKET }, async (t) => {
      const { client } = await guest(t, server.endpoint, { encoding });
      const channel = `batch-${encoding.name}`;
      client.startBatching();
      const subscription = client.newSubscription(channel);
      const seen = [];
      subscription.on('publication', ({ data }) => seen.push(encoding.unpack(data)));
      subscription.subscribe();
      const results = Promise.all(Array.from({ length: 100 }, (_, number) => client.publish(channel, encoding.pack(number))));
      const asked = client.history(channel, { limit: 0 });
      client.stopBatching();
      await results;
      assert.equal((await asked).offset, 100);
      await until(() => seen.length === 100, 'all publications');
      assert.deepEqual(
        seen,
        Array.from({ length: 100 }, (_, number) => number),
      );
    });

    test('subscriptions made before the connection come with it', async (t) => {
      const client = newClient(server.endpoint, { encoding });
      t.after(() => client.disconnect());
      const subscriptions = Array.from({ length: 50 }, (_, number) => client.newSubscription(`live:early-${number}`));
      const all = Promise.all(subscriptions.map((subscription) => next(subscription, 'subscribed')));
      for (const subscription of subscriptions) subscription.subscribe();
      client.connect();
      await all;
      const heard = Promise.all(subscriptions.map((subscription) => next(subscription, 'publication')));
      await ask(server, 'broadcast', { channels: subscriptions.map(({ channel }) => channel), data: 'all' });
      await heard;
    });

    test('one channel more than a client may have is refused with 106', async (t) => {
      const { client } = await guest(t, server.endpoint, { encoding });
      const subscriptions = Array.from({ length: 51 }, (_, number) => client.newSubscription(`live:many-${number}`));
      const outcomes = subscriptions.map((subscription) => first(subscription, ['subscribed', 'unsubscribed']));
      for (const subscription of subscriptions) subscription.subscribe();
      const codes = (await Promise.all(outcomes)).map(({ context }) => context.code ?? 0);
      const last = codes.indexOf(106);
      if (IS_WEBSOCKET) assert.equal(last, 50);
      assert.deepEqual(codes.toSorted((one, other) => one - other), [...Array.from({ length: 50 }, () => 0), 106]);
      // Whoever leaves makes room.
      const leaves = subscriptions[last === 0 ? 1 : 0];
      leaves.unsubscribe();
      if (!IS_WEBSOCKET) await until(async () => (await numberOfClients(leaves.channel)) === 0, 'it has left');
      const again = next(subscriptions[last], 'subscribed');
      subscriptions[last].subscribe();
      await again;
    });

    test('a storm of subscribing and leaving ends where it says', async (t) => {
      const { client } = await guest(t, server.endpoint, { encoding });
      const channel = `live:storm-${encoding.name}`;
      const { subscription, publications } = await subscribed(client, channel);
      for (let round = 0; round < 200; round += 1) {
        subscription.unsubscribe();
        subscription.subscribe();
      }
      await subscription.ready();
      // A publication of its own says that the last subscribe was carried out.
      await subscription.publish(encoding.pack('mine'));
      await until(() => publications.length === 1, 'the publication, once');
      assert.equal(await numberOfClients(channel), 1);
      for (let round = 0; round < 50; round += 1) {
        subscription.subscribe();
        subscription.unsubscribe();
      }
      await until(async () => (await numberOfClients(channel)) === 0, 'nobody is left');
      await publish(server, channel, 'unheard');
      await client.history(`batch-${encoding.name}`, { limit: 0 }).catch(() => {});
      assert.equal(publications.length, 1);
    });

    test('a storm of connecting leaves nothing behind', async () => {
      const channel = `live:crowd-${encoding.name}`;
      for (let round = 0; round < 3; round += 1) {
        const clients = Array.from({ length: crowd(40) }, () => newClient(server.endpoint, { encoding }));
        const all = clients.map((client) => {
          const subscription = client.newSubscription(channel);
          subscription.subscribe();
          client.connect();
          return next(subscription, 'subscribed');
        });
        await Promise.all(all);
        assert.equal(await numberOfClients(channel), clients.length);
        for (const client of clients) client.disconnect();
        await until(async () => (await numberOfClients(channel)) === 0, 'nobody is left');
      }
    });
  });
}

test('on the wire: commands of one frame are answered in their order', async (t) => {
  const raw = await RawSocket.open(server.endpoint);
  t.after(() => raw.close());
  const channel = 'wire-batch';
  raw.sendTogether([
    { id: 1, connect: {} },
    { id: 2, subscribe: { channel } },
    { id: 3, publish: { channel, data: 1 } },
    { id: 4, subscribe: { channel } },
    { id: 5, publish: { channel: 'wire-other', data: 1 } },
    { id: 6, unsubscribe: { channel } },
    { id: 7, publish: { channel, data: 2 } },
    { id: 8, subscribe: { channel } },
    { id: 9, history: { channel, limit: -1 } },
  ]);
  await raw.replyTo(9);
  const replies = raw.received.filter(({ id }) => id !== undefined);
  assert.deepEqual(
    replies.map(({ id }) => id),
    [1, 2, 3, 4, 5, 6, 7, 8, 9],
  );
  assert.deepEqual(
    replies.map(({ error }) => error?.code),
    [undefined, undefined, undefined, 105, 103, undefined, 103, undefined, undefined],
  );
  assert.deepEqual(
    replies[8].history.publications.map(({ data }) => data),
    [1],
  );
  const pushes = raw.received.filter(({ push }) => push !== undefined);
  assert.deepEqual(
    pushes.map(({ push }) => push.pub?.data),
    [1],
  );
});

test('on the wire: a frame may end with a line break, and be of any size up to the limit', async () => {
  const raw = await RawSocket.connect(server.endpoint);
  raw.send('{"id":2,"subscribe":{"channel":"sizes"}}\n');
  await raw.replyTo(2);
  const data = 'x'.repeat(65_000);
  assert.deepEqual(await raw.reply({ id: 3, publish: { channel: 'sizes', data } }), { id: 3, publish: {} });
  raw.send({ id: 4, publish: { channel: 'sizes', data: 'x'.repeat(65_536) } });
  assert.equal((await raw.closed()).code, 1009);
});
