// What browsers bring themselves, with no library: EventSource, WebSocket and fetch on the endpoints that go one way.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { publish } from '../api.js';
import { until } from '../patience.js';
import { Proxy } from '../proxy.js';
import { Server } from '../server.js';
import { launch } from './chromium.js';
import { barePage } from './visitor.js';

const TEST = { timeout: 180_000 };
const kept = { history_size: 300, history_ttl: '300s', force_recovery: true };
const anyone = { allow_subscribe_for_client: true, allow_subscribe_for_anonymous: true };

const CONFIG = {
  client: { allow_anonymous_connect_without_token: true, ping_interval: '2s', pong_timeout: '1900ms' },
  http_api: { insecure: true },
  uni_sse: { enabled: true },
  uni_http_stream: { enabled: true },
  uni_websocket: { enabled: true },
  channel: { without_namespace: { ...kept, ...anyone }, namespaces: [{ name: 'secret', ...kept }] },
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

/** A page whose link to the server can be cut. */
async function visitor(t) {
  const link = await Proxy.start(server.port);
  t.after(() => link.stop());
  const { page } = await barePage(t, browser, link.origin);
  await page.evaluate(() => {
    window.pushes = [];
    window.take = (text) => window.pushes.push(JSON.parse(text));
  });
  return { link, page };
}

/** Opens `window.source`, whose pushes are kept, and waits until it is subscribed. */
async function open(page, query) {
  await page.evaluate((query) => {
    window.states = [];
    window.source = new EventSource(`/connection/uni_sse?${query}`);
    window.source.onmessage = ({ data, lastEventId }) => {
      window.last = lastEventId;
      window.take(data);
    };
    window.source.onopen = () => window.states.push('open');
    window.source.onerror = () => window.states.push(['connecting', 'open', 'closed'][window.source.readyState]);
  }, query);
  await places(page, query.split('channels=')[1].split(',').length);
}

/** Waits for that many pushes of the kind `subscribe`, and returns them all. */
async function places(page, count) {
  await page.waitForFunction((count) => window.pushes.filter(({ subscribe }) => subscribe).length >= count, count);
  return page.evaluate(() => window.pushes.flatMap(({ subscribe }) => subscribe ?? []));
}

/** Waits for that many publications, and returns the payloads of all by channel. */
async function publications(page, count) {
  await page.waitForFunction((count) => window.pushes.filter(({ pub }) => pub).length >= count, count);
  return page.evaluate(() => {
    const found = {};
    for (const { channel, pub } of window.pushes) if (pub) (found[channel] ??= []).push(pub.data);
    return found;
  });
}

const numbers = (from, to) => Array.from({ length: to - from + 1 }, (_, index) => from + index);

/** Of each channel these numbers, now to one and now to the other. */
async function publishNumbers(channels, from, to) {
  for (const number of numbers(from, to)) for (const channel of channels) await publish(server, channel, number);
}

const state = (page, state, count = 1) =>
  page.waitForFunction(({ state, count }) => window.states.filter((one) => one === state).length >= count, { state, count });

describe('EventSource', { concurrency: 4 }, () => {
  test('it hears of several channels', TEST, async (t) => {
    const { page } = await visitor(t);
    await open(page, 'channels=news,talk');
    await publish(server, 'news', { text: 'Grüße\n\nvon hier 👋' });
    await publish(server, 'talk', 'é'.repeat(150_000));
    await publish(server, 'other', 'not asked for');
    await publish(server, 'news', null);
    const found = await publications(page, 3);
    assert.deepEqual(found, { news: [{ text: 'Grüße\n\nvon hier 👋' }, null], talk: ['é'.repeat(150_000)] });
    const [first] = await page.evaluate(() => window.pushes);
    assert.match(first.connect.client, /\S/);
  });

  test('it is cut, again and again, and comes back by itself with nothing missing', TEST, async (t) => {
    const { link, page } = await visitor(t);
    const channels = ['cut-a', 'cut-b'];
    await open(page, `channels=${channels}`);
    let last = 0;
    for (const round of [1, 2]) {
      const streaming = publishNumbers(channels, last + 1, last + 40);
      await page.waitForFunction((last) => window.pushes.some(({ pub }) => pub?.data === last), last + 5);
      link.cut();
      await streaming;
      last += 40;
      // What comes in between is refused: it tries again.
      await state(page, 'connecting', round);
      link.restore();
      await state(page, 'open', round + 1);
    }
    await publishNumbers(channels, last + 1, last + 5);
    const all = numbers(1, last + 5);
    assert.deepEqual(await publications(page, 2 * all.length), { 'cut-a': all, 'cut-b': all });
    const found = await places(page, 6);
    assert.deepEqual(found.map(({ was_recovering, recovered }) => [was_recovering, recovered]), [
      ...Array(2).fill([undefined, undefined]),
      ...Array(4).fill([true, true]),
    ]);
  });

  test('a link that goes dead and breaks later: nothing is missing', TEST, async (t) => {
    const { link, page } = await visitor(t);
    const channels = ['dead-a', 'dead-b'];
    await open(page, `channels=${channels}`);
    await publishNumbers(channels, 1, 5);
    await publications(page, 10);
    link.freeze();
    await publishNumbers(channels, 6, 30);
    link.cut();
    link.restore();
    await state(page, 'open', 2);
    await publishNumbers(channels, 31, 35);
    assert.deepEqual(await publications(page, 70), { 'dead-a': numbers(1, 35), 'dead-b': numbers(1, 35) });
  });

  test('a page that misses the pings opens anew with where it was', TEST, async (t) => {
    const { link, page } = await visitor(t);
    const channels = ['missed-a', 'missed-b'];
    await open(page, `channels=${channels}`);
    await publishNumbers(channels, 1, 5);
    await publications(page, 10);
    link.freeze();
    await publishNumbers(channels, 6, 10);
    link.restore();
    // Nothing tells the browser that the link is dead: the page looks at the clock. Another connection that the browser has kept
    // may be as dead, so it goes on looking until it hears something.
    await page.evaluate(
      (query) =>
        new Promise((resolve) => {
          let heard = Date.now();
          window.source.addEventListener('message', () => (heard = Date.now()));
          const watch = setInterval(() => {
            if (Date.now() - heard < 5_000) return;
            heard = Date.now();
            window.source.close();
            const { onmessage } = window.source;
            window.source = new EventSource(`/connection/uni_sse?${query}&since=${encodeURIComponent(window.last)}`);
            window.source.onmessage = onmessage;
            window.source.addEventListener('message', () => resolve(clearInterval(watch)), { once: true });
          }, 100);
        }),
      `channels=${channels}`,
    );
    assert.deepEqual(await publications(page, 20), { 'missed-a': numbers(1, 10), 'missed-b': numbers(1, 10) });
    // The browser's own position is newer than the one in the address.
    link.cut();
    await publishNumbers(channels, 11, 15);
    link.restore();
    assert.deepEqual(await publications(page, 30), { 'missed-a': numbers(1, 15), 'missed-b': numbers(1, 15) });
  });

  test('what is refused is not tried again', TEST, async (t) => {
    const { page } = await visitor(t);
    const statuses = [];
    page.on('response', (response) => statuses.push(response.status()));
    const end = await page.evaluate(
      () =>
        new Promise((resolve) => {
          const source = new EventSource('/connection/uni_sse?channels=open,secret:a');
          source.onerror = () => resolve(source.readyState);
        }),
    );
    assert.equal(end, 2, 'closed, for good');
    await until(() => statuses.length > 0, 'the status');
    assert.deepEqual(statuses, [403]);
  });
});

test('a WebSocket with nothing but an address', TEST, async (t) => {
  const { page } = await visitor(t);
  await page.evaluate(() => {
    window.socket = new WebSocket(`ws://${location.host}/connection/uni_websocket?channels=ws-a,ws-b`);
    window.socket.onmessage = ({ data }) => window.take(data);
  });
  const [a, b] = await places(page, 2);
  await publishNumbers(['ws-a', 'ws-b'], 1, 3);
  assert.deepEqual(await publications(page, 6), { 'ws-a': [1, 2, 3], 'ws-b': [1, 2, 3] });

  // Another begins where the first one did.
  await page.evaluate((since) => {
    window.socket.close();
    window.pushes = [];
    const address = `ws://${location.host}/connection/uni_websocket?channels=ws-a,ws-b&since=${since}`;
    new WebSocket(address).onmessage = ({ data }) => window.take(data);
  }, `ws-a:1:${a.epoch},ws-b:1:${b.epoch}`);
  assert.deepEqual(await publications(page, 4), { 'ws-a': [2, 3], 'ws-b': [2, 3] });

  const refused = await page.evaluate(
    () =>
      new Promise((resolve) => {
        const socket = new WebSocket(`ws://${location.host}/connection/uni_websocket?channels=secret:a`);
        socket.onclose = ({ code }) => resolve(code);
      }),
  );
  assert.equal(refused, 3507);
});

test('fetch, line by line', TEST, async (t) => {
  const { page } = await visitor(t);
  await page.evaluate(() => {
    const read = async () => {
      const answer = await fetch('/connection/uni_http_stream?channels=lines-a,lines-b');
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      let rest = '';
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        const lines = (rest + value).split('\n');
        rest = lines.pop();
        for (const line of lines) window.take(line);
      }
    };
    read();
  });
  await places(page, 2);
  await publishNumbers(['lines-a', 'lines-b'], 1, 3);
  await publish(server, 'lines-a', 'é\n'.repeat(50_000));
  assert.deepEqual(await publications(page, 7), { 'lines-a': [1, 2, 3, 'é\n'.repeat(50_000)], 'lines-b': [1, 2, 3] });
  await page.waitForFunction(() => window.pushes.some((push) => Object.keys(push).length === 0));
  const status = await page.evaluate(async () => (await fetch('/connection/uni_http_stream?channels=secret:a')).status);
  assert.equal(status, 403);
});
