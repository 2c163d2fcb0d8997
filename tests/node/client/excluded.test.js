// Publications that some subscribers are not to get: those that the API names, and who published himself.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { ask, publish } from '../api.js';
import { ENCODINGS } from '../encodings.js';
import { until } from '../patience.js';
import { Server } from '../server.js';
import { guest, subscribed } from '../subscriber.js';

const open = {
  allow_subscribe_for_client: true,
  allow_subscribe_for_anonymous: true,
  allow_publish_for_client: true,
  allow_publish_for_anonymous: true,
};
const kept = {
  history_size: 20,
  history_ttl: '60s',
  force_recovery: true,
  allow_history_for_client: true,
  allow_history_for_anonymous: true,
};

const CONFIG = {
  client: { allow_anonymous_connect_without_token: true },
  http_api: { insecure: true },
  channel: {
    namespaces: [
      { name: 'plain', ...open },
      { name: 'kept', ...open, ...kept, allowed_delta_types: ['fossil'] },
      { name: 'unheard', ...open, exclude_publisher: true },
      { name: 'unheard-kept', ...open, ...kept, exclude_publisher: true },
    ],
  },
};

const server = await Server.start({ config: CONFIG });

after(() => server.stop());

for (const encoding of ENCODINGS) {
  describe(encoding.name, () => {
    const { pack, unpack } = encoding;
    const named = (namespace, word) => `${namespace}:${word}-${encoding.name}`;
    const values = ({ publications }) => publications.map(({ data }) => unpack(data));

    /** Three subscribers, each with a connection of its own. */
    async function three(t, channel, options = {}) {
      const rooms = [];
      for (let number = 0; number < 3; number += 1) {
        const { client, id } = await guest(t, server.endpoint, { encoding });
        rooms.push({ client, id, ...(await subscribed(client, channel, options)) });
      }
      return rooms;
    }

    /** Waits for a last publication, which is for all: what comes before it has come. */
    async function untilAll(rooms, last) {
      await until(() => rooms.every((room) => values(room).at(-1) === last), 'the last one has reached everybody');
    }

    for (const namespace of ['plain', 'kept']) {
      test(`the API leaves out whom it names: ${namespace}`, async (t) => {
        const channel = named(namespace, 'named');
        const rooms = await three(t, channel);
        const [ann, bob, eve] = rooms;
        await publish(server, channel, 'not for ann', { exclude_clients: [ann.id] });
        await publish(server, channel, 'not for ann and eve', { exclude_clients: [ann.id, eve.id] });
        await publish(server, channel, 'not for nobody', { exclude_clients: ['no-such-client'] });
        await ask(server, 'broadcast', { channels: [channel], data: 'not for bob', exclude_clients: [bob.id] });
        await publish(server, channel, 'for all', { exclude_clients: [] });
        await untilAll(rooms, 'for all');
        assert.deepEqual(values(ann), ['not for nobody', 'not for bob', 'for all']);
        assert.deepEqual(values(bob), ['not for ann', 'not for ann and eve', 'not for nobody', 'for all']);
        assert.deepEqual(values(eve), ['not for ann', 'not for nobody', 'not for bob', 'for all']);
        // A position that goes on without one is no gap.
        for (const { contexts, events } of rooms) {
          assert.deepEqual([contexts.length, events.filter(({ name }) => name === 'subscribing').length], [1, 1]);
        }
      });
    }

    test('who was left out finds it in the history', async (t) => {
      const channel = named('kept', 'history');
      const rooms = await three(t, channel);
      const [ann] = rooms;
      await publish(server, channel, 'unheard', { exclude_clients: [ann.id] });
      await publish(server, channel, 'heard');
      await untilAll(rooms, 'heard');
      assert.deepEqual(values(ann), ['heard']);
      assert.deepEqual(values(await ann.subscription.history({ limit: -1 })), ['unheard', 'heard']);
    });

    test('deltas go on for who was left out, and for the others', async (t) => {
      const channel = named('kept', 'delta');
      const rooms = await three(t, channel, { delta: 'fossil' });
      const text = 'the same in all of them '.repeat(20);
      const [ann, bob] = rooms;
      const sent = [1, 2, 3, 4].map((number) => `${text} ${number}`);
      for (const [index, value] of sent.entries()) {
        await publish(server, channel, value, { delta: true, exclude_clients: index === 1 ? [ann.id] : [] });
      }
      await untilAll(rooms, sent.at(-1));
      assert.deepEqual(values(ann), [sent[0], sent[2], sent[3]]);
      assert.deepEqual(values(bob), sent);
      assert.ok(bob.subscription.deltaStats().numDeltaPayloads > 0);
    });

    test('who publishes hears it as well', async (t) => {
      const channel = named('plain', 'own');
      const rooms = await three(t, channel);
      await rooms[0].client.publish(channel, pack('heard'));
      await untilAll(rooms, 'heard');
    });

    for (const namespace of ['unheard', 'unheard-kept']) {
      test(`who publishes does not hear himself where the namespace says so: ${namespace}`, async (t) => {
        const channel = named(namespace, 'own');
        const rooms = await three(t, channel);
        const [ann, bob, eve] = rooms;
        await ann.client.publish(channel, pack('by ann'));
        await bob.subscription.publish(pack('by bob'));
        await publish(server, channel, 'by the API');
        await untilAll(rooms, 'by the API');
        assert.deepEqual(values(ann), ['by bob', 'by the API']);
        assert.deepEqual(values(bob), ['by ann', 'by the API']);
        assert.deepEqual(values(eve), ['by ann', 'by bob', 'by the API']);
      });
    }
  });
}
