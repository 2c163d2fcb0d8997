// The back end of the notifications demo, asked by somebody who does not use its page.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Server } from '../server.js';
import { newClient } from '../subscriber.js';

let server;
const clients = [];

before(async () => {
  server = await Server.start();
});

after(async () => {
  for (const client of clients) client.disconnect();
  await server?.stop();
});

async function connected(token = '') {
  const client = newClient(server.endpoint, { token });
  clients.push(client);
  client.connect();
  await client.ready(20_000);
  return client;
}

const code = (call) => call.then(() => 0, (error) => error.code);

test('nothing is taken that is too long, of no known method, or from nobody', async () => {
  const stranger = await connected();
  const { data } = await stranger.rpc('notify.login', { name: 'Ann' });
  assert.equal(data.user, 'ann');
  const ann = await connected(data.token);
  for (const [client, method, sent, expected] of [
    [stranger, 'notify.login', { name: '' }, 107],
    [stranger, 'notify.login', { name: 'a'.repeat(25) }, 107],
    [stranger, 'notify.login', { name: 'ann,bob' }, 107],
    [stranger, 'notify.login', 'ann', 107],
    [stranger, 'notify.send', { title: 'hello' }, 103],
    [stranger, 'notify.order', { item: 'tea' }, 103],
    [ann, 'notify.send', { title: 'hello', text: 'a'.repeat(300) }, 0],
    [ann, 'notify.send', { title: 'hello', text: 'a'.repeat(5_000) }, 107],
    [ann, 'notify.order', { item: 'a'.repeat(5_000) }, 107],
    [ann, 'notify.other', {}, 104],
  ]) {
    assert.equal(await code(client.rpc(method, sent)), expected, `${method} ${JSON.stringify(sent).slice(0, 60)}`);
  }
});
