// The unmodified library in a browser, forced onto each of its transports.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { publish } from '../api.js';
import { BackEnd } from '../backend.js';
import { until } from '../patience.js';
import { Proxy } from '../proxy.js';
import { Server } from '../server.js';
import { launch } from './chromium.js';
import { arrival, begin, elsewhere, libraryPage, publications, subscribe } from './visitor.js';

const TRANSPORTS = ['websocket', 'http_stream', 'sse'];
const TEST = { timeout: 180_000 };

const CONFIG = {
  client: { insecure: true },
  http_api: { insecure: true },
  http_stream: { enabled: true },
  sse: { enabled: true },
  channel: { without_namespace: { history_size: 300, history_ttl: '300s', force_recovery: true, presence: true } },
};

/** Pings often enough for a test to wait for one that does not come. */
const PINGING = { ...CONFIG, client: { ...CONFIG.client, ping_interval: '2s', pong_timeout: '1900ms' } };

let backEnd;
let server;
let pinging;
let browser;

before(async () => {
  backEnd = await BackEnd.start();
  backEnd.answer('rpc', ({ data }) => ({ result: { data: { sum: data.a + data.b } } }));
  const rpc = { proxy: { endpoint: backEnd.url('rpc'), timeout: '20s' }, without_namespace: { proxy_enabled: true } };
  const servers = [{ ...CONFIG, rpc }, PINGING].map((config) => Server.start({ config }));
  [server, pinging, browser] = await Promise.all([...servers, launch()]);
});

after(async () => {
  await browser?.close();
  await server?.stop();
  await pinging?.stop();
  await backEnd?.stop();
});

/** A visitor by that transport, over a link that can be cut; the page is of the link's own origin. */
async function visitor(t, transport, { to = server, ...options } = {}) {
  const link = await Proxy.start(to.port);
  t.after(() => link.stop());
  const { page } = await libraryPage(t, browser, link.origin);
  await begin(page, link.origin, [transport], options);
  const { transport: taken } = await arrival(page);
  assert.equal(taken, transport);
  return { server: to, link, page };
}

const numbers = (from, to) => Array.from({ length: to - from + 1 }, (_, index) => from + index);

async function publishNumbers(server, channel, from, to) {
  for (const number of numbers(from, to)) await publish(server, channel, number);
}

/** Publishes while the link is broken by `breaks` and comes back: everything arrives, once and in order. */
async function acrossALoss({ server, link, page }, channel, breaks) {
  await subscribe(page, channel);
  await publishNumbers(server, channel, 1, 5);
  await publications(page, 5);
  const streaming = publishNumbers(server, channel, 6, 60);
  breaks();
  await page.waitForFunction(() => window.told.filter(({ name }) => name === 'connecting').length >= 2);
  await streaming;
  await publishNumbers(server, channel, 61, 70);
  link.restore();
  await page.waitForFunction(() => window.places.length >= 2);
  await publishNumbers(server, channel, 71, 75);
  assert.deepEqual(await publications(page, 75), numbers(1, 75));
  assert.deepEqual(await page.evaluate(() => window.places.at(-1)), { wasRecovering: true, recovered: true });
}

for (const transport of TRANSPORTS) {
  describe(transport, { concurrency: 5 }, () => {
    test('publications of both, history, presence, rpc and an end', TEST, async (t) => {
      const { page } = await visitor(t, transport);
      const channel = `talk-${transport}`;
      await subscribe(page, channel);
      await page.evaluate(() => window.subscription.publish({ by: 'page', text: 'Grüße 👋' }));
      await publish(server, channel, { by: 'api' });
      const both = [{ by: 'page', text: 'Grüße 👋' }, { by: 'api' }];
      assert.deepEqual(await publications(page, 2), both);
      const answers = await page.evaluate(async () => {
        const { publications } = await window.subscription.history({ limit: 10 });
        const { clients } = await window.subscription.presence();
        const { numClients } = await window.subscription.presenceStats();
        const { data } = await window.client.rpc('add', { a: 1, b: 2 });
        return { history: publications.map(({ data }) => data), clients: Object.keys(clients).length, numClients, sum: data.sum };
      });
      assert.deepEqual(answers, { history: both, clients: 1, numClients: 1, sum: 3 });

      await page.evaluate(
        () =>
          new Promise((resolve) => {
            window.subscription.removeAllListeners('unsubscribed').once('unsubscribed', resolve);
            window.subscription.unsubscribe();
          }),
      );
      // Another command behind it: what is unsubscribed is known to the server once it has been answered.
      await page.evaluate((channel) => window.client.history(channel, { limit: 1 }), channel);
      await publish(server, channel, { by: 'api', unheard: true });
      await page.evaluate((channel) => window.client.publish(channel, { by: 'page', unheard: true }), channel);
      assert.deepEqual(await page.evaluate(() => window.publications), both);
      assert.deepEqual(await page.evaluate(() => window.told.filter(({ name }) => name === 'error')), []);
      const end = await page.evaluate(
        () =>
          new Promise((resolve) => {
            window.client.once('disconnected', resolve);
            window.client.disconnect();
          }),
      );
      assert.equal(end.code, 0);
    });

    test('a large publication and many small ones come whole and in order', TEST, async (t) => {
      const { page } = await visitor(t, transport);
      const channel = `bulk-${transport}`;
      await subscribe(page, channel);
      await publish(server, channel, 'é'.repeat(150_000));
      await Promise.all(Array.from({ length: 10 }, () => publishNumbers(server, channel, 1, 20)));
      const [large, ...small] = await publications(page, 201);
      assert.equal(large, 'é'.repeat(150_000));
      assert.deepEqual(small.toSorted((a, b) => a - b), numbers(1, 20).flatMap((number) => Array(10).fill(number)));
    });

    test('a link that is cut: nothing is lost', TEST, async (t) => {
      const opened = await visitor(t, transport);
      await acrossALoss(opened, `cut-${transport}`, () => opened.link.cut());
    });

    test('a link that goes dead: pings tell, and nothing is lost', TEST, async (t) => {
      const opened = await visitor(t, transport, { to: pinging, maxServerPingDelay: 3_000, timeout: 5_000 });
      await acrossALoss(opened, `dead-${transport}`, () => {
        opened.link.freeze();
        // For new connections.
        opened.link.restore();
      });
    });

    test('a page of another origin is let in if it is on the list', TEST, async (t) => {
      const [friend, stranger] = await Promise.all([elsewhere(t), elsewhere(t)]);
      const picky = await Server.start({ config: { ...CONFIG, client: { ...CONFIG.client, allowed_origins: [friend] } } });
      t.after(() => picky.stop());

      const { page } = await libraryPage(t, browser, friend);
      await begin(page, picky.origin, [transport]);
      await arrival(page);
      await subscribe(page, 'across');
      await page.evaluate(() => window.subscription.publish('from elsewhere'));
      assert.deepEqual(await publications(page, 1), ['from elsewhere']);

      const other = await libraryPage(t, browser, stranger);
      await begin(other.page, picky.origin, [transport]);
      await other.page.waitForFunction(() => window.told.filter(({ name }) => name === 'error').length >= 2);
      assert.ok(await other.page.evaluate(() => window.told.every(({ name }) => name !== 'connected')));
      await until(() => other.faults.length > 0, 'the browser says why');
    });
  });
}
