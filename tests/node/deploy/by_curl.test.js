// The ways without a library by curl (and WebSocket inside HTTP/2), through the pages in deploy/, in every version of HTTP: what
// is published comes at once, Last-Event-ID and ETag get through, and so do refusals, the page's host and who leaves.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { ask as askApi, publish } from '../api.js';
import { until } from '../patience.js';
import { behind } from './behind.js';
import { Stream, ask, url, waysThrough } from './curl.js';
import { WebSocketInHttp2 } from './http2.js';
import { PROXIES } from './proxies.js';

const CONFIG = {
  uni_sse: { enabled: true },
  uni_http_stream: { enabled: true },
  uni_websocket: { enabled: true },
  poll: { enabled: true },
};
const TEST = { timeout: 120_000 };
const PATIENCE_MS = 30_000;
/** From a publication to its arrival. The machine may be busy: the quickest of several has to keep it. */
const PROMPT_MS = 2_000;
const TRIES = 5;
/** Before the first ping, which is how a server without a proxy's help finds out. */
const LEFT_MS = 15_000;

/** The same as a stream by WebSocket, inside HTTP/2. */
class Socket {
  pushes = [];
  isOver = false;

  constructor(t, place, way, path) {
    const socket = new WebSocketInHttp2(url(place, way, path, 'ws'), [], { ca: place.ca });
    socket.onmessage = ({ data }) => this.pushes.push(JSON.parse(data));
    socket.onclose = () => (this.isOver = true);
    this.leave = () => socket.close();
    t.after(this.leave);
  }
}

const ENDPOINTS = [
  { path: '/connection/uni_sse', Client: Stream, through: waysThrough },
  { path: '/connection/uni_http_stream', Client: Stream, through: waysThrough },
  {
    path: '/connection/uni_websocket',
    Client: Socket,
    through: (name) => waysThrough(name).filter(({ version }) => version === '2' && PROXIES[name].webSocketInHttp2),
  },
];

const published = ({ pushes }) => pushes.flatMap(({ pub }) => (pub === undefined ? [] : [pub.data]));

async function subscribed(client) {
  await until(() => client.pushes.some(({ subscribe }) => subscribe) || client.isOver, 'the subscription', PATIENCE_MS);
  assert.ok(!client.isOver, 'it goes on');
}

for (const name of Object.keys(PROXIES)) {
  describe(`by curl through ${name}`, { concurrency: 6 }, async () => {
    const place = await behind(name, CONFIG);

    for (const { path, Client, through } of ENDPOINTS) {
      for (const way of through(name)) {
        const title = `${path}, ${way.port}, HTTP/${way.version}`;
        const channel = `${path.split('/').at(-1)}-${name}-${way.port}-${way.version}`;

        test(`${title}: each publication comes at once, and a large one whole`, TEST, async (t) => {
          const client = new Client(t, place, way, `${path}?channels=${channel}`);
          await subscribed(client);
          const times = [];
          for (let number = 1; number <= TRIES; number += 1) {
            const began = Date.now();
            await publish(place.server, channel, number);
            // Nothing comes behind it that could push it out.
            await until(() => published(client).length === number, `publication ${number}`, PATIENCE_MS / 3);
            times.push(Date.now() - began);
          }
          assert.ok(Math.min(...times) < PROMPT_MS, `${times} ms`);
          const large = 'é'.repeat(150_000);
          await publish(place.server, channel, large);
          await until(() => published(client).length === TRIES + 1, 'a large one', PATIENCE_MS);
          assert.equal(published(client).at(-1), large);
          assert.ok(!client.isOver);
        });

        test(`${title}: who leaves is gone for the server, too`, TEST, async (t) => {
          const left = `left-${channel}`;
          const present = async () => (await askApi(place.server, 'presence_stats', { channel: left })).num_clients;
          const client = new Client(t, place, way, `${path}?channels=${left}`);
          await subscribed(client);
          assert.equal(await present(), 1);
          client.leave();
          await until(async () => (await present()) === 0, 'it is gone', LEFT_MS);
        });
      }
    }

    for (const way of waysThrough(name)) {
      test(`Last-Event-ID, ${way.port}, HTTP/${way.version}: what was missed follows`, TEST, async (t) => {
        const channel = `last-${name}-${way.port}-${way.version}`;
        const path = `/connection/uni_sse?channels=${channel}`;
        const first = new Stream(t, place, way, path);
        await subscribed(first);
        await publish(place.server, channel, 1);
        await until(() => published(first).length === 1, 'the first', PATIENCE_MS);
        const { last } = first;
        await publish(place.server, channel, 2);
        const second = new Stream(t, place, way, path, { 'Last-Event-ID': last });
        await publish(place.server, channel, 3);
        await until(() => published(second).length === 2, 'those that were missed', PATIENCE_MS);
        assert.deepEqual(published(second), [2, 3]);
      });

      test(`a poll, ${way.port}, HTTP/${way.version}: the answer, its tag, and a refusal`, TEST, async () => {
        const channel = `poll-${name}-${way.port}-${way.version}`;
        const poll = async (query, fields) => {
          const answer = await ask(place, way, `/connection/poll?channels=${channel}${query}`, fields);
          assert.equal(answer.version, way.version);
          return answer;
        };
        const first = await poll('');
        const { next } = JSON.parse(first.body);
        const same = [`&since=${encodeURIComponent(next)}`, { 'If-None-Match': first.tag }];
        assert.equal((await poll(...same)).status, 304);
        await publish(place.server, channel, 1);
        const second = await poll(...same);
        assert.deepEqual(JSON.parse(second.body).publications.map(({ data }) => data), [1]);
        assert.equal((await poll('&since=nonsense')).status, 400);
        assert.equal((await poll('&wait=many')).status, 400);
      });

      test(`Origin, ${way.port}, HTTP/${way.version}: a page of the same host and port may ask, and no other`, TEST, async () => {
        const own = new URL(url(place, way, '/')).origin;
        const asPage = async (Origin) => (await ask(place, way, '/connection/poll?channels=origin', { Origin })).status;
        assert.equal(await asPage(own), 200);
        assert.equal(await asPage(own.replace(/:\d+$/, '')), 403);
        assert.equal(await asPage(own.replace('127.0.0.1', 'localhost')), 403);
      });
    }
  });
}
