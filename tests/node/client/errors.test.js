// What is not allowed is said with the code that clients know, and disturbs nothing else on the connection.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import WebSocket from 'ws';

import { call } from '../api.js';
import { ENCODINGS } from '../encodings.js';
import { next, within } from '../patience.js';
import { RawSocket } from '../raw.js';
import { Server } from '../server.js';
import { connected, newClient, subscribed } from '../subscriber.js';

const CONFIG = {
  client: { allow_anonymous_connect_without_token: true },
  http_api: { key: 'secret' },
  channel: {
    namespaces: [
      { name: 'read', allow_subscribe_for_client: true, allow_subscribe_for_anonymous: true },
      { name: 'closed', history_size: 10, history_ttl: '60s' },
      {
        name: 'open',
        allow_subscribe_for_client: true,
        allow_subscribe_for_anonymous: true,
        allow_publish_for_client: true,
        allow_publish_for_anonymous: true,
      },
    ],
  },
};

const UNKNOWN_CHANNEL = 102;
const PERMISSION_DENIED = 103;
const METHOD_NOT_FOUND = 104;
const BAD_REQUEST = 107;
const NOT_AVAILABLE = 108;

let server;
let client;

before(async () => {
  server = await Server.start({ config: CONFIG });
  ({ client } = await connected(server.endpoint));
});

after(async () => {
  client?.disconnect();
  await server?.stop();
});

async function refusal(channel) {
  const subscription = client.newSubscription(channel);
  const gone = next(subscription, 'unsubscribed');
  subscription.subscribe();
  const { code } = await gone;
  client.removeSubscription(subscription);
  return code;
}

test('a channel in no namespace is unknown', async () => {
  assert.equal(await refusal('nowhere:news'), UNKNOWN_CHANNEL);
});

test('subscribing where nobody may is denied', async () => {
  assert.equal(await refusal('closed:news'), PERMISSION_DENIED);
});

test('a name that is too long is a bad request', async () => {
  assert.equal(await refusal(`open:${'x'.repeat(300)}`), BAD_REQUEST);
});

test('publishing where clients may not is denied, and the subscription stays', async () => {
  const { subscription } = await subscribed(client, 'read:news');
  await assert.rejects(subscription.publish({ no: 1 }), (error) => error.code === PERMISSION_DENIED);
  await assert.rejects(client.publish('closed:news', {}), (error) => error.code === PERMISSION_DENIED);
  assert.equal(subscription.state, 'subscribed');
});

test('history where none is kept is not available', async () => {
  const { subscription } = await subscribed(client, 'open:forgetful');
  await assert.rejects(subscription.history({ limit: 1 }), (error) => [PERMISSION_DENIED, NOT_AVAILABLE].includes(error.code));
});

for (const encoding of ENCODINGS) {
  test(`what is not offered is said so: ${encoding.name}`, async () => {
    const { client: other } = await connected(server.endpoint, { encoding });
    await assert.rejects(other.rpc('nothing', encoding.pack({})), { code: NOT_AVAILABLE });
    const map = other.newMapSubscription('open:map');
    const shared = other.newSharedPollSubscription('open:shared');
    for (const subscription of [map, shared]) {
      const gone = next(subscription, 'unsubscribed');
      subscription.subscribe();
      const { code } = await gone;
      assert.ok([PERMISSION_DENIED, NOT_AVAILABLE].includes(code), `${subscription.channel}: ${code}`);
    }
    const gone = next(other, 'disconnected');
    await other.send(encoding.pack({}));
    assert.deepEqual(await gone, { code: 3508, reason: 'not available' });
  });
}

test('subscribing twice on one connection is an error, and the first stays', async () => {
  const raw = await RawSocket.connect(server.endpoint);
  await raw.reply({ id: 2, subscribe: { channel: 'open:twice' } });
  const second = await raw.reply({ id: 3, subscribe: { channel: 'open:twice' } });
  assert.equal(second.error.code, 105);
  const published = await raw.reply({ id: 4, publish: { channel: 'open:twice', data: {} } });
  assert.equal(published.error, undefined);
  raw.close();
});

test('an unknown command ends the connection with 3501', async () => {
  const raw = await RawSocket.connect(server.endpoint);
  raw.send({ id: 2, frobnicate: {} });
  assert.equal((await raw.closed()).code, 3501);
});

test('a command before connect ends the connection with 3501', async () => {
  const raw = await RawSocket.open(server.endpoint);
  raw.send({ id: 1, subscribe: { channel: 'open:x' } });
  assert.equal((await raw.closed()).code, 3501);
});

test('a second connect ends the connection with 3501', async () => {
  const raw = await RawSocket.connect(server.endpoint);
  raw.send({ id: 2, connect: {} });
  assert.equal((await raw.closed()).code, 3501);
});

test('a token that cannot be checked ends the connection for good', async () => {
  const other = newClient(server.endpoint, { token: 'not.a.token' });
  const gone = next(other, 'disconnected');
  other.connect();
  const { code } = await gone;
  assert.ok(code >= 3500 && code < 4000, `terminal, but ${code}`);
});

test('the API asks for its key', async () => {
  assert.equal((await call(server, 'info', {})).status, 401);
  assert.equal((await call(server, 'info', {}, { 'X-API-Key': 'guess' })).status, 401);
  assert.equal((await call(server, 'info', {}, { 'X-API-Key': 'secret' })).status, 200);
  assert.equal((await call(server, 'info', {}, { Authorization: 'apikey secret' })).status, 200);
});

test('the API tells what is wrong with a call', async () => {
  const key = { 'X-API-Key': 'secret' };
  const broken = await call(server, 'publish', '{"channel":', key);
  assert.ok(broken.status === 400 || broken.answer.error.code === BAD_REQUEST, broken.text);
  const unknown = await call(server, 'publish', { channel: 'nowhere:news', data: {} }, key);
  assert.equal(unknown.answer.error.code, UNKNOWN_CHANNEL);
  const unnamed = await call(server, 'publish', { data: {} }, key);
  assert.equal(unnamed.answer.error.code, BAD_REQUEST);
  const unheard = await call(server, 'frobnicate', {}, key);
  assert.ok(unheard.status === 404 || unheard.answer.error.code === METHOD_NOT_FOUND, unheard.text);
});

test('a page of another site gets in nowhere', async (t) => {
  const development = await Server.start();
  t.after(() => development.stop());
  const refused = new WebSocket(development.endpoint, { origin: 'https://elsewhere.example' });
  const [, response] = await within(5_000, new Promise((resolve) => refused.once('unexpected-response', (...got) => resolve(got))), 'a refusal');
  assert.equal(response.statusCode, 403);
  response.destroy();
  const crossed = await call(development, 'publish', { channel: 'x', data: 1 }, { Origin: 'https://elsewhere.example' });
  assert.equal(crossed.status, 403);
});
