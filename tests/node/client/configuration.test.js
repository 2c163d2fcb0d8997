// The configuration in its other forms, and the limits it sets.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { call, publish } from '../api.js';
import { next, until } from '../patience.js';
import { RawSocket } from '../raw.js';
import { Server } from '../server.js';
import { connected, newClient, refused, refusedSubscription, subscribed } from '../subscriber.js';
import { SECRET, token } from '../tokens.js';

const servers = [];

async function started(options) {
  const server = await Server.start(options);
  servers.push(server);
  return server;
}

after(async () => {
  for (const server of servers) await server.stop();
});

test('variables of the environment configure all, namespaces too, and override the file', async () => {
  const server = await started({
    config: { client: { token: { hmac_secret_key: 'overridden' } }, channel: { without_namespace: { allow_subscribe_for_client: true } } },
    environment: {
      CENTRIFUGO_CLIENT_TOKEN_HMAC_SECRET_KEY: SECRET,
      CENTRIFUGO_HTTP_API_KEY: 'key of the environment',
      CENTRIFUGO_CHANNEL_NAMESPACES: 'news chat',
      CENTRIFUGO_CHANNEL_NAMESPACES_NEWS_ALLOW_SUBSCRIBE_FOR_CLIENT: 'true',
      CENTRIFUGO_CHANNEL_NAMESPACES_NEWS_HISTORY_SIZE: '10',
      CENTRIFUGO_CHANNEL_NAMESPACES_NEWS_HISTORY_TTL: '60s',
      CENTRIFUGO_CHANNEL_NAMESPACES_NEWS_FORCE_RECOVERY: 'true',
    },
  });
  const { client } = await connected(server.endpoint, { token: token({ sub: 'ann' }) });
  const { contexts } = await subscribed(client, 'news:a');
  assert.equal(contexts[0].recoverable, true);
  assert.equal((await refusedSubscription(client, 'chat:a')).code, 103);
  await subscribed(client, 'of-the-file');
  assert.equal((await call(server, 'info', {}, { 'X-API-Key': 'key of the environment' })).status, 200);
  client.disconnect();
});

test('a page may come from the origins that are allowed', async () => {
  const server = await started({
    config: { client: { insecure: true, allowed_origins: ['https://*.example.com', 'http://localhost:3000'] } },
  });
  for (const origin of ['https://www.example.com', 'https://WWW.Example.com', 'http://localhost:3000']) {
    const raw = await RawSocket.connect(server.endpoint, {}, { headers: { Origin: origin } });
    raw.close();
  }
  for (const origin of ['https://example.org', 'http://www.example.com', 'https://example.com.evil.org', 'http://localhost:3001', 'null']) {
    await assert.rejects(RawSocket.open(server.endpoint, { headers: { Origin: origin } }), /403/, origin);
  }
});

test('so many connections a user, and no more', async () => {
  const server = await started({ config: { client: { token: { hmac_secret_key: SECRET }, user_connection_limit: 2 } } });
  const mine = { token: token({ sub: 'ann' }) };
  const first = await connected(server.endpoint, mine);
  const second = await connected(server.endpoint, mine);
  assert.equal((await refused(server.endpoint, mine)).code, 3504);
  const other = await connected(server.endpoint, { token: token({ sub: 'bob' }) });
  first.client.disconnect();
  const third = newClient(server.endpoint, mine);
  await until(async () => {
    const outcome = new Promise((resolve) => third.once('connected', () => resolve(true)).once('disconnected', () => resolve(false)));
    third.connect();
    return outcome;
  }, 'room for another');
  for (const client of [second.client, other.client, third]) client.disconnect();
});

test('a proxy in front may say who it is', async () => {
  const server = await started({
    config: {
      client: { user_id_http_header: 'X-User-Id' },
      http_api: { insecure: true },
      channel: { without_namespace: { presence: true, allow_subscribe_for_client: true } },
    },
  });
  const raw = await RawSocket.connect(server.endpoint, {}, { headers: { 'X-User-Id': 'ann' } });
  await raw.reply({ id: 2, subscribe: { channel: 'who' } });
  const { answer } = await call(server, 'presence', { channel: 'who' });
  assert.deepEqual(
    Object.values(answer.result.presence).map(({ user }) => user),
    ['ann'],
  );
  raw.close();
  const nobody = await RawSocket.open(server.endpoint);
  nobody.send({ id: 1, connect: {} });
  assert.equal((await nobody.closed()).code, 3501);
});

test('so many new connections a second, and no more', async () => {
  const server = await started({ config: { client: { insecure: true, connection_rate_limit: 3 } } });
  const attempts = Array.from({ length: 12 }, () =>
    RawSocket.connect(server.endpoint).then(
      (raw) => raw.close() ?? 'in',
      () => 'out',
    ),
  );
  const outcomes = await Promise.all(attempts);
  assert.ok(outcomes.includes('in') && outcomes.includes('out'), outcomes.join());
  await until(
    () =>
      RawSocket.connect(server.endpoint).then(
        (raw) => raw.close() ?? true,
        () => false,
      ),
    'a second later',
  );
});

test('who comes too fast is answered 503, without a handshake', async () => {
  const server = await started({ config: { client: { insecure: true, connection_rate_limit: 3 } } });
  const attempts = Array.from({ length: 12 }, () =>
    RawSocket.connect(server.endpoint).then(
      (raw) => raw.close() ?? 'in',
      ({ message }) => message,
    ),
  );
  const refusals = (await Promise.all(attempts)).filter((outcome) => outcome !== 'in');
  assert.ok(refusals.length > 0);
  for (const message of refusals) assert.match(message, /503/);
});

test('so many connections in all, and no more', async () => {
  const server = await started({ config: { client: { insecure: true, connection_limit: 3 } } });
  const crowd = [];
  for (let number = 0; number < 3; number += 1) crowd.push(await RawSocket.connect(server.endpoint));
  const late = await RawSocket.open(server.endpoint).then(
    (raw) => raw.closed(),
    (error) => error,
  );
  assert.ok(late.code === 3504 || /503/.test(late.message), JSON.stringify(late.message ?? late));
  for (const raw of crowd) raw.close();
  await until(
    () =>
      RawSocket.connect(server.endpoint).then(
        (raw) => raw.close() ?? true,
        () => false,
      ),
    'room again',
  );
});

test('with single_connection the newest of a user wins', async () => {
  const personal = { enabled: true, personal_channel_namespace: 'personal', single_connection: true };
  const server = await started({
    config: {
      client: { token: { hmac_secret_key: SECRET }, subscribe_to_user_personal_channel: personal },
      channel: { namespaces: [{ name: 'personal', presence: true }] },
    },
  });
  const { client: first } = await connected(server.endpoint, { token: token({ sub: 'ann' }) });
  const gone = next(first, 'disconnected');
  const { client: second } = await connected(server.endpoint, { token: token({ sub: 'ann' }) });
  assert.equal((await gone).code, 3504);
  second.disconnect();
});

test('names of channels have the signs that are configured', async () => {
  const server = await started({
    config: {
      client: { token: { hmac_secret_key: SECRET } },
      http_api: { insecure: true },
      channel: {
        max_length: 20,
        private_prefix: '!',
        namespace_boundary: '/',
        user_boundary: '@',
        user_separator: ';',
        namespaces: [{ name: 'rooms', allow_user_limited_channels: true, allow_subscribe_for_client: true }],
      },
    },
  });
  const { client } = await connected(server.endpoint, { token: token({ sub: 'ann' }) });
  const { publications } = await subscribed(client, 'rooms/a');
  await publish(server, 'rooms/a', 1);
  await until(() => publications.length === 1, 'the publication');
  await subscribed(client, 'rooms/b@bob;ann');
  assert.equal((await refusedSubscription(client, 'rooms/b@bob')).code, 103);
  assert.equal((await refusedSubscription(client, '!rooms/a')).code, 103);
  assert.equal((await refusedSubscription(client, 'rooms/123456789012345')).code, 107);
  client.disconnect();
});

test('the form of the data is checked where the namespace says so', async () => {
  const server = await started({
    config: {
      client: { insecure: true },
      http_api: { insecure: true },
      channel: {
        without_namespace: { publication_data_format: 'json_object' },
        namespaces: [{ name: 'any', publication_data_format: 'json' }],
      },
    },
  });
  const { client } = await connected(server.endpoint);
  await client.publish('objects', { a: 1 });
  await assert.rejects(client.publish('objects', [1]), { code: 107 });
  await client.publish('any:x', [1]);
  assert.equal((await call(server, 'publish', { channel: 'objects', data: 5 })).answer.error?.code, 107);
  const broken = Buffer.from('{"a":').toString('base64');
  assert.equal((await call(server, 'publish', { channel: 'any:x', b64data: broken })).answer.error?.code, 107);
  client.disconnect();
});

test('pings come at the pace that is configured, and silence ends the connection', async () => {
  const server = await started({ config: { client: { insecure: true, ping_interval: '3s', pong_timeout: '2500ms' } } });
  const lively = await RawSocket.connect(server.endpoint);
  assert.deepEqual([lively.connection.ping, lively.connection.pong], [3, true]);
  const silent = await RawSocket.connect(server.endpoint);
  silent.answersPings = false;
  const { code, reason } = await silent.closed();
  assert.deepEqual({ code, reason }, { code: 3012, reason: 'no pong' });
  assert.equal(lively.end, undefined);
  lively.close();
});

test('who does not connect is not waited for', async () => {
  const server = await started({ config: { client: { insecure: true, stale_close_delay: '500ms' } } });
  const raw = await RawSocket.open(server.endpoint);
  const { code, reason } = await raw.closed();
  assert.deepEqual({ code, reason }, { code: 3502, reason: 'stale' });
});
