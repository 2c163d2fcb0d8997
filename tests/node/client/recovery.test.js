// The link goes and comes back: the client gets each publication, in order, once, or is told that it cannot.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { publish } from '../api.js';
import { next, pause, until } from '../patience.js';
import { Proxy } from '../proxy.js';
import { Server } from '../server.js';
import { connected, subscribed } from '../subscriber.js';

const OUTAGE_MS = 10_000;
const PACE_MS = 50;
const HISTORY = 300;

/** Both ends find out about a silent link within two seconds. */
const CONFIG = {
  client: { insecure: true, ping_interval: '1s', pong_timeout: '500ms' },
  http_api: { insecure: true },
  channel: { without_namespace: { history_size: HISTORY, history_ttl: '300s', force_recovery: true } },
};

let server;

before(async () => {
  server = await Server.start({ config: CONFIG });
});

after(async () => {
  await server?.stop();
});

/** A client behind a proxy of its own, in a channel of its own. */
async function subscriberBehindProxy(t, channel, options = {}) {
  const proxy = await Proxy.start(server.port);
  const { client } = await connected(proxy.endpoint, { maxServerPingDelay: 1_000, ...options });
  t.after(async () => {
    client.disconnect();
    await proxy.stop();
  });
  return { proxy, client, ...(await subscribed(client, channel)) };
}

/** Publishes a number every 50 ms until told to stop; resolves to how many. */
function stream(channel) {
  let going = true;
  const done = (async () => {
    let count = 0;
    while (going) {
      await publish(server, channel, count);
      count += 1;
      await pause(PACE_MS);
    }
    return count;
  })();
  return {
    stop: () => {
      going = false;
      return done;
    },
  };
}

function assertEachOnceInOrder(publications, count) {
  assert.deepEqual(publications.map(({ data }) => data), Array.from({ length: count }, (_, number) => number));
  assert.deepEqual(publications.map(({ offset }) => offset), Array.from({ length: count }, (_, number) => number + 1));
}

test('cut for ten seconds while publications go on: each arrives, in order, once', { timeout: 60_000 }, async (t) => {
  const { proxy, client, publications, contexts } = await subscriberBehindProxy(t, 'cut');
  const publisher = stream('cut');
  await until(() => publications.length >= 10, 'publications before the cut');
  const lost = next(client, 'connecting');
  proxy.cut();
  await lost;
  const before = publications.length;
  await pause(OUTAGE_MS);
  assert.equal(publications.length, before, 'nothing arrives through a cut link');
  proxy.restore();
  await until(() => contexts.length === 2, 'the subscription is back');
  await pause(500);
  const count = await publisher.stop();
  await until(() => publications.length >= count, 'all publications');
  assert.ok(count - before > 100, `many were published during the outage, not ${count - before}`);
  assert.ok(contexts[1].wasRecovering && contexts[1].recovered, JSON.stringify(contexts[1]));
  assertEachOnceInOrder(publications, count);
});

test('silent for ten seconds: both ends notice, and nothing is lost', { timeout: 60_000 }, async (t) => {
  const { proxy, client, publications, contexts } = await subscriberBehindProxy(t, 'silent');
  const publisher = stream('silent');
  await until(() => publications.length >= 10, 'publications before the silence');
  const lost = next(client, 'connecting');
  proxy.freeze();
  await lost;
  await pause(OUTAGE_MS);
  proxy.restore();
  await until(() => contexts.length === 2, 'the subscription is back', 20_000);
  await pause(500);
  const count = await publisher.stop();
  await until(() => publications.length >= count, 'all publications');
  assert.ok(contexts[1].wasRecovering && contexts[1].recovered, JSON.stringify(contexts[1]));
  assertEachOnceInOrder(publications, count);
});

test('cut again and again while publications go on', { timeout: 60_000 }, async (t) => {
  const { proxy, publications, contexts } = await subscriberBehindProxy(t, 'flaky');
  const publisher = stream('flaky');
  for (let round = 1; round <= 8; round += 1) {
    await pause(150 + 40 * round);
    proxy.cut();
    await pause(30 * round);
    proxy.restore();
    await until(() => contexts.length > round, `back after cut ${round}`);
  }
  const count = await publisher.stop();
  await until(() => publications.length >= count, 'all publications');
  assert.ok(contexts.slice(1).every(({ recovered }) => recovered), JSON.stringify(contexts));
  assertEachOnceInOrder(publications, count);
});

test('away for longer than the history reaches: told so', { timeout: 60_000 }, async (t) => {
  const { proxy, client, publications, contexts } = await subscriberBehindProxy(t, 'too-long');
  await publish(server, 'too-long', 'before');
  await until(() => publications.length === 1, 'the publication before');
  const lost = next(client, 'connecting');
  proxy.cut();
  await lost;
  for (let number = 0; number <= HISTORY; number += 1) await publish(server, 'too-long', number);
  proxy.restore();
  await until(() => contexts.length === 2, 'the subscription is back');
  assert.equal(contexts[1].wasRecovering, true);
  assert.equal(contexts[1].recovered, false);
  assert.equal(contexts[1].streamPosition.offset, HISTORY + 2);
  await publish(server, 'too-long', 'after');
  await until(() => publications.at(-1)?.data === 'after', 'the publication after');
  assert.equal(publications.at(-1).offset, HISTORY + 3);
});

test('away while nothing happened: recovered, with nothing', { timeout: 60_000 }, async (t) => {
  const { proxy, client, publications, contexts } = await subscriberBehindProxy(t, 'quiet');
  await publish(server, 'quiet', 0);
  await until(() => publications.length === 1, 'the publication before');
  const lost = next(client, 'connecting');
  proxy.cut();
  await lost;
  proxy.restore();
  await until(() => contexts.length === 2, 'the subscription is back');
  assert.ok(contexts[1].wasRecovering && contexts[1].recovered, JSON.stringify(contexts[1]));
  assert.equal(publications.length, 1);
});
