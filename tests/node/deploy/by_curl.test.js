// The ways without a library by curl (and WebSocket inside HTTP/2), through the pages in deploy/, in every version of HTTP: what
// is published comes at once, Last-Event-ID and ETag get through, and so do refusals.

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { after, describe, test } from 'node:test';
import { promisify } from 'node:util';

import { publish } from '../api.js';
import { until } from '../patience.js';
import { Server } from '../server.js';
import { WebSocketInHttp2 } from './http2.js';
import { PROXIES, ReverseProxy } from './proxies.js';

const run = promisify(execFile);

const CONFIG = {
  client: { insecure: true },
  http_server: { trusted_proxies: ['127.0.0.1'] },
  http_api: { insecure: true },
  channel: { without_namespace: { history_size: 100, history_ttl: '300s', force_recovery: true } },
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

const HTTP1 = { port: 'plain', version: '1.1', words: ['--http1.1'] };
const WAYS = {
  // nginx would want a port of its own for HTTP/2 without TLS, and knows no WebSocket inside HTTP/2.
  nginx: [HTTP1, { port: 'tls', version: '1.1', words: ['--http1.1'] }, { port: 'tls', version: '2', words: ['--http2'] }],
  haproxy: [
    HTTP1,
    { port: 'plain', version: '2', words: ['--http2-prior-knowledge'] },
    { port: 'tls', version: '1.1', words: ['--http1.1'] },
    { port: 'tls', version: '2', words: ['--http2'] },
  ],
};

const url = ({ proxy }, { port }, path, scheme = 'http') => `${scheme}${port === 'tls' ? 's' : ''}://127.0.0.1:${proxy[port]}${path}`;

/** A stream by curl, for as long as the test lasts. */
class Curl {
  #text = '';

  isOver = false;

  constructor(t, place, way, path, fields = {}) {
    const headers = Object.entries(fields).flatMap(([name, value]) => ['--header', `${name}: ${value}`]);
    const words = ['--silent', '--no-buffer', '--max-time', '100', '--cacert', place.proxy.ca, ...way.words, ...headers];
    const child = spawn('curl', [...words, url(place, way, path)], { stdio: ['ignore', 'pipe', 'inherit'] });
    child.stdout.setEncoding('utf8').on('data', (text) => (this.#text += text));
    child.once('exit', () => (this.isOver = true));
    t.after(() => child.kill('SIGKILL'));
  }

  /** What has come whole: JSON, behind `data: ` where it is events. */
  get pushes() {
    const whole = this.#text.slice(0, this.#text.lastIndexOf('\n') + 1).split('\n');
    const told = whole.map((line) => line.replace(/^data: /, '')).filter((line) => line.startsWith('{'));
    return told.map((line) => JSON.parse(line));
  }

  /** Of events: where the client stands. */
  get last() {
    return this.#text.match(/^id: .*$/gm)?.at(-1).slice(4);
  }
}

/** The same by WebSocket, inside HTTP/2. */
class Socket {
  pushes = [];
  isOver = false;

  constructor(t, place, way, path) {
    const socket = new WebSocketInHttp2(url(place, way, path, 'ws'), [], { ca: place.ca });
    socket.onmessage = ({ data }) => this.pushes.push(JSON.parse(data));
    socket.onclose = () => (this.isOver = true);
    t.after(() => socket.close());
  }
}

const ENDPOINTS = [
  { path: '/connection/uni_sse', Client: Curl, ways: WAYS },
  { path: '/connection/uni_http_stream', Client: Curl, ways: WAYS },
  { path: '/connection/uni_websocket', Client: Socket, ways: { nginx: [], haproxy: WAYS.haproxy.filter(({ version }) => version === '2') } },
];

const published = ({ pushes }) => pushes.flatMap(({ pub }) => (pub === undefined ? [] : [pub.data]));

async function subscribed(client) {
  await until(() => client.pushes.some(({ subscribe }) => subscribe) || client.isOver, 'the subscription', PATIENCE_MS);
  assert.ok(!client.isOver, 'it goes on');
}

for (const name of Object.keys(PROXIES)) {
  describe(`by curl through ${name}`, { concurrency: 6 }, async () => {
    const server = await Server.start({ config: CONFIG });
    after(() => server.stop());
    const proxy = await ReverseProxy.start(name, server);
    after(() => proxy.stop());
    const place = { server, proxy, ca: await readFile(proxy.ca) };

    for (const { path, Client, ways } of ENDPOINTS) {
      for (const way of ways[name]) {
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
      }
    }

    for (const way of WAYS[name]) {
      test(`Last-Event-ID, ${way.port}, HTTP/${way.version}: what was missed follows`, TEST, async (t) => {
        const channel = `last-${name}-${way.port}-${way.version}`;
        const path = `/connection/uni_sse?channels=${channel}`;
        const first = new Curl(t, place, way, path);
        await subscribed(first);
        await publish(place.server, channel, 1);
        await until(() => published(first).length === 1, 'the first', PATIENCE_MS);
        const { last } = first;
        await publish(place.server, channel, 2);
        const second = new Curl(t, place, way, path, { 'Last-Event-ID': last });
        await publish(place.server, channel, 3);
        await until(() => published(second).length === 2, 'those that were missed', PATIENCE_MS);
        assert.deepEqual(published(second), [2, 3]);
      });

      test(`a poll, ${way.port}, HTTP/${way.version}: the answer, its tag, and a refusal`, TEST, async () => {
        const channel = `poll-${name}-${way.port}-${way.version}`;
        const ask = async (query, more = []) => {
          const words = ['--silent', '--show-error', '--include', '--max-time', '60', '--cacert', place.proxy.ca, ...way.words, ...more];
          const { stdout } = await run('curl', [...words, url(place, way, `/connection/poll?channels=${channel}${query}`)]);
          const [head, body] = stdout.split('\r\n\r\n');
          const [, version, status] = /^HTTP\/(\S+) (\d+)/.exec(head);
          assert.equal(version, way.version);
          return { status: Number(status), tag: /^etag: (.*)$/im.exec(head)?.[1], body };
        };
        const first = await ask('');
        const { next } = JSON.parse(first.body);
        const same = [`&since=${encodeURIComponent(next)}`, ['--header', `If-None-Match: ${first.tag}`]];
        assert.equal((await ask(...same)).status, 304);
        await publish(place.server, channel, 1);
        const second = await ask(...same);
        assert.deepEqual(JSON.parse(second.body).publications.map(({ data }) => data), [1]);
        assert.equal((await ask('&since=nonsense')).status, 400);
        assert.equal((await ask('&wait=many')).status, 400);
      });
    }
  });
}
