// Clients that read too slowly: what each policy does with what they are sent, and what they are told of it.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, test } from 'node:test';

import { ask, publish } from '../api.js';
import { ENCODINGS } from '../encodings.js';
import { next, until } from '../patience.js';
import { Proxy } from '../proxy.js';
import { RawSocket } from '../raw.js';
import { Server } from '../server.js';
import { guest, linked, subscribed } from '../subscriber.js';

/** Twice what the queue and the kernel's buffers together take. */
const COUNT = 60;
const SAME_BYTES = 2_000;
const OWN_BYTES = 14_000;
/** Much is published here, and markers come once a second. */
const PATIENCE_MS = 30_000;
const KEYS = ['a', 'b', 'c'];

const open = { allow_subscribe_for_client: true, allow_subscribe_for_anonymous: true, presence: true };
const kept = { history_size: 1_000, history_ttl: '60s', force_recovery: true };

const CONFIG = {
  client: { allow_anonymous_connect_without_token: true, queue_max_size: 131_072, recovery_max_publication_limit: 1_000 },
  http_api: { insecure: true },
  channel: {
    namespaces: [
      { name: 'ends', ...open },
      { name: 'oldest', ...open, slow_consumer: 'drop_oldest' },
      { name: 'newest', ...open, slow_consumer: 'drop_newest' },
      { name: 'latest', ...open, slow_consumer: 'latest' },
      { name: 'kept-oldest', ...open, ...kept, slow_consumer: 'drop_oldest' },
      { name: 'kept-newest', ...open, ...kept, slow_consumer: 'drop_newest' },
      { name: 'delta-oldest', ...open, slow_consumer: 'drop_oldest', allowed_delta_types: ['fossil'], delta_publish: true },
      { name: 'delta-newest', ...open, slow_consumer: 'drop_newest', allowed_delta_types: ['fossil'], delta_publish: true },
    ],
  },
};

const server = await Server.start({ config: CONFIG });

after(() => server.stop());

/** All of one length. A part of them is the same; the rest no delta can say shortly. */
const version = (number) => ({
  number,
  pad: ' '.repeat(6 - 2 * `${number}`.length),
  key: KEYS[number % KEYS.length],
  same: 'x'.repeat(SAME_BYTES),
  own: randomBytes(OWN_BYTES / 2).toString('hex'),
});

/** Publishes so many versions from that number on, and returns them. With a quick subscription, each when it has the last. */
async function publishVersions(channel, from, count, quick) {
  const versions = Array.from({ length: count }, (_, index) => version(from + index));
  for (const data of versions) {
    const heard = quick && next(quick, 'publication');
    await publish(server, channel, data, { tags: { key: data.key, number: `${data.number}` } });
    await heard;
  }
  return versions;
}

for (const encoding of ENCODINGS) {
  // One waits for the markers of the other meanwhile.
  describe(encoding.name, { concurrency: 4 }, () => {
    const { unpack } = encoding;
    const named = (namespace) => `${namespace}:${encoding.name}`;
    const numbers = (publications) => publications.map(({ data }) => unpack(data).number);
    const upTo = (count) => Array.from({ length: count }, (_, number) => number);

    /** A slow reader and a quick one; the slow one has read nothing of the versions that are returned. */
    async function slowAndQuick(t, channel, options = {}) {
      const { proxy, client } = await linked(t, server, { encoding });
      const markers = [];
      client.on('message', ({ data }) => markers.push(data));
      const quick = await subscribed((await guest(t, server.endpoint, { encoding })).client, channel, options);
      const slow = await subscribed(client, channel, options);
      proxy.pause();
      const versions = await publishVersions(channel, 0, COUNT, quick.subscription);
      assert.deepEqual(numbers(quick.publications), upTo(COUNT));
      assert.deepEqual(slow.publications, [], 'the link is held up');
      return { proxy, client, slow, versions, dropped: () => dropped(channel, markers.map(unpack)) };
    }

    /** How many the markers tell of, all together. */
    function dropped(channel, markers) {
      for (const { gap, ...rest } of markers) {
        assert.deepEqual([gap.channel, rest], [channel, {}]);
        assert.ok(Number.isInteger(gap.dropped) && gap.dropped > 0, JSON.stringify(gap));
      }
      return markers.reduce((sum, { gap }) => sum + gap.dropped, 0);
    }

    const holes = (list) => list.filter((number, index) => number !== (list[index - 1] ?? -1) + 1).length;

    test('disconnect: closed with 3008, and it comes back', async (t) => {
      const channel = named('ends');
      const { proxy, client } = await linked(t, server, { encoding });
      const slow = await subscribed(client, channel);
      proxy.pause();
      const lost = next(client, 'connecting', PATIENCE_MS);
      let count = 0;
      // The close waits for a few seconds only, so nothing else is done before it may pass.
      await until(async () => {
        await publishVersions(channel, count, 1);
        count += 1;
        return (await ask(server, 'presence_stats', { channel })).num_clients === 0;
      }, 'the slow one is gone', PATIENCE_MS);
      proxy.resume();
      assert.deepEqual(await lost, { code: 3008, reason: 'slow' });
      await until(() => slow.contexts.length === 2, 'it is back');
      const heard = numbers(slow.publications);
      assert.deepEqual(heard, upTo(heard.length));
      assert.ok(heard.length < count, 'it has not got what waited');
      await publishVersions(channel, COUNT, 1);
      await until(() => numbers(slow.publications).at(-1) === COUNT, 'the next one');
    });

    test('drop_oldest: the newest arrive, and markers tell how many did not', async (t) => {
      const channel = named('oldest');
      const { proxy, slow, dropped: told } = await slowAndQuick(t, channel);
      proxy.resume();
      await until(() => slow.publications.length + told() === COUNT, 'all have arrived or are told of', PATIENCE_MS);
      const heard = numbers(slow.publications);
      assert.deepEqual([heard.at(-1), holes(heard)], [COUNT - 1, 1], heard.join());
      await publishVersions(channel, COUNT, 1);
      await until(() => numbers(slow.publications).at(-1) === COUNT, 'the next one');
      assert.equal(slow.contexts.length, 1, 'the subscription has lasted');
    });

    test('drop_newest: the first arrive, and markers tell how many did not', async (t) => {
      const channel = named('newest');
      const { proxy, slow, dropped: told } = await slowAndQuick(t, channel);
      proxy.resume();
      await until(() => slow.publications.length + told() === COUNT, 'all have arrived or are told of', PATIENCE_MS);
      const heard = numbers(slow.publications);
      assert.deepEqual(heard, upTo(heard.length));
      assert.ok(heard.length < COUNT);
      await publishVersions(channel, COUNT, 1);
      await until(() => numbers(slow.publications).at(-1) === COUNT, 'the next one');
      assert.equal(slow.contexts.length, 1, 'the subscription has lasted');
    });

    test('latest: the newest of each key arrives, and nothing is told', async (t) => {
      const channel = named('latest');
      const { proxy, slow, dropped: told } = await slowAndQuick(t, channel);
      proxy.resume();
      // One more of another key, behind all that waited.
      await publish(server, channel, version(COUNT), { tags: { key: 'end' } });
      await until(() => numbers(slow.publications).at(-1) === COUNT, 'the next one');
      const heard = numbers(slow.publications).slice(0, -1);
      const newest = KEYS.map((_, index) => COUNT - KEYS.length + index);
      assert.deepEqual(heard.slice(-KEYS.length).sort((a, b) => a - b), newest);
      assert.ok(heard.length < COUNT, 'others were replaced');
      assert.deepEqual([told(), slow.contexts.length], [0, 1]);
    });

    for (const namespace of ['kept-oldest', 'kept-newest']) {
      test(`${namespace}: who can recover is told to, and gets everything`, async (t) => {
        const channel = named(namespace);
        const { proxy, slow, dropped: told } = await slowAndQuick(t, channel);
        const lost = next(slow.subscription, 'subscribing');
        proxy.resume();
        assert.equal((await lost).code, 2500);
        await until(() => slow.contexts.length === 2, 'subscribed again');
        assert.deepEqual([slow.contexts[1].wasRecovering, slow.contexts[1].recovered], [true, true]);
        await publishVersions(channel, COUNT, 1);
        await until(() => slow.publications.length > COUNT, 'all of them');
        assert.deepEqual(numbers(slow.publications), upTo(COUNT + 1));
        assert.equal(told(), 0);
      });
    }

    for (const namespace of ['delta-oldest', 'delta-newest']) {
      test(`${namespace}: deltas go on after a gap`, async (t) => {
        const channel = named(namespace);
        const { proxy, slow, versions, dropped: told } = await slowAndQuick(t, channel, { delta: 'fossil' });
        proxy.resume();
        await until(() => slow.publications.length + told() === COUNT, 'all have arrived or are told of', PATIENCE_MS);
        versions.push(...(await publishVersions(channel, COUNT, 2)));
        await until(() => numbers(slow.publications).at(-1) === COUNT + 1, 'the next ones');
        for (const { data } of slow.publications) assert.deepEqual(unpack(data), versions[unpack(data).number]);
        const { numFullPayloads, numDeltaPayloads } = slow.subscription.deltaStats();
        assert.ok(numFullPayloads > 1 && numDeltaPayloads > 0, `${numFullPayloads} whole, ${numDeltaPayloads} deltas`);
        assert.equal(slow.contexts.length, 1, 'the subscription has lasted');
      });
    }

    test('a command that is given while much waits is answered', async (t) => {
      const { proxy, client, slow } = await slowAndQuick(t, `${named('newest')}-beside`);
      const channel = `${named('newest')}-other`;
      const other = client.newSubscription(channel);
      const answered = next(other, 'subscribed');
      other.subscribe();
      await until(async () => (await ask(server, 'presence_stats', { channel })).num_clients === 1, 'the command has passed');
      proxy.resume();
      await answered;
      assert.equal(slow.contexts.length, 1);
    });
  });
}

for (const namespace of ['delta-oldest', 'delta-newest']) {
  test(`on the wire: ${namespace}: after a gap a whole publication comes first`, async (t) => {
    const channel = `${namespace}:wire`;
    const proxy = await Proxy.start(server.port);
    const raw = await RawSocket.connect(proxy.endpoint);
    t.after(async () => {
      raw.close();
      await proxy.stop();
    });
    await raw.reply({ id: 2, subscribe: { channel, delta: 'fossil' } });
    const heard = () => raw.received.filter(({ push }) => push?.pub !== undefined).map(({ push }) => push.pub);
    const dropped = () => raw.received.reduce((sum, { push }) => sum + (push?.message?.data.gap.dropped ?? 0), 0);
    proxy.pause();
    await publishVersions(channel, 0, COUNT);
    proxy.resume();
    await until(() => heard().length + dropped() === COUNT, 'all have arrived or are told of', PATIENCE_MS);
    await publishVersions(channel, COUNT, 2);
    await until(() => heard().length + dropped() === COUNT + 2, 'the next ones');
    const publications = heard().map(({ delta, tags }) => ({ isDelta: delta === true, number: Number(tags.number) }));
    const isNext = ({ number }, index) => number === (publications[index - 1]?.number ?? NaN) + 1;
    assert.deepEqual(
      publications.filter((publication, index) => publication.isDelta && !isNext(publication, index)),
      [],
    );
    assert.ok(publications.slice(1).some((publication, index) => !isNext(publication, index + 1)), 'there is a gap');
    assert.equal(publications.at(-1).isDelta, true);
  });
}
