// Filters over tags that the application sets, by token or by hook: what a client asks for can narrow them and not widen them.

import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';

import { publish } from '../api.js';
import { BackEnd } from '../backend.js';
import { ENCODINGS } from '../encodings.js';
import { next, until } from '../patience.js';
import { Server } from '../server.js';
import { cut, guest, linked, listen, newClient, refused, refusedSubscription, subscribed } from '../subscriber.js';
import { SECRET, seconds, token } from '../tokens.js';

const open = { allow_subscribe_for_client: true };
const kept = { history_size: 50, history_ttl: '60s', force_recovery: true };

const eq = (key, val) => ({ key, cmp: 'eq', val });
const either = (...nodes) => ({ op: 'or', nodes });

/** What the application lets through: publications of Berlin. */
const BERLIN = eq('city', 'berlin');

/** What clients ask for, and what of it comes. */
const WISHES = [
  ['nothing', undefined, [1, 2, 5]],
  ['a part', eq('kind', 'a'), [1, 5]],
  ['another city', eq('city', 'paris'), []],
  ['both cities', either(BERLIN, eq('city', 'paris')), [1, 2, 5]],
  ['everything', either(eq('kind', 'a'), { op: 'not', nodes: [eq('kind', 'a')] }), [1, 2, 5]],
  ['what has no city', { key: 'city', cmp: 'nex' }, []],
];

const PUBLICATIONS = [
  { city: 'berlin', kind: 'a' },
  { city: 'berlin', kind: 'b' },
  { city: 'paris', kind: 'a' },
  undefined,
  { city: 'berlin', kind: 'a', more: 'x' },
];

let backEnd;
let server;

before(async () => {
  backEnd = await BackEnd.start();
  const hook = (name) => ({ endpoint: backEnd.url(name) });
  server = await Server.start({
    config: {
      client: { token: { hmac_secret_key: SECRET }, proxy: { connect: { enabled: true, ...hook('connect') } } },
      http_api: { insecure: true },
      channel: {
        proxy: { subscribe: hook('subscribe') },
        namespaces: [
          { name: 'live', ...open, allow_tags_filter: true },
          { name: 'kept', ...open, ...kept, allow_tags_filter: true, allow_history_for_subscriber: true },
          { name: 'closed', ...kept, allow_tags_filter: true },
          { name: 'strict', ...open },
          { name: 'delta', ...open, ...kept, allowed_delta_types: ['fossil'], delta_publish: true },
          { name: 'hooked', ...kept, allow_tags_filter: true, subscribe_proxy_enabled: true },
        ],
      },
    },
  });
});

beforeEach(() => {
  backEnd.answer('connect', { result: { user: 'ann' } });
  backEnd.answer('subscribe', { result: {} });
});

after(async () => {
  await server?.stop();
  await backEnd?.stop();
});

/** Publishes all of them, numbered, and one at the end that everybody gets who sees Berlin. */
async function publishAll(channel) {
  for (const [index, tags] of PUBLICATIONS.entries()) await publish(server, channel, index + 1, tags && { tags });
}

const FINAL = { tags: { city: 'berlin', kind: 'a', final: 'yes' } };

for (const encoding of ENCODINGS) {
  describe(encoding.name, () => {
    const named = (namespace, word) => `${namespace}:${word}-${encoding.name}`;
    const values = (publications) => publications.map(({ data }) => encoding.unpack(data));

    async function holder(t, claims) {
      return (await guest(t, server.endpoint, { encoding, token: token({ sub: 'ann', ...claims }) })).client;
    }

    /** How one is limited to Berlin: the claims of his token, and what his subscription takes. */
    const WAYS = {
      'the connection token': () => ({ channel: named('live', 'token'), claims: { tags_filter: BERLIN } }),
      'the connection token, with history': () => ({ channel: named('kept', 'token'), claims: { tags_filter: BERLIN } }),
      'the subscription token': () => {
        const channel = named('closed', 'token');
        return { channel, options: { token: token({ sub: 'ann', channel, tags_filter: BERLIN }) } };
      },
      'the subscribe hook': () => {
        backEnd.answer('subscribe', { result: { tags_filter: BERLIN } });
        return { channel: named('hooked', 'hook') };
      },
    };

    for (const [way, limited] of Object.entries(WAYS)) {
      test(`set by ${way}, it holds whatever the client asks for`, async (t) => {
        const { channel, claims = {}, options = {} } = limited();
        const rooms = [];
        for (const [wish, tagsFilter, expected] of WISHES) {
          const client = await holder(t, claims);
          rooms.push({ wish, expected, client, ...(await subscribed(client, channel, { ...options, tagsFilter })) });
        }
        await publishAll(channel);
        await until(() => rooms.every(({ publications, expected }) => publications.length >= expected.length), 'what each may get');
        for (const { wish, expected, client, publications } of rooms) {
          // A round trip behind whatever else might come.
          await client.presence(channel).catch(() => {});
          assert.deepEqual(values(publications), expected, wish);
        }
      });
    }

    test('where clients may not filter, the limit holds all the same', async (t) => {
      const client = await holder(t, { tags_filter: BERLIN });
      const channel = named('strict', 'a');
      assert.equal((await refusedSubscription(client, channel, { tagsFilter: eq('kind', 'a') })).code, 107);
      const { publications } = await subscribed(client, channel);
      await publishAll(channel);
      await until(() => publications.length === 3, 'those of Berlin');
      assert.deepEqual(values(publications), [1, 2, 5]);
    });

    test('it holds for what is recovered', async (t) => {
      const { proxy, client } = await linked(t, server, { encoding, token: token({ sub: 'ann', tags_filter: BERLIN }) });
      const channel = named('kept', 'cut');
      const { publications, contexts } = await subscribed(client, channel, { tagsFilter: eq('kind', 'a') });
      await cut(proxy, client);
      await publishAll(channel);
      proxy.restore();
      await until(() => contexts.length === 2, 'it is back');
      await publish(server, channel, 'last', FINAL);
      await until(() => values(publications).at(-1) === 'last', 'the last one');
      assert.deepEqual(values(publications), [1, 5, 'last']);
      assert.equal(contexts[1].recovered, true);
    });

    test('it holds for subscriptions that the server makes, each with its own', async (t) => {
      const [whole, part] = [named('kept', 'whole'), named('kept', 'part')];
      const client = newClient(server.endpoint, {
        encoding,
        token: token({ sub: 'ann', tags_filter: BERLIN, subs: { [whole]: {}, [part]: { tags_filter: eq('kind', 'a') } } }),
      });
      t.after(() => client.disconnect());
      const events = listen(client);
      const connection = next(client, 'connected');
      client.connect();
      await connection;
      const publications = (channel) => events.filter(({ name, context }) => name === 'publication' && context.channel === channel);
      const heard = (channel) => values(publications(channel).map(({ context }) => context));
      for (const channel of [whole, part]) {
        await publishAll(channel);
        await publish(server, channel, 'last', FINAL);
        await until(() => heard(channel).at(-1) === 'last', 'the last one');
      }
      assert.deepEqual([heard(whole), heard(part)], [[1, 2, 5, 'last'], [1, 5, 'last']]);
    });

    test('it holds for subscriptions of the connect hook', async (t) => {
      const channel = named('kept', 'by-hook');
      backEnd.answer('connect', { result: { user: 'ann', subs: { [channel]: { tags_filter: BERLIN } } } });
      const { client } = await guest(t, server.endpoint, { encoding });
      const events = listen(client);
      await publishAll(channel);
      await publish(server, channel, 'last', FINAL);
      const heard = () => values(events.filter(({ name }) => name === 'publication').map(({ context }) => context));
      await until(() => heard().at(-1) === 'last', 'the last one');
      assert.deepEqual(heard(), [1, 2, 5, 'last']);
    });

    test('with deltas it holds, and they are right', async (t) => {
      const client = await holder(t, { tags_filter: BERLIN });
      const channel = named('delta', 'a');
      const { publications } = await subscribed(client, channel, { delta: 'fossil' });
      const text = 'the same in all of them '.repeat(20);
      for (const [index, tags] of PUBLICATIONS.entries()) await publish(server, channel, `${text} ${index + 1}`, tags && { tags });
      await until(() => publications.length === 3, 'those of Berlin');
      assert.deepEqual(
        values(publications),
        [1, 2, 5].map((number) => `${text} ${number}`),
      );
    });

    test('a filter that makes no sense gives nothing: 3500 by token, an error by hook', async (t) => {
      const nonsense = { key: 'city', cmp: 'like', val: 'x' };
      assert.equal((await refused(server.endpoint, { encoding, token: token({ sub: 'ann', tags_filter: nonsense }) })).code, 3500);
      backEnd.answer('subscribe', { result: { tags_filter: nonsense } });
      const client = await holder(t, {});
      const subscription = client.newSubscription(named('hooked', 'nonsense'));
      const failed = next(subscription, 'error');
      subscription.subscribe();
      assert.equal((await failed).error.code, 100);
      const channel = named('closed', 'nonsense');
      const given = token({ sub: 'ann', channel, exp: seconds(60), tags_filter: nonsense });
      assert.equal((await refusedSubscription(client, channel, { token: given })).code, 103);
    });

  });
}
