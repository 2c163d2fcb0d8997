// The unmodified library in a browser, in networks that break one transport or another: what it falls back to, and what an
// application has to add where it does not.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { publish } from '../api.js';
import { until } from '../patience.js';
import { Server } from '../server.js';
import { launch } from './chromium.js';
import { HOLDS, Middlebox, UPGRADES } from './middlebox.js';
import { arrival, barePage, begin, libraryPage, publications, subscribe } from './visitor.js';

const ALL = ['websocket', 'http_stream', 'sse'];
const TEST = { timeout: 180_000 };

const CONFIG = {
  client: { insecure: true },
  http_api: { insecure: true },
  http_stream: { enabled: true },
  sse: { enabled: true },
  poll: { enabled: true },
  channel: { without_namespace: { history_size: 300, history_ttl: '300s', force_recovery: true } },
};

let server;
let browser;

before(async () => {
  [server, browser] = await Promise.all([Server.start({ config: CONFIG }), launch()]);
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

async function behind(t, middlebox) {
  const box = await Middlebox.start(server.port, middlebox);
  t.after(() => box.stop());
  return box;
}

/** It works, both ways. */
async function talk(page, channel) {
  await subscribe(page, channel);
  await page.evaluate(() => window.subscription.publish('from the page'));
  await publish(server, channel, 'from the api');
  assert.deepEqual((await publications(page, 2)).toSorted(), ['from the api', 'from the page']);
}

const paths = (box) => [...new Set(box.asked.map((asked) => asked.split(' ')[1]))].filter((path) => path.startsWith('/connection/'));

describe('the first that works is taken', { concurrency: 5 }, () => {
  const ROWS = [
    { name: 'nothing is in the way', middlebox: {}, taken: 'websocket' },
    { name: 'upgrades are refused with 400', middlebox: { upgrade: UPGRADES.refuse400 }, taken: 'http_stream' },
    { name: 'upgrades are refused with 501', middlebox: { upgrade: UPGRADES.refuse501 }, taken: 'http_stream' },
    { name: 'answers are held back, upgrades pass', middlebox: { holds: HOLDS.everything }, taken: 'websocket' },
    {
      name: 'upgrades are refused, and answers held back that are no events',
      middlebox: { upgrade: UPGRADES.refuse400, holds: HOLDS.allButEvents },
      taken: 'sse',
      // How long what is held back is waited for.
      options: { timeout: 5_000 },
    },
  ];
  for (const { name, middlebox, taken, options } of ROWS) {
    test(name, TEST, async (t) => {
      const box = await behind(t, middlebox);
      const { page } = await libraryPage(t, browser, box.origin);
      await begin(page, box.origin, ALL, options);
      const { transport } = await arrival(page);
      assert.equal(transport, taken);
      const tried = ALL.slice(0, ALL.indexOf(taken) + 1);
      assert.deepEqual(paths(box), tried.map((way) => `/connection/${way}`));
      await talk(page, `first-${name.replaceAll(/\W+/g, '-')}`);
    });
  }
});

describe('upgrades pass and are cut at once', { concurrency: 5 }, () => {
  const CUT = { upgrade: UPGRADES.cut };

  // For the library a WebSocket that has opened is one that works: it comes back to it for ever.
  test('the library alone stays with WebSocket', TEST, async (t) => {
    const box = await behind(t, CUT);
    const { page } = await libraryPage(t, browser, box.origin);
    await begin(page, box.origin, ALL);
    await until(() => box.count('/connection/websocket') >= 2 * ALL.length, 'it tries again and again', 60_000);
    assert.deepEqual(paths(box), ['/connection/websocket']);
  });

  test('streams first: the others are not needed', TEST, async (t) => {
    const box = await behind(t, CUT);
    const { page } = await libraryPage(t, browser, box.origin);
    await begin(page, box.origin, ['http_stream', 'sse', 'websocket']);
    assert.equal((await arrival(page)).transport, 'http_stream');
    await talk(page, 'cut-streams-first');
  });

  test('an application that moves on after three ends without a beginning gets its messages', TEST, async (t) => {
    const box = await behind(t, CUT);
    const { page } = await libraryPage(t, browser, box.origin);
    await page.evaluate(
      ({ origin, ways }) => {
        // As docs/transports.md has it.
        function start(transports, options, use) {
          const client = new window.Centrifuge(transports, options);
          let ends = 0;
          client.on('connected', () => (ends = -Infinity));
          client.on('error', ({ type, error }) => {
            if (type === 'connect' && error.code === 11) ends += 1; // opened, and closed with no answer
            if (ends < 3 || transports.length === 1) return;
            client.disconnect();
            start(transports.slice(1), options, use);
          });
          use(client);
          client.connect();
        }
        window.told = [];
        const transports = ways.map((transport) => ({ transport, endpoint: `${origin}/connection/${transport}` }));
        start(transports, { emulationEndpoint: `${origin}/emulation`, minReconnectDelay: 50, maxReconnectDelay: 300 }, (client) => {
          window.client = client;
          client.on('connected', (context) => window.told.push({ name: 'connected', context }));
        });
      },
      { origin: box.origin, ways: ALL },
    );
    assert.equal((await arrival(page)).transport, 'http_stream');
    await talk(page, 'cut-moved-on');
  });
});

test('all answers are held back and upgrades refused: long-polls get through', TEST, async (t) => {
  const box = await behind(t, { upgrade: UPGRADES.refuse400, holds: HOLDS.everything });
  const { page } = await libraryPage(t, browser, box.origin);
  await begin(page, box.origin, ALL, { timeout: 1_500 });
  await until(() => paths(box).length === ALL.length, 'each is tried', 60_000);
  const told = await page.evaluate(() => {
    window.client.disconnect();
    return window.told.map(({ name }) => name);
  });
  assert.ok(!told.includes('connected'));

  const poller = await barePage(t, browser, box.origin);
  await poller.page.evaluate(async () => {
    window.publications = [];
    const ask = async (more) => (await fetch(`/connection/poll?channels=held${more}`)).json();
    let { next } = await ask('');
    (async () => {
      for (;;) {
        const answer = await ask(`&since=${next}&wait=10`);
        next = answer.next;
        window.publications.push(...answer.publications.map(({ data }) => data));
      }
    })();
  });
  for (const number of [1, 2, 3]) await publish(server, 'held', number);
  assert.deepEqual(await publications(poller.page, 3), [1, 2, 3]);
});
