// The pages in deploy/, as they are: the unmodified client and the API through real nginx and HAProxy, plain and in TLS.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { after, describe, test } from 'node:test';
import { promisify } from 'node:util';

import { Centrifuge } from 'centrifuge';

import { publish } from '../api.js';
import { first, next, pause, until, within } from '../patience.js';
import { Server } from '../server.js';
import { listen, subscribed } from '../subscriber.js';
import { PROXIES, ReverseProxy } from './proxies.js';
import { ONE_WAY, TRANSPORTS, fetchWith } from './transports.js';

const run = promisify(execFile);

/** What the pages tell an operator to configure, and channels to look at. */
const CONFIG = {
  client: { insecure: true },
  http_server: { trusted_proxies: ['127.0.0.1'] },
  http_api: { insecure: true },
  log: { level: 'debug' },
  channel: { without_namespace: { history_size: 100, history_ttl: '300s', force_recovery: true } },
};
/** A connection may be silent for so long, and is pinged so often. */
const SILENCE_MS = 6_000;
const PING = { ping_interval: '3s', pong_timeout: '2900ms' };
/** Long enough to be cut twice over. */
const IDLE_MS = 2.5 * SILENCE_MS;
/** Time for an answer on a busy machine. */
const SOON_MS = 30_000;
const PORTS = [
  { port: 'plain', secure: false },
  { port: 'tls', secure: true },
];

/** A server with a proxy before it, until the tests of the moment are over. */
async function behind(name, config = {}, options = {}) {
  const merged = { ...CONFIG, ...config, client: { ...CONFIG.client, ...config.client } };
  const server = await Server.start({ config: merged });
  after(() => server.stop());
  const proxy = await ReverseProxy.start(name, server, options);
  after(() => proxy.stop());
  return { server, proxy, ca: await readFile(proxy.ca) };
}

function clientOf(transport, { proxy, ca }, { port, secure }, more = {}) {
  const { endpoint, ...options } = transport.client({ secure, host: `127.0.0.1:${proxy[port]}`, ca, ...more });
  return new Centrifuge(endpoint, { minReconnectDelay: 50, maxReconnectDelay: 300, timeout: SOON_MS, ...options });
}

async function connect(t, client) {
  t.after(() => client.disconnect());
  const came = next(client, 'connected', SOON_MS);
  client.connect();
  await came;
}

// Most of their time is waiting.
describe('through reverse proxies', { concurrency: 4 }, () => {
  for (const name of Object.keys(PROXIES)) {
    for (const transport of TRANSPORTS.filter(({ proxies }) => proxies.includes(name))) {
      describe(`${transport.name} through ${name}`, { concurrency: 6 }, async () => {
        const place = await behind(name, transport.config);
        const silent = await behind(name, { ...transport.config, client: PING }, { silenceMs: SILENCE_MS });
        const counted = await behind(name, { ...transport.config, client: { address_connection_limit: 1 } });

        for (const way of PORTS.filter(({ port }) => transport.ports.includes(port))) {
          test(`${way.port}: publications both ways, and what was missed`, async (t) => {
            const client = clientOf(transport, place, way);
            await connect(t, client);
            const channel = `${name}-${way.port}`;
            const { subscription, publications, contexts } = await subscribed(client, channel);
            await subscription.publish({ by: 'client' });
            await publish(place.server, channel, { by: 'api' });
            await until(() => publications.length === 2, 'both publications', SOON_MS);
            client.disconnect();
            await publish(place.server, channel, { by: 'api', missed: true });
            await connect(t, client);
            await until(() => publications.length === 3, 'the one that was missed', SOON_MS);
            assert.deepEqual(publications.map(({ data }) => data), [{ by: 'client' }, { by: 'api' }, { by: 'api', missed: true }]);
            assert.equal(contexts.at(-1).recovered, true);
            // Larger than any buffer on the way.
            const large = 'x'.repeat(300_000);
            await publish(place.server, channel, large);
            await until(() => publications.length === 4, 'a large one', SOON_MS);
            assert.equal(publications[3].data, large);
          });

          test(`${way.port}: pings keep an idle connection from the proxy's time-out`, async (t) => {
            const client = clientOf(transport, silent, way);
            await connect(t, client);
            const { publications } = await subscribed(client, `idle-${way.port}`);
            const events = listen(client);
            const lost = first(client, ['connecting', 'disconnected'], IDLE_MS).then(
              ({ name, context }) => assert.fail(`${name}: ${context.reason}`),
              (late) => late,
            );
            await lost;
            await publish(silent.server, `idle-${way.port}`, 'still there');
            await until(() => publications.length === 1, 'a publication on the same connection', SOON_MS);
            assert.deepEqual(events, []);
          });

          test(`${way.port}: clients are counted by their own addresses, whatever they say`, async (t) => {
            const headers = { 'X-Forwarded-For': '192.0.2.99', Forwarded: 'for=192.0.2.99', 'X-Real-IP': '192.0.2.99' };
            const [mine, theirs] = way.secure ? ['127.0.0.11', '127.0.0.12'] : ['127.0.0.13', '127.0.0.14'];
            await connect(t, clientOf(transport, counted, way, { from: mine, headers }));
            const second = clientOf(transport, counted, way, { from: mine, headers: { 'X-Forwarded-For': '192.0.2.98' } });
            t.after(() => second.disconnect());
            const refused = next(second, 'error', SOON_MS);
            second.connect();
            await refused;
            second.disconnect();
            await connect(t, clientOf(transport, counted, way, { from: theirs, headers }));
          });
        }
      });
    }

    describe(`the API through ${name}`, async () => {
      const { server, proxy } = await behind(name);
      const ways = [
        { words: ['--http1.1'], port: 'plain', version: '1.1' },
        { words: ['--http1.1'], port: 'tls', version: '1.1' },
        { words: ['--http2'], port: 'tls', version: '2' },
        // nginx would want a port of its own for it.
        ...(name === 'haproxy' ? [{ words: ['--http2-prior-knowledge'], port: 'plain', version: '2' }] : []),
      ];
      for (const { words, port, version } of ways) {
        test(`${port}, HTTP/${version}: a call is answered, and the log has the caller's address`, async () => {
          const from = `127.0.1.${1 + ways.findIndex((way) => way.port === port && way.version === version)}`;
          const url = `${port === 'tls' ? 'https' : 'http'}://127.0.0.1:${proxy[port]}/api/publish`;
          const common = ['--silent', '--show-error', '--max-time', '30', '--cacert', proxy.ca, '--interface', from];
          const spoofed = ['--header', 'X-Forwarded-For: 192.0.2.99', '--header', 'X-Real-IP: 192.0.2.99'];
          const call = ['--data', '{"channel":"a","data":1}', '--write-out', ' %{http_version} %{response_code}', url];
          const { stdout } = await run('curl', [...common, ...words, ...spoofed, ...call]);
          assert.match(stdout, new RegExp(`^\\{"result":.*\\} ${version} 200$`));
          await until(() => server.log.some((line) => line.includes(`peer=${from}:0`) && line.includes('/api/publish')), `${from} in the log`, SOON_MS);
          assert.ok(!server.log.some((line) => line.includes('192.0.2.99')));
        });
      }
    });

    for (const { name: transport, config, client, ports, open } of ONE_WAY) {
      describe(`${transport} through ${name}`, { concurrency: 2 }, async () => {
        const { server, proxy, ca } = await behind(name, { ...config, client: { ...client, ...PING } }, { silenceMs: SILENCE_MS });
        for (const { port, secure } of PORTS.filter(({ port }) => ports.includes(port))) {
          test(`${port}: pushes come at once, and after a long silence`, async (t) => {
            const [channel, heard, ends] = [`one-way-${port}`, [], []];
            const close = open({ secure, host: `127.0.0.1:${proxy[port]}`, ca, channel, hear: (push) => heard.push(push), lost: (why) => ends.push(why) });
            t.after(close);
            const data = () => heard.filter(({ pub }) => pub !== undefined).map(({ pub }) => pub.data);
            await until(() => heard.some(({ subscribe }) => subscribe !== undefined), 'it is subscribed', SOON_MS);
            await publish(server, channel, 'at once');
            await until(() => data().length === 1, 'a publication', SOON_MS);
            await pause(IDLE_MS);
            await publish(server, channel, 'still there');
            await until(() => data().length === 2, 'another', SOON_MS);
            assert.deepEqual({ data: data(), ends }, { data: ['at once', 'still there'], ends: [] });
          });
        }
      });
    }

    describe(`a long-poll through ${name}`, async () => {
      const { server, proxy, ca } = await behind(name, { poll: { enabled: true } });
      for (const { port, secure, allowH2 } of [...PORTS, { port: 'tls', secure: true, allowH2: true }]) {
        test(`${port}${allowH2 ? ', HTTP/2' : ''}: it waits, and its answer does not`, async () => {
          const poll = fetchWith({ ca, allowH2 });
          const channel = `poll-${name}-${port}-${allowH2 ?? false}`;
          const ask = async (query) => {
            const answer = await poll(`${secure ? 'https' : 'http'}://127.0.0.1:${proxy[port]}/connection/poll?channels=${channel}${query}`);
            assert.equal(answer.status, 200);
            return answer.json();
          };
          const { next: now } = await ask('');
          const waiting = ask(`&since=${encodeURIComponent(now)}&wait=20`);
          await pause(300);
          const began = Date.now();
          await publish(server, channel, { n: 1 });
          const { publications } = await waiting;
          assert.deepEqual(publications.map(({ data }) => data), [{ n: 1 }]);
          assert.ok(Date.now() - began < 10_000, 'the answer went through at once');
        });
      }
    });

    /** Without pings the page's time-out would cut: the test above would else say nothing. */
    test(`${name} cuts what is silent`, async (t) => {
      const place = await behind(name, {}, { silenceMs: SILENCE_MS });
      const client = clientOf(TRANSPORTS[0], place, PORTS[0]);
      await connect(t, client);
      await within(10 * SILENCE_MS, next(client, 'connecting', 10 * SILENCE_MS), 'the proxy ends it');
    });
  }
});
