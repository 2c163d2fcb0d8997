// The pages in deploy/, as they are: the unmodified client and the API through real nginx and HAProxy, plain and in TLS.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';

import { Centrifuge } from 'centrifuge';

import { publish } from '../api.js';
import { first, next, pause, until, within } from '../patience.js';
import { listen, subscribed } from '../subscriber.js';
import { PING, SILENCE_MS, behind } from './place.js';
import { PROXIES } from './proxies.js';
import { TRANSPORTS, fetchWith } from './transports.js';

const run = promisify(execFile);

const PORTS = [
  { port: 'plain', secure: false },
  { port: 'tls', secure: true },
];

function clientOf(transport, { proxy, ca }, { port, secure }, more = {}) {
  const { endpoint, ...options } = transport.client({ secure, host: `127.0.0.1:${proxy[port]}`, ca, ...more });
  return new Centrifuge(endpoint, { minReconnectDelay: 50, maxReconnectDelay: 300, timeout: 8_000, ...options });
}

async function connect(t, client) {
  t.after(() => client.disconnect());
  const came = next(client, 'connected');
  client.connect();
  await came;
}

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
          await until(() => publications.length === 2, 'both publications');
          client.disconnect();
          await publish(place.server, channel, { by: 'api', missed: true });
          await connect(t, client);
          await until(() => publications.length === 3, 'the one that was missed');
          assert.deepEqual(publications.map(({ data }) => data), [{ by: 'client' }, { by: 'api' }, { by: 'api', missed: true }]);
          assert.equal(contexts.at(-1).recovered, true);
          // Larger than any buffer on the way.
          const large = 'x'.repeat(300_000);
          await publish(place.server, channel, large);
          await until(() => publications.length === 4, 'a large one');
          assert.equal(publications[3].data, large);
        });

        test(`${way.port}: pings keep an idle connection from the proxy's time-out`, async (t) => {
          const client = clientOf(transport, silent, way);
          await connect(t, client);
          const { publications } = await subscribed(client, `idle-${way.port}`);
          const events = listen(client);
          const lost = first(client, ['connecting', 'disconnected'], 3 * SILENCE_MS).then(
            ({ name, context }) => assert.fail(`${name}: ${context.reason}`),
            (late) => late,
          );
          await lost;
          await publish(silent.server, `idle-${way.port}`, 'still there');
          await until(() => publications.length === 1, 'a publication on the same connection');
          assert.deepEqual(events, []);
        });

        test(`${way.port}: clients are counted by their own addresses, whatever they say`, async (t) => {
          const headers = { 'X-Forwarded-For': '192.0.2.99', Forwarded: 'for=192.0.2.99', 'X-Real-IP': '192.0.2.99' };
          const [mine, theirs] = way.secure ? ['127.0.0.11', '127.0.0.12'] : ['127.0.0.13', '127.0.0.14'];
          await connect(t, clientOf(transport, counted, way, { from: mine, headers }));
          const second = clientOf(transport, counted, way, { from: mine, headers: { 'X-Forwarded-For': '192.0.2.98' } });
          t.after(() => second.disconnect());
          const refused = next(second, 'error');
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
        const common = ['--silent', '--show-error', '--max-time', '10', '--cacert', proxy.ca, '--interface', from];
        const spoofed = ['--header', 'X-Forwarded-For: 192.0.2.99', '--header', 'X-Real-IP: 192.0.2.99'];
        const call = ['--data', '{"channel":"a","data":1}', '--write-out', ' %{http_version} %{response_code}', url];
        const { stdout } = await run('curl', [...common, ...words, ...spoofed, ...call]);
        assert.match(stdout, new RegExp(`^\\{"result":.*\\} ${version} 200$`));
        await until(() => server.log.some((line) => line.includes(`peer=${from}:0`) && line.includes('/api/publish')), `${from} in the log`);
        assert.ok(!server.log.some((line) => line.includes('192.0.2.99')));
      });
    }
  });

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
        assert.ok(Date.now() - began < 5_000, 'the answer went through at once');
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
