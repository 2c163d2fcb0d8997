// The pages in deploy/, as they are: the unmodified client and the API through real nginx, HAProxy and Caddy, plain and in TLS.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { Centrifuge } from 'centrifuge';

import { publish } from '../api.js';
import { first, next, pause, until, within } from '../patience.js';
import { listen, subscribed } from '../subscriber.js';
import { behind } from './behind.js';
import { ask, waysThrough } from './curl.js';
import { PROXIES } from './proxies.js';
import { ONE_WAY, TRANSPORTS, fetchWith } from './transports.js';

/** A connection may be silent for so long, and is pinged so often. */
const SILENCE_MS = 9_000;
const PING = { ping_interval: '5s', pong_timeout: '4900ms' };
/** Long enough to be cut twice over. */
const IDLE_MS = 2.2 * SILENCE_MS;
/** Time for an answer on a busy machine. */
const SOON_MS = 30_000;
const PORTS = [
  { port: 'plain', secure: false },
  { port: 'tls', secure: true },
];

function clientOf(transport, { proxy, ca }, { port, secure }, more = {}) {
  const { endpoint, ...options } = transport.client({ secure, host: `127.0.0.1:${proxy[port]}`, ca, ...more });
  return new Centrifuge(endpoint, { minReconnectDelay: 50, maxReconnectDelay: 300, timeout: SOON_MS, ...options });
}

/** `server` is whose log is shown where that fails. */
async function connect(t, client, { server }) {
  t.after(() => client.disconnect());
  const came = next(client, 'connected', SOON_MS);
  client.connect();
  await came.catch((error) => {
    throw new Error(`${error.message}\n${server.log.slice(-40).join('\n')}`);
  });
}

// Most of their time is waiting.
describe('through reverse proxies', { concurrency: 8 }, () => {
  for (const name of Object.keys(PROXIES)) {
    for (const transport of TRANSPORTS.filter(({ needs }) => needs === undefined || PROXIES[name][needs])) {
      describe(`${transport.name} through ${name}`, { concurrency: 6 }, async () => {
        const place = await behind(name, transport.config);
        const silent = await behind(name, { ...transport.config, client: PING }, { silenceMs: SILENCE_MS });
        const counted = await behind(name, { ...transport.config, client: { address_connection_limit: 1 } });

        for (const way of PORTS.filter(({ port }) => transport.ports.includes(port))) {
          test(`${way.port}: publications both ways, and what was missed`, async (t) => {
            const client = clientOf(transport, place, way);
            await connect(t, client, place);
            const channel = `${name}-${way.port}`;
            const { subscription, publications, contexts } = await subscribed(client, channel);
            await subscription.publish({ by: 'client' });
            await publish(place.server, channel, { by: 'api' });
            await until(() => publications.length === 2, 'both publications', SOON_MS);
            client.disconnect();
            await publish(place.server, channel, { by: 'api', missed: true });
            await connect(t, client, place);
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
            await connect(t, client, silent);
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
            await connect(t, clientOf(transport, counted, way, { from: mine, headers }), counted);
            const second = clientOf(transport, counted, way, { from: mine, headers: { 'X-Forwarded-For': '192.0.2.98' } });
            t.after(() => second.disconnect());
            const refused = next(second, 'error', SOON_MS);
            second.connect();
            await refused;
            second.disconnect();
            await connect(t, clientOf(transport, counted, way, { from: theirs, headers }), counted);
          });
        }
      });
    }

    describe(`the API through ${name}`, async () => {
      const place = await behind(name);
      for (const [index, way] of waysThrough(name).entries()) {
        test(`${way.port}, HTTP/${way.version}: a call is answered, and the log has the caller's address`, async () => {
          const { log } = place.server;
          const from = `127.0.1.${1 + index}`;
          const spoofed = { 'X-Forwarded-For': '192.0.2.99', 'X-Real-IP': '192.0.2.99' };
          const words = ['--interface', from, '--data', '{"channel":"a","data":1}'];
          const { version, status, body } = await ask(place, way, '/api/publish', spoofed, words);
          assert.deepEqual({ version, status }, { version: way.version, status: 200 });
          assert.match(body, /^\{"result":.*\}$/);
          await until(() => log.some((line) => line.includes(`peer=${from}:0`) && line.includes('/api/publish')), `${from} in the log`, SOON_MS);
          assert.ok(!log.some((line) => line.includes('192.0.2.99')));
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

    if (!PROXIES[name].cutsSilence) continue;
    /** Without pings the page's time-out would cut: the test above would else say nothing. */
    test(`${name} cuts what is silent`, async (t) => {
      const place = await behind(name, {}, { silenceMs: SILENCE_MS });
      const client = clientOf(TRANSPORTS[0], place, PORTS[0]);
      await connect(t, client, place);
      await within(10 * SILENCE_MS, next(client, 'connecting', 10 * SILENCE_MS), 'the proxy ends it');
    });
  }
});
