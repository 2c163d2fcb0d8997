// Subscriptions that the server makes: by token, by name of the user, by the API.

import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';

import { ask, call, publish } from '../api.js';
import { ENCODINGS } from '../encodings.js';
import { next, until } from '../patience.js';
import { Proxy } from '../proxy.js';
import { RawSocket } from '../raw.js';
import { Server } from '../server.js';
import { connected, cut, listen, newClient, subscribed } from '../subscriber.js';
import { SECRET, seconds, token } from '../tokens.js';

const CONFIG = {
  client: {
    token: { hmac_secret_key: SECRET },
    subscribe_to_user_personal_channel: { enabled: true, personal_channel_namespace: 'personal' },
  },
  http_api: { insecure: true },
  channel: {
    namespaces: [
      {
        name: 'news',
        history_size: 10,
        history_ttl: '60s',
        force_recovery: true,
        presence: true,
        join_leave: true,
        force_push_join_leave: true,
      },
      { name: 'plain', presence: true, allow_publish_for_subscriber: true },
      { name: 'free', allow_subscribe_for_client: true, presence: true },
      { name: 'personal', presence: true, allow_user_limited_channels: true },
    ],
  },
};

const server = await Server.start({ config: CONFIG });

after(() => server.stop());

async function present(channel) {
  const { presence } = await ask(server, 'presence', { channel });
  return Object.values(presence);
}

for (const encoding of ENCODINGS) {
  describe(encoding.name, () => {
    const clients = [];
    let count = 0;
    const name = (word) => `${word}-${encoding.name}-${(count += 1)}`;

    after(() => {
      for (const client of clients) client.disconnect();
    });

    /** Connects with these claims; `events` are those of the server-side subscriptions. */
    async function person(claims, endpoint = server.endpoint) {
      const client = newClient(endpoint, { encoding, token: token(claims) });
      clients.push(client);
      const events = listen(client);
      const connection = next(client, 'connected');
      client.connect();
      const { client: id } = await connection;
      return { client, events, id };
    }

    const of = (events, event, channel) =>
      events.filter(({ name: found, context }) => found === event && context.channel === channel).map(({ context }) => context);

    test('the channels of a token are there with the connection', async () => {
      const user = name('ann');
      const channels = [`news:${user}`, `plain:${user}`];
      const { events } = await person({ sub: user, channels });
      const [context] = await until(
        () => (of(events, 'subscribed', channels[0]).length ? of(events, 'subscribed', channels[0]) : undefined),
        'subscribed',
      );
      assert.ok(context.recoverable && context.positioned && !context.wasRecovering, JSON.stringify(context));
      assert.equal(of(events, 'subscribed', channels[1])[0].recoverable, false);
      await publish(server, channels[0], { no: 1 });
      await publish(server, channels[1], { no: 2 });
      await until(() => of(events, 'publication', channels[1]).length === 1, 'both publications');
      assert.deepEqual(
        channels.map((channel) => of(events, 'publication', channel).map(({ data }) => encoding.unpack(data))),
        [[{ no: 1 }], [{ no: 2 }]],
      );
    });

    test('the subscriptions of a token bring info, data and options of their own', async () => {
      const user = name('ann');
      const channel = `plain:${user}`;
      const subs = {
        [channel]: { info: { seat: 1 }, data: { welcome: true }, override: { presence: { value: false } } },
        [`news:${user}`]: { info: { seat: 2 } },
      };
      const { events } = await person({ sub: user, subs });
      await until(() => of(events, 'subscribed', channel).length === 1, 'subscribed');
      assert.deepEqual(encoding.unpack(of(events, 'subscribed', channel)[0].data), { welcome: true });
      assert.deepEqual(await present(channel), []);
      assert.deepEqual(
        (await present(`news:${user}`)).map(({ chan_info }) => chan_info),
        [{ seat: 2 }],
      );
    });

    test('what is not recovered by the client is recovered for him', async (t) => {
      const user = name('ann');
      const channel = `news:${user}`;
      const proxy = await Proxy.start(server.port);
      t.after(() => proxy.stop());
      const { client, events } = await person({ sub: user, channels: [channel] }, proxy.endpoint);
      await publish(server, channel, 1);
      await until(() => of(events, 'publication', channel).length === 1, 'the first');
      await cut(proxy, client);
      await publish(server, channel, 2);
      await publish(server, channel, 3);
      proxy.restore();
      await until(() => of(events, 'publication', channel).length === 3, 'the others');
      assert.deepEqual(
        of(events, 'publication', channel).map(({ data, offset }) => [encoding.unpack(data), offset]),
        [
          [1, 1],
          [2, 2],
          [3, 3],
        ],
      );
      const [, context] = of(events, 'subscribed', channel);
      assert.ok(context.wasRecovering && context.recovered, JSON.stringify(context));
      client.disconnect();
    });

    test('everybody has a channel of his own', async () => {
      const user = name('ann');
      const { events } = await person({ sub: user });
      const channel = `personal:#${user}`;
      await until(() => of(events, 'subscribed', channel).length === 1, 'the personal channel');
      await publish(server, channel, 'for you');
      await until(() => of(events, 'publication', channel).length === 1, 'the publication');
      const { client: nobody } = await connected(server.endpoint, { encoding, token: token({ sub: '' }) });
      clients.push(nobody);
      assert.equal((await present(channel)).length, 1);
    });

    test('the API subscribes and unsubscribes', async () => {
      const user = name('ann');
      const channel = `plain:${user}`;
      const { client, events, id } = await person({ sub: user });
      const { client: other } = await person({ sub: user });
      await ask(server, 'subscribe', { user, channel, client: id, info: { by: 'api' }, data: { hello: 'you' } });
      // Done means done: what is published next arrives.
      await publish(server, channel, 'first');
      await until(() => of(events, 'publication', channel).length === 1, 'the publication');
      const [context] = of(events, 'subscribed', channel);
      assert.deepEqual(encoding.unpack(context.data), { hello: 'you' });
      assert.deepEqual(
        (await present(channel)).map(({ client: who, chan_info }) => [who, chan_info]),
        [[id, { by: 'api' }]],
      );
      await ask(server, 'unsubscribe', { user, channel });
      await until(() => of(events, 'unsubscribed', channel).length === 1, 'unsubscribed');
      assert.deepEqual(await present(channel), []);
      assert.equal(client.state, 'connected');
      assert.equal(other.state, 'connected');
      assert.deepEqual(
        events.map(({ name: event, context: { channel: about } }) => (about === channel ? event : undefined)).filter(Boolean),
        ['subscribed', 'publication', 'unsubscribed'],
      );
    });

    test('the API subscribes from a position on', async () => {
      const user = name('ann');
      const channel = `news:${user}`;
      const { events } = await person({ sub: user });
      const { epoch } = await publish(server, channel, 1);
      await publish(server, channel, 2);
      await ask(server, 'subscribe', { user, channel, recover_since: { offset: 1, epoch } });
      await publish(server, channel, 3);
      await until(() => of(events, 'publication', channel).at(-1)?.offset === 3, 'the third');
      assert.deepEqual(of(events, 'subscribed', channel)[0].streamPosition, { offset: 1, epoch });
    });

    test('the API unsubscribes a client from what it asked for: 2000, and it stays away', async () => {
      const user = name('ann');
      const { client } = await person({ sub: user });
      const { subscription } = await subscribed(client, 'free:one');
      const second = await subscribed(client, 'free:two');
      const gone = [next(subscription, 'unsubscribed'), next(second.subscription, 'unsubscribed')];
      for (const channel of ['free:one', 'free:two']) await ask(server, 'unsubscribe', { user, channel });
      const contexts = await Promise.all(gone);
      assert.deepEqual(
        contexts.map(({ code, reason }) => [code, reason]),
        [
          [2000, 'server unsubscribe'],
          [2000, 'server unsubscribe'],
        ],
      );
    });

    test('the API disconnects: one client, all but some, with a code of its own', async () => {
      const user = name('ann');
      const people = [await person({ sub: user }), await person({ sub: user }), await person({ sub: user })];
      const ends = people.map(({ client }) => next(client, 'disconnected'));
      await ask(server, 'disconnect', { user, client: people[0].id });
      assert.deepEqual(await ends[0].then(({ code, reason }) => [code, reason]), [3503, 'force disconnect']);
      await ask(server, 'disconnect', { user, whitelist: [people[2].id], disconnect: { code: 4600, reason: 'tired' } });
      assert.deepEqual(await ends[1].then(({ code, reason }) => [code, reason]), [4600, 'tired']);
      assert.equal(people[2].client.state, 'connected');
      const back = next(people[2].client, 'connecting');
      await ask(server, 'disconnect', { user, disconnect: { code: 4200, reason: 'come back' } });
      assert.equal((await back).code, 4200);
      await next(people[2].client, 'connected');
      people[2].client.disconnect();
      await ends[2];
    });

    test('the API refreshes, and lets expire', async () => {
      const user = name('ann');
      const { client, id } = await person({ sub: user, exp: seconds(100) });
      await ask(server, 'refresh', { user, client: id, expire_at: seconds(600) });
      const away = next(client, 'connecting');
      await ask(server, 'refresh', { user, expired: true });
      assert.equal((await away).code, 3005);
      client.disconnect();
    });
  });
}

test('on the wire: subscriptions with the connection, and pushes for those of later', async () => {
  const raw = await RawSocket.connect(server.endpoint, { token: token({ sub: 'wire', channels: ['plain:wire', 'news:wire'] }) });
  assert.deepEqual(Object.keys(raw.connection.subs).sort(), ['news:wire', 'personal:#wire', 'plain:wire']);
  assert.deepEqual(raw.connection.subs['plain:wire'], {});
  const { epoch, ...news } = raw.connection.subs['news:wire'];
  assert.deepEqual(news, { recoverable: true, positioned: true });
  assert.match(epoch, /\S/);
  await ask(server, 'subscribe', { user: 'wire', channel: 'plain:later' });
  const { subscribe } = await raw.push(({ channel, subscribe: found }) => channel === 'plain:later' && found !== undefined);
  assert.deepEqual(subscribe, {});
  await ask(server, 'unsubscribe', { user: 'wire', channel: 'plain:later' });
  const { unsubscribe } = await raw.push(({ channel, unsubscribe: found }) => channel === 'plain:later' && found !== undefined);
  assert.deepEqual(unsubscribe, { code: 2000, reason: 'server unsubscribe' });
  const taken = await raw.reply({ id: 9, subscribe: { channel: 'plain:wire' } });
  assert.equal(taken.error.code, 105);
  await ask(server, 'refresh', { user: 'wire', expire_at: seconds(100) });
  const { refresh } = await raw.push(({ refresh: found }) => found !== undefined);
  assert.ok(refresh.expires && refresh.ttl > 90, JSON.stringify(refresh));
  await ask(server, 'disconnect', { user: 'wire' });
  assert.deepEqual(await raw.closed(), { code: 3503, reason: 'force disconnect' });
});

test('a refresh whose token names other channels makes the client start anew', async () => {
  const raw = await RawSocket.connect(server.endpoint, { token: token({ sub: 'moving', exp: seconds(50), channels: ['plain:one'] }) });
  raw.send({ id: 2, refresh: { token: token({ sub: 'moving', exp: seconds(90), channels: ['plain:two'] }) } });
  assert.equal((await raw.closed()).code, 3010);
});

test('a client may ask for subscriptions with the connection, and gets those he may have', async () => {
  const raw = await RawSocket.connect(server.endpoint, { token: token({ sub: 'asking' }), subs: { 'free:a': {}, 'plain:a': {} } });
  assert.deepEqual(Object.keys(raw.connection.subs).sort(), ['free:a', 'personal:#asking']);
  raw.close();
  const wrong = await RawSocket.open(server.endpoint);
  wrong.send({ id: 1, connect: { token: token({ sub: 'asking' }), subs: { 'nowhere:a': {} } } });
  assert.equal((await wrong.closed()).code, 3501);
});

test('a token that names a channel of no namespace is refused with 102', async () => {
  const raw = await RawSocket.open(server.endpoint);
  const { error } = await raw.reply({ id: 1, connect: { token: token({ sub: 'ann', channels: ['nowhere:a'] }) } });
  assert.equal(error.code, 102);
  raw.close();
});

test('the API says what it cannot do', async () => {
  for (const [method, request, code] of [
    ['subscribe', { user: 'ann', channel: '' }, 107],
    ['subscribe', { user: 'ann', channel: 'nowhere:a' }, 102],
    ['subscribe', { user: 'ann', channel: 'plain:a', b64info: '***' }, 107],
    ['unsubscribe', { user: 'ann', channel: 'nowhere:a' }, 102],
  ]) {
    const { answer } = await call(server, method, request);
    assert.equal(answer.error?.code, code, `${method} ${JSON.stringify(request)}: ${JSON.stringify(answer)}`);
  }
});
