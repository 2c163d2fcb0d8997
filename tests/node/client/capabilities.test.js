// Capabilities: what a connection token allows beyond what the namespaces do.

import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';

import { publish } from '../api.js';
import { ENCODINGS } from '../encodings.js';
import { until } from '../patience.js';
import { Server } from '../server.js';
import { cut, guest, linked, listen, refused, subscribed } from '../subscriber.js';
import { SECRET, seconds, soon, token } from '../tokens.js';

const PERMISSION_DENIED = 103;
const NOT_AVAILABLE = 108;

const CONFIG = {
  client: { token: { hmac_secret_key: SECRET } },
  http_api: { insecure: true },
  channel: {
    without_namespace: {},
    namespaces: [
      { name: 'closed', presence: true, join_leave: true, history_size: 10, history_ttl: '60s' },
      { name: 'open', allow_subscribe_for_client: true, allow_publish_for_subscriber: true },
    ],
  },
};

/** What each word opens, and nothing else does. */
const WORDS = ['sub', 'pub', 'prs', 'hst'];

const server = await Server.start({ config: CONFIG });

after(() => server.stop());

for (const encoding of ENCODINGS) {
  describe(encoding.name, () => {
    const { pack, unpack } = encoding;
    const named = (word) => `closed:${word}-${encoding.name}`;

    async function holder(t, caps, claims = {}, options = {}) {
      return (await guest(t, server.endpoint, { encoding, token: token({ sub: 'ann', caps, ...claims }), ...options })).client;
    }

    /** The code of what is refused, 0 for what is done. */
    const codeOf = (promise) => promise.then(() => 0, ({ code }) => code);

    /** Tries all four, in the order of `WORDS`. */
    async function codes(client, channel) {
      const subscription = client.newSubscription(channel);
      const events = listen(subscription);
      subscription.subscribe();
      const end = await until(() => events.find(({ name }) => name !== 'subscribing'), 'an answer');
      const subscribedWith = end.name === 'subscribed' ? 0 : end.context.code;
      subscription.unsubscribe();
      client.removeSubscription(subscription);
      return [
        subscribedWith,
        await codeOf(client.publish(channel, pack('x'))),
        await codeOf(client.presence(channel)),
        await codeOf(client.history(channel, { limit: 1 })),
      ];
    }

    const only = (...words) => WORDS.map((word) => (words.includes(word) ? 0 : PERMISSION_DENIED));

    for (const word of WORDS) {
      test(`${word} opens what it says, and nothing else`, async (t) => {
        const client = await holder(t, [{ channels: [named(word)], allow: [word] }]);
        assert.deepEqual(await codes(client, named(word)), only(word));
        assert.deepEqual(await codes(client, named('another')), only());
      });
    }

    test('without them, or with none, nothing is opened', async (t) => {
      assert.deepEqual(await codes(await holder(t, undefined), named('a')), only());
      assert.deepEqual(await codes(await holder(t, []), named('a')), only());
      assert.deepEqual(await codes(await holder(t, [{ channels: [named('a')], allow: [] }]), named('a')), only());
    });

    for (const [match, pattern, fits, others] of [
      [undefined, 'closed:one', ['closed:one'], ['closed:one2', 'closed:on']],
      ['exact', 'closed:o*', ['closed:o*'], ['closed:one']],
      ['wildcard', 'closed:o*', ['closed:one', 'closed:o'], ['closed:two', 'closed:xo', 'bare']],
      ['wildcard', '*', ['closed:one', 'bare'], []],
      ['regex', 'closed:user_[0-9]+', ['closed:user_42'], ['closed:user_', 'closed:user_42x']],
      ['regex', 'closed:one|bare', ['closed:one', 'bare'], ['closed:one2']],
    ]) {
      test(`match ${match}: ${pattern}`, async (t) => {
        const client = await holder(t, [{ channels: [pattern], match, allow: ['pub'] }]);
        for (const channel of fits) assert.equal(await codeOf(client.publish(channel, pack(1))), 0, channel);
        for (const channel of others) assert.equal(await codeOf(client.publish(channel, pack(1))), PERMISSION_DENIED, channel);
      });
    }

    test('the first entry that names the channel decides', async (t) => {
      const client = await holder(t, [
        { channels: [named('first')], allow: ['sub'] },
        { channels: ['closed:*'], match: 'wildcard', allow: ['pub', 'hst'] },
        { channels: ['.*'], match: 'regex', allow: WORDS },
      ]);
      assert.deepEqual(await codes(client, named('first')), only('sub'));
      assert.deepEqual(await codes(client, named('second')), only('pub', 'hst'));
    });

    test('what a namespace allows is allowed still, and what it does not have is not there', async (t) => {
      const client = await holder(t, [{ channels: ['*'], match: 'wildcard', allow: ['prs', 'hst'] }]);
      const channel = `open:${encoding.name}`;
      const { subscription } = await subscribed(client, channel);
      await subscription.publish(pack('x'));
      assert.equal(await codeOf(client.presence(channel)), NOT_AVAILABLE);
      assert.equal(await codeOf(client.history(channel)), NOT_AVAILABLE);
    });

    test('with prs one is told of joins, with hst one recovers', async (t) => {
      const channel = named('both');
      const caps = [{ channels: [channel], allow: WORDS }];
      const { proxy, client } = await linked(t, server, { encoding, token: token({ sub: 'ann', caps }) });
      const wish = { joinLeave: true, recoverable: true };
      const { publications, contexts, events } = await subscribed(client, channel, wish);
      assert.equal(contexts[0].recoverable, true);
      const poor = await subscribed(await holder(t, [{ channels: [channel], allow: ['sub'] }], { sub: 'bob' }), channel, wish);
      assert.equal(poor.contexts[0].recoverable, false);
      await until(() => events.some(({ name, context }) => name === 'join' && context.info.user === 'bob'), 'bob joins');
      await cut(proxy, client);
      await publish(server, channel, 'missed');
      proxy.restore();
      await until(() => contexts.length === 2 && publications.length === 1, 'what was missed');
      assert.deepEqual([contexts[1].recovered, unpack(publications[0].data)], [true, 'missed']);
      await until(() => poor.publications.length === 1, 'bob hears it');
      assert.deepEqual(
        poor.events.filter(({ name }) => name === 'join'),
        [],
      );
    });

    test('a refresh with another token brings other capabilities', async (t) => {
      let word = 'old';
      const getToken = async () => {
        const caps = [{ channels: [named(word)], allow: ['pub'] }];
        return token({ sub: 'ann', exp: word === 'old' ? soon() : seconds(60), caps });
      };
      const { client } = await guest(t, server.endpoint, { encoding, getToken });
      assert.equal(await codeOf(client.publish(named('old'), pack(1))), 0);
      word = 'new';
      await until(async () => (await codeOf(client.publish(named('new'), pack(1)))) === 0, 'the refresh');
      assert.equal(await codeOf(client.publish(named('old'), pack(1))), PERMISSION_DENIED);
    });

    test('allow in a subscription token opens what it says, for its channel', async (t) => {
      const client = await holder(t, undefined);
      const [channel, other] = [named('allowed'), named('not-allowed')];
      for (const [name, claims] of [
        [channel, { allow: ['pub', 'hst'] }],
        [other, {}],
      ]) {
        await subscribed(client, name, { token: token({ sub: 'ann', channel: name, ...claims }) });
      }
      assert.equal(await codeOf(client.publish(other, pack('x'))), PERMISSION_DENIED);
      assert.equal(await codeOf(client.publish(channel, pack('x'))), 0);
      assert.equal(await codeOf(client.history(channel, { limit: 1 })), 0);
      assert.equal(await codeOf(client.presence(channel)), PERMISSION_DENIED);
    });

    test('capabilities that make no sense end the connection with 3500', async () => {
      for (const caps of [
        'sub',
        [{ channels: 'closed:a', allow: ['sub'] }],
        [{ channels: ['closed:a'], allow: ['everything'] }],
        [{ channels: ['closed:a'], match: 'glob', allow: ['sub'] }],
        [{ channels: ['('], match: 'regex', allow: ['sub'] }],
        Array.from({ length: 65 }, () => ({ channels: ['closed:a'], allow: ['sub'] })),
      ]) {
        const { code } = await refused(server.endpoint, { encoding, token: token({ sub: 'ann', caps }) });
        assert.equal(code, 3500, JSON.stringify(caps));
      }
    });
  });
}
