// Fossil deltas: the client asks for differences and sees whole publications.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { publish } from '../api.js';
import { ENCODINGS } from '../encodings.js';
import { until } from '../patience.js';
import { RawSocket } from '../raw.js';
import { Server } from '../server.js';
import { cut, guest, linked, subscribed } from '../subscriber.js';

const open = { allow_subscribe_for_client: true, allow_subscribe_for_anonymous: true };
const delta = { ...open, allowed_delta_types: ['fossil'] };
const kept = { history_size: 20, history_ttl: '60s', force_recovery: true };

const CONFIG = {
  client: { allow_anonymous_connect_without_token: true },
  http_api: { insecure: true },
  channel: {
    namespaces: [
      { name: 'kept', ...delta, ...kept },
      { name: 'live', ...delta },
      { name: 'always', ...delta, ...kept, delta_publish: true, allow_publish_for_client: true, allow_publish_for_anonymous: true },
      { name: 'cache', ...delta, ...kept, history_size: 1, force_recovery_mode: 'cache' },
      { name: 'whole', ...open, ...kept },
    ],
  },
};

const filler = 'a text that does not change from one publication to the next, '.repeat(5);
/** Alike but for a number, and with what JSON has to escape. */
const version = (number) => ({ number, filler, note: 'größe "✓"\n\u{1F600}' });

const server = await Server.start({ config: CONFIG });

after(() => server.stop());

for (const encoding of ENCODINGS) {
  describe(encoding.name, () => {
    const named = (namespace, word) => `${namespace}:${word}-${encoding.name}`;
    const values = (publications) => publications.map(({ data }) => encoding.unpack(data));
    const versions = (from, to) => Array.from({ length: to - from + 1 }, (_, index) => version(from + index));

    async function publishVersions(channel, from, to, more = { delta: true }) {
      for (let number = from; number <= to; number += 1) await publish(server, channel, version(number), more);
    }

    for (const namespace of ['kept', 'live']) {
      test(`deltas of live publications: ${namespace}`, async (t) => {
        const { client } = await guest(t, server.endpoint, { encoding });
        const channel = named(namespace, 'deltas');
        const { subscription, publications } = await subscribed(client, channel, { delta: 'fossil' });
        await publishVersions(channel, 1, 10);
        await until(() => publications.length === 10, 'all of them');
        assert.deepEqual(values(publications), versions(1, 10));
        const { numPublications, numFullPayloads, numDeltaPayloads } = subscription.deltaStats();
        assert.equal(numPublications, 10);
        // Where nothing is kept a server may have nothing to make a difference to.
        if (namespace === 'kept') assert.deepEqual([numFullPayloads, numDeltaPayloads], [1, 9]);
      });
    }

    test('deltas and whole publications, small ones and quite other ones', async (t) => {
      const { client } = await guest(t, server.endpoint, { encoding });
      const channel = named('kept', 'mixed');
      const { publications } = await subscribed(client, channel, { delta: 'fossil' });
      const sent = [version(1), version(2), 'x', 1, { filler }, version(3), [], version(4), version(4)];
      for (const [index, value] of sent.entries()) await publish(server, channel, value, { delta: index % 3 !== 1 });
      await until(() => publications.length === sent.length, 'all of them');
      assert.deepEqual(values(publications), sent);
    });

    test('after a cut deltas go on from what was recovered', async (t) => {
      const { proxy, client } = await linked(t, server, { encoding });
      const channel = named('kept', 'cut');
      const { subscription, publications, contexts } = await subscribed(client, channel, { delta: 'fossil' });
      await publishVersions(channel, 1, 3);
      await until(() => publications.length === 3, 'those before');
      await cut(proxy, client);
      await publishVersions(channel, 4, 6);
      proxy.restore();
      await until(() => contexts.length === 2, 'the subscription is back');
      await publishVersions(channel, 7, 9);
      await until(() => publications.length === 9, 'all of them');
      assert.deepEqual(values(publications), versions(1, 9));
      assert.ok(contexts[1].recovered);
      assert.ok(subscription.deltaStats().numDeltaPayloads >= 7, JSON.stringify(subscription.deltaStats()));
    });

    test('the last value of a cache, and deltas from it', async (t) => {
      const { client } = await guest(t, server.endpoint, { encoding });
      const channel = named('cache', 'last');
      await publishVersions(channel, 1, 2);
      const { publications } = await subscribed(client, channel, { delta: 'fossil', since: {} });
      await publishVersions(channel, 3, 4);
      await until(() => publications.length === 3, 'all of them');
      assert.deepEqual(values(publications), versions(2, 4));
    });

    test('a namespace may make deltas of everything, and who did not ask gets none', async (t) => {
      const { client } = await guest(t, server.endpoint, { encoding });
      const { client: other } = await guest(t, server.endpoint, { encoding });
      const channel = named('always', 'both');
      const asking = await subscribed(client, channel, { delta: 'fossil' });
      const silent = await subscribed(other, channel);
      await publishVersions(channel, 1, 3, {});
      for (const number of [4, 5]) await other.publish(channel, encoding.pack(version(number)));
      await until(() => asking.publications.length === 5 && silent.publications.length === 5, 'all of them');
      assert.deepEqual(values(asking.publications), versions(1, 5));
      assert.deepEqual(values(silent.publications), versions(1, 5));
      assert.equal(asking.subscription.deltaStats().numDeltaPayloads, 4);
    });

    test('where deltas are not allowed, whole publications come', async (t) => {
      const { client } = await guest(t, server.endpoint, { encoding });
      const channel = named('whole', 'a');
      const { publications } = await subscribed(client, channel, { delta: 'fossil' });
      await publishVersions(channel, 1, 3);
      await until(() => publications.length === 3, 'all of them');
      assert.deepEqual(values(publications), versions(1, 3));
    });
  });
}

test('on the wire: a subscriber with deltas gets text, the others JSON', async (t) => {
  const raw = await RawSocket.connect(server.endpoint);
  t.after(() => raw.close());
  const { subscribe } = await raw.reply({ id: 2, subscribe: { channel: 'kept:wire', delta: 'fossil' } });
  assert.equal(subscribe.delta, true);
  await publish(server, 'kept:wire', version(1), { delta: true });
  await publish(server, 'kept:wire', version(2), { delta: true });
  await publish(server, 'kept:wire', version(3));
  const pushes = await until(() => {
    const found = raw.received.filter(({ push }) => push?.pub !== undefined).map(({ push }) => push.pub);
    return found.length === 3 ? found : undefined;
  }, 'three publications');
  assert.deepEqual(
    pushes.map(({ delta: isDelta }) => isDelta === true),
    [false, true, false],
  );
  assert.deepEqual(JSON.parse(pushes[0].data), version(1));
  assert.ok(pushes[1].data.length < 100, pushes[1].data);
  assert.deepEqual(JSON.parse(pushes[2].data), version(3));
  assert.equal((await raw.reply({ id: 3, subscribe: { channel: 'whole:wire', delta: 'fossil' } })).subscribe.delta, undefined);
  raw.send({ id: 4, subscribe: { channel: 'live:other', delta: 'zip' } });
  assert.equal((await raw.closed()).code, 3501);
});
