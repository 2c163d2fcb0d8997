// The server goes: killed, or asked to end.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { publish } from '../api.js';
import { next, until, within } from '../patience.js';
import { crowd } from '../runtime.js';
import { Server } from '../server.js';
import { connected, subscribed } from '../subscriber.js';

const SHUTDOWN = 3001;
/** How long a client may be away: the server has to start meanwhile. */
const BACK_MS = 30_000;

test('killed and started again: the client is back and told that its position is gone', { timeout: 60_000 }, async (t) => {
  let server = await Server.start();
  const { client, context: first } = await connected(server.endpoint);
  const { publications, contexts } = await subscribed(client, 'news');
  t.after(async () => {
    client.disconnect();
    await server.stop();
  });
  await publish(server, 'news', 'first life');
  await until(() => publications.length === 1, 'a publication');

  const lost = next(client, 'connecting');
  server.signal('SIGKILL');
  await server.ended;
  await lost;
  const back = next(client, 'connected', BACK_MS);
  server = await Server.start({ port: server.port });
  assert.notEqual((await back).client, first.client);
  await until(() => contexts.length === 2, 'the subscription is back');
  assert.equal(contexts[1].wasRecovering, true);
  assert.equal(contexts[1].recovered, false);
  assert.notEqual(contexts[1].streamPosition.epoch, contexts[0].streamPosition.epoch);

  const { offset } = await publish(server, 'news', 'second life');
  await until(() => publications.length === 2, 'a publication of the second life');
  assert.equal(publications[1].data, 'second life');
  assert.equal(publications[1].offset, offset);
});

test('asked to end: clients are told 3001, the program ends well, and they come back', { timeout: 60_000 }, async (t) => {
  let server = await Server.start();
  const clients = await Promise.all(Array.from({ length: crowd(50) }, async () => (await connected(server.endpoint)).client));
  t.after(async () => {
    for (const client of clients) client.disconnect();
    await server.stop();
  });
  const told = Promise.all(clients.map((client) => next(client, 'connecting')));
  server.signal('SIGTERM');
  const codes = (await told).map(({ code }) => code);
  assert.deepEqual([...new Set(codes)], [SHUTDOWN]);
  const { code, signal } = await within(15_000, server.ended, 'the program ends');
  assert.deepEqual({ code, signal }, { code: 0, signal: null }, server.log.join('\n'));

  const back = Promise.all(clients.map((client) => next(client, 'connected', BACK_MS)));
  server = await Server.start({ port: server.port });
  await back;
});
