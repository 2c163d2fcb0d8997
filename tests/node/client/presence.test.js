// Presence, and the joins and leaves that tell how it changes.

import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';

import { ask } from '../api.js';
import { ENCODINGS } from '../encodings.js';
import { until } from '../patience.js';
import { RawSocket } from '../raw.js';
import { Server } from '../server.js';
import { connected, subscribed } from '../subscriber.js';
import { SECRET, token } from '../tokens.js';

const open = { allow_subscribe_for_client: true, allow_presence_for_subscriber: true };

const CONFIG = {
  client: { token: { hmac_secret_key: SECRET } },
  http_api: { insecure: true },
  channel: {
    namespaces: [
      { name: 'seen', ...open, presence: true },
      { name: 'told', ...open, presence: true, join_leave: true, force_push_join_leave: true },
      { name: 'asked', ...open, presence: true, join_leave: true },
      { name: 'quiet', ...open, join_leave: false, presence: true },
      { name: 'shy', allow_subscribe_for_client: true, presence: true, join_leave: true },
    ],
  },
};

const server = await Server.start({ config: CONFIG });

after(() => server.stop());

for (const encoding of ENCODINGS) {
  describe(encoding.name, () => {
    const clients = [];
    let room = 0;

    /** Somebody with a name, and what others see of him. */
    async function person(name) {
      const { client, context } = await connected(server.endpoint, { encoding, token: token({ sub: name, info: { name } }) });
      clients.push(client);
      return { client, id: context.client };
    }

    const newRoom = (namespace) => `${namespace}:${encoding.name}-${(room += 1)}`;
    const told = (events) =>
      events.filter(({ name }) => ['join', 'leave'].includes(name)).map(({ name, context: { info } }) => `${name} ${info.user}`);

    after(() => {
      for (const client of clients) client.disconnect();
    });

    test('presence says who is there', async () => {
      const channel = newRoom('seen');
      const [ann, bob] = [await person('ann'), await person('bob')];
      const { subscription } = await subscribed(ann.client, channel);
      await subscribed(bob.client, channel, { token: token({ sub: 'bob', channel, info: { seat: 1 } }) });
      const { clients: present } = await subscription.presence();
      assert.deepEqual(Object.keys(present).sort(), [ann.id, bob.id].sort());
      const { client, user, connInfo, chanInfo } = present[bob.id];
      assert.deepEqual({ client, user }, { client: bob.id, user: 'bob' });
      assert.deepEqual(encoding.unpack(connInfo), { name: 'bob' });
      assert.deepEqual(encoding.unpack(chanInfo), { seat: 1 });
      assert.equal(encoding.unpack(present[ann.id].chanInfo), undefined);
    });

    test('one user with two connections is two clients and one user', async () => {
      const channel = newRoom('seen');
      const people = [await person('ann'), await person('ann'), await person('bob')];
      const rooms = [];
      for (const { client } of people) rooms.push(await subscribed(client, channel));
      assert.deepEqual(await rooms[0].subscription.presenceStats(), { numClients: 3, numUsers: 2 });
      people[2].client.disconnect();
      people[1].client.disconnect();
      await until(async () => (await rooms[0].subscription.presenceStats()).numClients === 1, 'the others are gone');
      assert.deepEqual(await rooms[0].subscription.presenceStats(), { numClients: 1, numUsers: 1 });
      rooms[0].subscription.unsubscribe();
      const gone = await until(async () => {
        const { presence } = await ask(server, 'presence', { channel });
        return Object.keys(presence).length === 0;
      }, 'nobody is there');
      assert.ok(gone);
    });

    test('joins and leaves are told, whichever way one goes', async () => {
      const channel = newRoom('told');
      const [ann, bob, eve] = [await person('ann'), await person('bob'), await person('eve')];
      const { events } = await subscribed(ann.client, channel);
      const { subscription } = await subscribed(bob.client, channel);
      await until(() => told(events).includes('join bob'), 'bob joins');
      subscription.unsubscribe();
      await until(() => told(events).includes('leave bob'), 'bob leaves');
      await subscribed(eve.client, channel);
      await until(() => told(events).includes('join eve'), 'eve joins');
      eve.client.disconnect();
      await until(() => told(events).includes('leave eve'), 'eve leaves');
      assert.deepEqual(
        told(events).filter((line) => !line.endsWith(' ann')),
        ['join bob', 'leave bob', 'join eve', 'leave eve'],
      );
      const { context } = events.find(({ name, context: { info } }) => name === 'leave' && info.user === 'bob');
      assert.equal(context.info.client, bob.id);
      assert.deepEqual(encoding.unpack(context.info.connInfo), { name: 'bob' });
    });

    test('one sees oneself join, after the subscription stands', async () => {
      const channel = newRoom('told');
      const ann = await person('ann');
      const { events } = await subscribed(ann.client, channel);
      await until(() => told(events).length === 1, 'ann sees herself');
      assert.deepEqual(
        events.map(({ name }) => name),
        ['subscribing', 'subscribed', 'join'],
      );
      assert.equal(events[2].context.info.client, ann.id);
    });

    test('joins and leaves are told to who asks for them, and only if he may see presence', async () => {
      const channel = newRoom('asked');
      const [ann, bob, eve] = [await person('ann'), await person('bob'), await person('eve')];
      const asking = await subscribed(ann.client, channel, { joinLeave: true });
      const silent = await subscribed(bob.client, channel);
      await subscribed(eve.client, channel);
      await until(() => told(asking.events).includes('join eve'), 'eve joins');
      assert.deepEqual(told(silent.events), []);
      const shy = newRoom('shy');
      const curious = await subscribed(ann.client, shy, { joinLeave: true });
      await subscribed(bob.client, shy);
      const quiet = newRoom('quiet');
      const hopeful = await subscribed(ann.client, quiet, { joinLeave: true });
      await subscribed(bob.client, quiet);
      // A round trip behind whatever might have come.
      await hopeful.subscription.presenceStats();
      assert.deepEqual([told(curious.events), told(hopeful.events)], [[], []]);
    });
  });
}

test('on the wire: the reply to subscribe, then the join with all that is known', async () => {
  const info = { name: 'ann' };
  const raw = await RawSocket.connect(server.endpoint, { token: token({ sub: 'ann', info }) });
  const channel = 'told:wire';
  await raw.reply({ id: 2, subscribe: { channel } });
  const push = await raw.push(({ join }) => join !== undefined);
  assert.deepEqual(push, { channel, join: { info: { user: 'ann', client: raw.connection.client, conn_info: info } } });
  assert.ok(raw.received.findIndex(({ id }) => id === 2) < raw.received.findIndex(({ push: pushed }) => pushed?.join));
  const { presence } = await raw.reply({ id: 3, presence: { channel } });
  assert.deepEqual(presence, { presence: { [raw.connection.client]: { user: 'ann', client: raw.connection.client, conn_info: info } } });
  assert.deepEqual((await raw.reply({ id: 4, presence_stats: { channel } })).presence_stats, { num_clients: 1, num_users: 1 });
  assert.deepEqual(await raw.reply({ id: 5, unsubscribe: { channel } }), { id: 5, unsubscribe: {} });
  assert.deepEqual(await raw.reply({ id: 6, unsubscribe: { channel } }), { id: 6, unsubscribe: {} });
  raw.close();
});
