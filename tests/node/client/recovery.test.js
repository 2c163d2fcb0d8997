// The link goes and comes back: the client gets each publication, in order, once, or is told that it cannot.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { publish } from '../api.js';
import { pause, until } from '../patience.js';
import { Server } from '../server.js';
import { cut, linked, lost, subscribed } from '../subscriber.js';

const OUTAGE_MS = 10_000;
const PACE_MS = 50;
const HISTORY = 300;
/** Of what a slow machine publishes until a link is back none may be missing. */
const LONG_HISTORY = 2_000;

/** Both ends find out about a silent link within two seconds. */
const CONFIG = {
  client: { insecure: true, ping_interval: '1s', pong_timeout: '500ms', recovery_max_publication_limit: LONG_HISTORY },
  http_api: { insecure: true },
  channel: { without_namespace: kept(HISTORY), namespaces: [{ name: 'long', ...kept(LONG_HISTORY) }] },
};

function kept(size) {
  return { history_size: size, history_ttl: '300s', force_recovery: true };
}

const server = await Server.start({ config: CONFIG });

after(() => server.stop());

/** A subscriber in a channel of its own, over a link that can be cut. */
async function linkedSubscriber(t, channel) {
  const { proxy, client } = await linked(t, server, { maxServerPingDelay: 1_000, timeout: 2_000 });
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

/** Lets the link pass again, and returns the context with which the subscription is back. */
async function restored(proxy, contexts) {
  const { length } = contexts;
  proxy.restore();
  await until(() => contexts.length > length, 'the subscription is back', 20_000);
  return contexts[length];
}

/** What was missed has arrived, and more after it. */
async function untilLive(publications) {
  const { length } = publications;
  await until(() => publications.length > length + 5, 'publications after the recovery');
}

function assertEachOnceInOrder(publications, count) {
  assert.deepEqual(publications.map(({ data }) => data), Array.from({ length: count }, (_, number) => number));
  assert.deepEqual(publications.map(({ offset }) => offset), Array.from({ length: count }, (_, number) => number + 1));
}

// Together, since most of them wait for most of their time.
describe('a link', { concurrency: 5 }, () => {
  test('cut for ten seconds while publications go on: each arrives, in order, once', { timeout: 60_000 }, async (t) => {
    const { proxy, client, publications, contexts } = await linkedSubscriber(t, 'long:cut');
    const publisher = stream('long:cut');
    await until(() => publications.length >= 10, 'publications before the cut');
    await cut(proxy, client);
    const before = publications.length;
    await pause(OUTAGE_MS);
    assert.equal(publications.length, before, 'nothing arrives through a cut link');
    const back = await restored(proxy, contexts);
    await untilLive(publications);
    const count = await publisher.stop();
    await until(() => publications.length >= count, 'all publications');
    assert.ok(count - before > 50, `many were published during the outage, not ${count - before}`);
    assert.ok(back.wasRecovering && back.recovered, JSON.stringify(back));
    assertEachOnceInOrder(publications, count);
  });

  test('silent for ten seconds: both ends notice, and nothing is lost', { timeout: 60_000 }, async (t) => {
    const { proxy, client, publications, contexts } = await linkedSubscriber(t, 'long:silent');
    const publisher = stream('long:silent');
    await until(() => publications.length >= 10, 'publications before the silence');
    const gone = lost(client);
    const outage = pause(OUTAGE_MS);
    proxy.freeze();
    await gone;
    await outage;
    const back = await restored(proxy, contexts);
    await untilLive(publications);
    const count = await publisher.stop();
    await until(() => publications.length >= count, 'all publications');
    assert.ok(back.wasRecovering && back.recovered, JSON.stringify(back));
    assertEachOnceInOrder(publications, count);
  });

  test('cut again and again while publications go on', { timeout: 60_000 }, async (t) => {
    const { proxy, publications, contexts } = await linkedSubscriber(t, 'long:flaky');
    const publisher = stream('long:flaky');
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
    const { proxy, client, publications, contexts } = await linkedSubscriber(t, 'too-long');
    await publish(server, 'too-long', 'before');
    await until(() => publications.length === 1, 'the publication before');
    await cut(proxy, client);
    for (let number = 0; number <= HISTORY; number += 1) await publish(server, 'too-long', number);
    const back = await restored(proxy, contexts);
    assert.equal(back.wasRecovering, true);
    assert.equal(back.recovered, false);
    assert.equal(back.streamPosition.offset, HISTORY + 2);
    await publish(server, 'too-long', 'after');
    await until(() => publications.at(-1)?.data === 'after', 'the publication after');
    assert.equal(publications.at(-1).offset, HISTORY + 3);
  });

  test('away while nothing happened: recovered, with nothing', { timeout: 60_000 }, async (t) => {
    const { proxy, client, publications, contexts } = await linkedSubscriber(t, 'quiet');
    await publish(server, 'quiet', 0);
    await until(() => publications.length === 1, 'the publication before');
    await cut(proxy, client);
    const back = await restored(proxy, contexts);
    assert.ok(back.wasRecovering && back.recovered, JSON.stringify(back));
    assert.equal(publications.length, 1);
  });
});
