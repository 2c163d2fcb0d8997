// Who may subscribe, publish, see presence and history: by namespace, by token, by name.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { ask, publish } from '../api.js';
import { ENCODINGS } from '../encodings.js';
import { first, next, until } from '../patience.js';
import { RawSocket } from '../raw.js';
import { Server } from '../server.js';
import { connected, listen, newClient, refusedSubscription, subscribed } from '../subscriber.js';
import { SECRET, seconds, soon, token } from '../tokens.js';

const UNKNOWN_CHANNEL = 102;
const PERMISSION_DENIED = 103;
const BAD_REQUEST = 107;
const NOT_AVAILABLE = 108;
const INVALID_TOKEN = 3500;

const kept = { history_size: 10, history_ttl: '60s', presence: true };
const anyone = { allow_subscribe_for_client: true, allow_subscribe_for_anonymous: true };

const CONFIG = {
  client: {
    token: { hmac_secret_key: SECRET },
    allow_anonymous_connect_without_token: true,
    // Some servers look after subscriptions at that pace.
    presence_update_interval: '1s',
  },
  http_api: { insecure: true },
  channel: {
    without_namespace: { presence: true },
    namespaces: [
      { name: 'users', ...kept, allow_subscribe_for_client: true },
      { name: 'all', ...kept, ...anyone },
      { name: 'half', allow_subscribe_for_anonymous: true },
      { name: 'closed', ...kept },
      { name: 'pub-client', ...anyone, allow_publish_for_client: true },
      { name: 'pub-all', ...anyone, allow_publish_for_client: true, allow_publish_for_anonymous: true },
      { name: 'pub-subscriber', ...anyone, allow_publish_for_subscriber: true },
      { name: 'pub-half', ...anyone, allow_publish_for_anonymous: true },
      { name: 'see-client', ...kept, ...anyone, allow_presence_for_client: true, allow_history_for_client: true },
      { name: 'see-subscriber', ...kept, ...anyone, allow_presence_for_subscriber: true, allow_history_for_subscriber: true },
      {
        name: 'see-all',
        ...kept,
        ...anyone,
        allow_presence_for_client: true,
        allow_presence_for_anonymous: true,
        allow_history_for_client: true,
        allow_history_for_anonymous: true,
      },
      { name: 'nothing', ...anyone, allow_presence_for_client: true, allow_history_for_client: true },
      { name: 'numbers', ...anyone, channel_regex: '^[0-9]+$' },
      { name: 'letters', ...anyone, channel_regex: '^.+$' },
      { name: 'private', ...kept, allow_user_limited_channels: true },
    ],
  },
};

const server = await Server.start({ config: CONFIG });

after(() => server.stop());

/** Each refusal's code, or `null` for what is done. */
async function codeOf(promise) {
  return promise.then(
    () => null,
    (error) => error.code,
  );
}

function subscriptionToken(channel, claims = {}) {
  return token({ sub: 'ann', channel, ...claims });
}

for (const encoding of ENCODINGS) {
  // Some wait for the end of a second.
  describe(encoding.name, { concurrency: 4 }, () => {
    let ann;
    let nobody;

    before(async () => {
      ({ client: ann } = await connected(server.endpoint, { encoding, token: token({ sub: 'ann' }) }));
      ({ client: nobody } = await connected(server.endpoint, { encoding }));
    });

    after(() => {
      ann?.disconnect();
      nobody?.disconnect();
    });

    test('who may subscribe', async () => {
      for (const [channel, forAnn, forNobody] of [
        ['users:a', null, PERMISSION_DENIED],
        ['all:a', null, null],
        ['half:a', PERMISSION_DENIED, PERMISSION_DENIED],
        ['closed:a', PERMISSION_DENIED, PERMISSION_DENIED],
        ['without', PERMISSION_DENIED, PERMISSION_DENIED],
        ['nowhere:a', UNKNOWN_CHANNEL, UNKNOWN_CHANNEL],
        ['numbers:12', null, null],
        ['numbers:1x', BAD_REQUEST, BAD_REQUEST],
        ['all:größe', BAD_REQUEST, BAD_REQUEST],
        ['letters:größe', null, null],
        [`all:${'x'.repeat(251)}`, null, null],
        [`all:${'x'.repeat(252)}`, BAD_REQUEST, BAD_REQUEST],
        ['$all:a', PERMISSION_DENIED, PERMISSION_DENIED],
        ['$nowhere:a', UNKNOWN_CHANNEL, UNKNOWN_CHANNEL],
        ['$private', PERMISSION_DENIED, PERMISSION_DENIED],
        ['private:#ann', null, PERMISSION_DENIED],
        ['private:#bob,ann', null, PERMISSION_DENIED],
        ['private:#bob', PERMISSION_DENIED, PERMISSION_DENIED],
        ['all:room#bob', null, null],
      ]) {
        for (const [client, expected] of [
          [ann, forAnn],
          [nobody, forNobody],
        ]) {
          const subscription = client.newSubscription(channel);
          const outcome = first(subscription, ['subscribed', 'unsubscribed']);
          subscription.subscribe();
          const { context } = await outcome;
          assert.equal(context.code ?? null, expected, `${channel} for ${client === ann ? 'ann' : 'nobody'}`);
          subscription.unsubscribe();
          client.removeSubscription(subscription);
        }
      }
    });

    test('who may publish', async () => {
      const data = encoding.pack({ no: 1 });
      for (const [channel, forAnn, forNobody] of [
        ['pub-client:a', null, PERMISSION_DENIED],
        ['pub-all:a', null, null],
        ['pub-subscriber:a', PERMISSION_DENIED, PERMISSION_DENIED],
        ['pub-half:a', PERMISSION_DENIED, PERMISSION_DENIED],
        ['all:a', PERMISSION_DENIED, PERMISSION_DENIED],
        ['nowhere:a', UNKNOWN_CHANNEL, UNKNOWN_CHANNEL],
      ]) {
        assert.equal(await codeOf(ann.publish(channel, data)), forAnn, `${channel} for ann`);
        assert.equal(await codeOf(nobody.publish(channel, data)), forNobody, `${channel} for nobody`);
      }
      const mine = await subscribed(ann, 'pub-subscriber:b');
      assert.equal(await codeOf(mine.subscription.publish(data)), null);
      const theirs = await subscribed(nobody, 'pub-subscriber:b');
      assert.equal(await codeOf(theirs.subscription.publish(data)), PERMISSION_DENIED);
    });

    test('who may see presence and history', async () => {
      const asking = [
        (client, channel) => client.presence(channel),
        (client, channel) => client.presenceStats(channel),
        (client, channel) => client.history(channel, { limit: 1 }),
      ];
      for (const [channel, forAnn, forNobody] of [
        ['see-client:a', null, PERMISSION_DENIED],
        ['see-all:a', null, null],
        ['see-subscriber:a', PERMISSION_DENIED, PERMISSION_DENIED],
        ['all:a', PERMISSION_DENIED, PERMISSION_DENIED],
        ['nothing:a', NOT_AVAILABLE, NOT_AVAILABLE],
        ['nowhere:a', UNKNOWN_CHANNEL, UNKNOWN_CHANNEL],
      ]) {
        for (const call of asking) {
          assert.equal(await codeOf(call(ann, channel)), forAnn, `${channel} for ann: ${call}`);
          assert.equal(await codeOf(call(nobody, channel)), forNobody, `${channel} for nobody: ${call}`);
        }
      }
      await subscribed(ann, 'see-subscriber:b');
      for (const call of asking) assert.equal(await codeOf(call(ann, 'see-subscriber:b')), null, String(call));
    });

    test('a subscription token opens what is closed, and says what others see', async () => {
      const info = { seat: 12 };
      const b64info = Buffer.from('{"seat":13}').toString('base64');
      await subscribed(ann, 'closed:by-token', { token: subscriptionToken('closed:by-token', { info, exp: seconds(60) }) });
      await subscribed(ann, '$by-token', { token: subscriptionToken('$by-token', { b64info }) });
      const { presence } = await ask(server, 'presence', { channel: 'closed:by-token' });
      assert.deepEqual(
        Object.values(presence).map(({ user, chan_info }) => ({ user, chan_info })),
        [{ user: 'ann', chan_info: info }],
      );
      const second = await ask(server, 'presence', { channel: '$by-token' });
      assert.deepEqual(Object.values(second.presence)[0].chan_info, { seat: 13 });
    });

    test('a subscription token is asked for, and asked for again when it is over', async () => {
      const asked = [];
      const tokens = [subscriptionToken('$asked', { exp: seconds(-5) }), subscriptionToken('$asked', { exp: seconds(60) })];
      const { subscription } = await subscribed(ann, '$asked', {
        getToken: async (context) => {
          asked.push(context.channel);
          return tokens.shift();
        },
      });
      assert.deepEqual(asked, ['$asked', '$asked']);
      subscription.unsubscribe();
    });

    test('a subscription is refreshed before it expires', async () => {
      let asked = 0;
      const { publications, contexts } = await subscribed(ann, '$refreshed', {
        token: subscriptionToken('$refreshed', { exp: seconds(2) }),
        getToken: async () => {
          asked += 1;
          return subscriptionToken('$refreshed', { exp: seconds(60) });
        },
      });
      await until(() => asked === 1, 'the refresh');
      await publish(server, '$refreshed', 'still here');
      await until(() => publications.length === 1, 'the publication');
      assert.equal(contexts.length, 1);
    });

    test('a subscription that is not allowed any more ends', async () => {
      let isIn = false;
      const { subscription } = await subscribed(ann, '$revoked', {
        getToken: async () => {
          if (isIn) throw new encoding.Client.UnauthorizedError('no more');
          return subscriptionToken('$revoked', { exp: soon() });
        },
      });
      isIn = true;
      const { code } = await next(subscription, 'unsubscribed');
      assert.equal(code, 1);
    });

    test('a bad subscription token is refused, a stolen one ends the connection', async () => {
      const forged = { token: token({ sub: 'ann', channel: '$x' }, { secret: 'guess' }) };
      assert.equal((await refusedSubscription(ann, '$x', forged)).code, PERMISSION_DENIED);
      assert.equal((await refusedSubscription(ann, '$y', { token: 'nonsense' })).code, PERMISSION_DENIED);
      assert.equal((await refusedSubscription(ann, '$z', { token: token({ sub: 'ann' }) })).code, PERMISSION_DENIED);
      assert.equal(ann.state, 'connected');
      for (const [channel, stolen] of [
        ['$other', subscriptionToken('$mine')],
        ['$mine', token({ sub: 'bob', channel: '$mine' })],
        ['$mine', subscriptionToken('$mine', { client: 'another' })],
      ]) {
        const thief = newClient(server.endpoint, { encoding, token: token({ sub: 'ann' }) });
        const gone = next(thief, 'disconnected');
        const events = listen(thief);
        thief.newSubscription(channel, { token: stolen }).subscribe();
        thief.connect();
        assert.equal((await gone).code, INVALID_TOKEN, `${channel}: ${JSON.stringify(events)}`);
      }
    });
  });
}

test('on the wire: the life of a subscription that expires', async (t) => {
  const server = await Server.start({ config: { ...CONFIG, client: { ...CONFIG.client, expired_sub_close_delay: '1s' } } });
  t.after(() => server.stop());
  const raw = await RawSocket.connect(server.endpoint, { token: token({ sub: 'ann' }) });
  t.after(() => raw.close());
  const channel = '$wire';
  const { subscribe } = await raw.reply({ id: 2, subscribe: { channel, token: subscriptionToken(channel, { exp: seconds(100) }) } });
  assert.ok(subscribe.expires && subscribe.ttl > 95 && subscribe.ttl <= 100, JSON.stringify(subscribe));
  const { sub_refresh: longer } = await raw.reply({
    id: 3,
    sub_refresh: { channel, token: subscriptionToken(channel, { exp: seconds(200) }) },
  });
  assert.ok(longer.expires && longer.ttl > 195, JSON.stringify(longer));
  const stranger = await raw.reply({ id: 4, sub_refresh: { channel: '$other', token: subscriptionToken('$other') } });
  assert.equal(stranger.error.code, PERMISSION_DENIED);
  let id = 4;
  const shorter = async () => {
    const request = { channel, token: subscriptionToken(channel, { exp: soon() }) };
    return (await raw.reply({ id: (id += 1), sub_refresh: request })).sub_refresh;
  };
  await until(shorter, 'a token that is not over on arrival');
  const { unsubscribe } = await raw.push(({ unsubscribe: found }) => found !== undefined);
  assert.deepEqual(unsubscribe, { code: 2501, reason: 'subscription expired' });
  assert.equal(raw.end, undefined);
});

for (const [what, given] of [
  ['nonsense', 'nonsense'],
  ['the token of somebody else', token({ sub: 'bob', channel: '$wire' })],
  ['the token of another channel', subscriptionToken('$other')],
]) {
  test(`refreshing a subscription with ${what} ends the connection`, async () => {
    const raw = await RawSocket.connect(server.endpoint, { token: token({ sub: 'ann' }) });
    await raw.reply({ id: 2, subscribe: { channel: '$wire', token: subscriptionToken('$wire', { exp: seconds(100) }) } });
    raw.send({ id: 3, sub_refresh: { channel: '$wire', token: given } });
    assert.equal((await raw.closed()).code, INVALID_TOKEN);
  });
}
