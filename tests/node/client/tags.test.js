// Tags of publications, and subscriptions that want only some of them.

import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';

import { publish } from '../api.js';
import { ENCODINGS } from '../encodings.js';
import { until } from '../patience.js';
import { Server } from '../server.js';
import { cut, guest, linked, refusedSubscription, subscribed } from '../subscriber.js';

const open = {
  allow_subscribe_for_client: true,
  allow_subscribe_for_anonymous: true,
  allow_history_for_client: true,
  allow_history_for_anonymous: true,
};
const kept = { history_size: 50, history_ttl: '60s', force_recovery: true };

const CONFIG = {
  client: { allow_anonymous_connect_without_token: true },
  http_api: { insecure: true },
  channel: {
    namespaces: [
      { name: 'kept', ...open, ...kept, allow_tags_filter: true },
      { name: 'live', ...open, allow_tags_filter: true },
      { name: 'closed', ...open, ...kept },
    ],
  },
};

const leaf = (key, cmp, more = {}) => ({ key, cmp, ...more });

/** A filter, and which of the publications below pass it. */
const FILTERS = [
  ['equal', leaf('kind', 'eq', { val: 'a' }), [1, 4]],
  ['not equal', leaf('kind', 'neq', { val: 'a' }), [2, 3, 5, 6]],
  ['one of', leaf('kind', 'in', { vals: ['a', 'b'] }), [1, 2, 4]],
  ['none of', leaf('kind', 'nin', { vals: ['a', 'b'] }), [3, 5, 6]],
  ['there', leaf('price', 'ex'), [1, 2, 3, 4]],
  ['not there', leaf('price', 'nex'), [5, 6]],
  ['begins with', leaf('name', 'sw', { val: 'al' }), [1, 2]],
  ['ends with', leaf('name', 'ew', { val: 'ta' }), [2, 3]],
  ['contains', leaf('name', 'ct', { val: 'pha' }), [1, 2]],
  ['less', leaf('price', 'lt', { val: '10' }), [1, 4]],
  ['less or equal', leaf('price', 'lte', { val: '10' }), [1, 2, 4]],
  ['greater, as numbers', leaf('price', 'gt', { val: '9.5' }), [2, 3]],
  ['greater or equal', leaf('price', 'gte', { val: '10.00' }), [2, 3]],
  ['and', { op: 'and', nodes: [leaf('kind', 'eq', { val: 'a' }), leaf('price', 'lt', { val: '5' })] }, [1]],
  ['or', { op: 'or', nodes: [leaf('kind', 'eq', { val: 'b' }), leaf('price', 'gt', { val: '100' })] }, [2, 3]],
  ['not', { op: 'not', nodes: [leaf('kind', 'eq', { val: 'a' })] }, [2, 3, 5, 6]],
  [
    'nested',
    {
      op: 'and',
      nodes: [
        leaf('price', 'ex'),
        { op: 'not', nodes: [{ op: 'or', nodes: [leaf('kind', 'eq', { val: 'a' }), leaf('kind', 'eq', { val: 'b' })] }] },
      ],
    },
    [3],
  ],
];

const PUBLICATIONS = [
  { kind: 'a', price: '3', name: 'alpha' },
  { kind: 'b', price: '10', name: 'alphabeta' },
  { kind: 'c', price: '1000', name: 'zeta' },
  { kind: 'a', price: '9.5' },
  { other: 'x' },
  undefined,
];

const server = await Server.start({ config: CONFIG });

after(() => server.stop());

for (const encoding of ENCODINGS) {
  describe(encoding.name, () => {
    const named = (namespace, word) => `${namespace}:${word}-${encoding.name}`;
    const values = (publications) => publications.map(({ data }) => encoding.unpack(data));

    test('tags come with publications, live and from history', async (t) => {
      const { client } = await guest(t, server.endpoint, { encoding });
      const channel = named('kept', 'tags');
      const { subscription, publications } = await subscribed(client, channel);
      await publish(server, channel, 1, { tags: { größe: '12 "m"', leer: '' } });
      await publish(server, channel, 2);
      await until(() => publications.length === 2, 'both');
      assert.deepEqual({ ...publications[0].tags }, { größe: '12 "m"', leer: '' });
      assert.deepEqual(Object.keys(publications[1].tags ?? {}), []);
      const page = await subscription.history({ limit: 10 });
      assert.deepEqual({ ...page.publications[0].tags }, { größe: '12 "m"', leer: '' });
    });

    for (const namespace of ['kept', 'live']) {
      test(`each filter lets through what it says: ${namespace}`, async (t) => {
        const rooms = [];
        for (const [name, tagsFilter, expected] of FILTERS) {
          // A client each: a client has only one subscription to a channel.
          const { client } = await guest(t, server.endpoint, { encoding });
          rooms.push({ name, expected, ...(await subscribed(client, named(namespace, 'filters'), { tagsFilter })) });
        }
        const { client: whole } = await guest(t, server.endpoint, { encoding });
        const { publications: everything } = await subscribed(whole, named(namespace, 'filters'));
        for (const [index, tags] of PUBLICATIONS.entries())
          await publish(server, named(namespace, 'filters'), index + 1, tags === undefined ? {} : { tags });
        await until(() => everything.length === PUBLICATIONS.length, 'all, without a filter');
        for (const { name, expected, publications } of rooms) {
          await until(() => publications.length >= expected.length, `${name}: ${JSON.stringify(values(publications))}`);
          assert.deepEqual(values(publications), expected, name);
        }
      });
    }

    test('a recovery is filtered too, and counts as whole', async (t) => {
      const { proxy, client } = await linked(t, server, { encoding });
      const channel = named('kept', 'recovery');
      const tagsFilter = leaf('kind', 'eq', { val: 'a' });
      const { publications, contexts } = await subscribed(client, channel, { tagsFilter });
      await publish(server, channel, 1, { tags: { kind: 'a' } });
      await publish(server, channel, 2, { tags: { kind: 'b' } });
      await until(() => publications.length === 1, 'the first');
      await cut(proxy, client);
      for (const [data, kind] of [
        [3, 'b'],
        [4, 'a'],
        [5, 'b'],
      ])
        await publish(server, channel, data, { tags: { kind } });
      proxy.restore();
      await until(() => contexts.length === 2, 'the subscription is back');
      await publish(server, channel, 6, { tags: { kind: 'b' } });
      await publish(server, channel, 7, { tags: { kind: 'a' } });
      await until(() => publications.length === 3, 'those that pass');
      assert.deepEqual(values(publications), [1, 4, 7]);
      assert.ok(contexts[1].wasRecovering && contexts[1].recovered, JSON.stringify(contexts[1]));
    });

    test('a filter is refused where none is allowed, or when it is not one', async (t) => {
      const { client } = await guest(t, server.endpoint, { encoding });
      const good = leaf('kind', 'eq', { val: 'a' });
      assert.equal((await refusedSubscription(client, named('closed', 'a'), { tagsFilter: good })).code, 107);
      for (const bad of [
        leaf('kind', 'zz', { val: 'a' }),
        { op: 'xor', nodes: [good, good] },
        { op: 'and', nodes: [] },
        { op: 'not', nodes: [good, good] },
        { op: 'and', nodes: [good, leaf('kind', 'zz')] },
        { key: 'kind' },
      ]) {
        assert.equal((await refusedSubscription(client, named('live', 'bad'), { tagsFilter: bad })).code, 107, JSON.stringify(bad));
      }
    });
  });
}
