// Hooks: what the application is asked, word for word, and what its answers do.

import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';

import { ask, publish } from '../api.js';
import { BackEnd } from '../backend.js';
import { ENCODINGS } from '../encodings.js';
import { next, pause, until } from '../patience.js';
import { RawSocket } from '../raw.js';
import { Server } from '../server.js';
import { connected, listen, newClient, refused, refusedSubscription, subscribed } from '../subscriber.js';
import { seconds, SECRET, token } from '../tokens.js';

const kept = { history_size: 10, history_ttl: '60s', allow_history_for_client: true, allow_history_for_anonymous: true };

function configuration(backEnd) {
  const hook = (name, more = {}) => ({ endpoint: backEnd.url(name), timeout: '1s', ...more });
  return {
    client: {
      token: { hmac_secret_key: SECRET },
      proxy: {
        connect: hook('connect', {
          enabled: true,
          http_headers: ['X-Forwarded-For', 'Cookie'],
          emulated_headers: ['X-Device'],
          http: { static_headers: { 'X-Static': 'yes' }, status_to_code_transforms: [{ status_code: 418, to_disconnect: { code: 4518, reason: 'teapot' } }] },
        }),
        refresh: hook('refresh', { enabled: true, include_connection_meta: true }),
      },
      expired_close_delay: '1s',
      expired_sub_close_delay: '1s',
      // Some servers look after subscriptions at that pace.
      presence_update_interval: '1s',
    },
    http_api: { insecure: true },
    channel: {
      proxy: {
        subscribe: hook('subscribe', {
          include_connection_meta: true,
          http: { status_to_code_transforms: [{ status_code: 403, to_error: { code: 4030, message: 'not for you' } }] },
        }),
        publish: hook('publish', { include_connection_meta: true }),
        sub_refresh: hook('sub_refresh'),
      },
      without_namespace: { presence: true, allow_subscribe_for_client: true, allow_subscribe_for_anonymous: true },
      namespaces: [
        { name: 'hooked', ...kept, presence: true, join_leave: true, subscribe_proxy_enabled: true, publish_proxy_enabled: true, sub_refresh_proxy_enabled: true },
        { name: 'other', presence: true, subscribe_proxy_enabled: true, subscribe_proxy_name: 'second' },
        { name: 'news', ...kept, presence: true, force_recovery: true },
      ],
    },
    rpc: {
      proxy: hook('rpc', { include_connection_meta: true }),
      without_namespace: { proxy_enabled: true },
      namespaces: [{ name: 'closed' }, { name: 'named', proxy_enabled: true, proxy_name: 'second' }],
    },
    proxies: [{ name: 'second', endpoint: backEnd.url('second'), binary_encoding: true }],
  };
}

let backEnd;
let server;

before(async () => {
  backEnd = await BackEnd.start();
  server = await Server.start({ config: configuration(backEnd) });
});

after(async () => {
  await server?.stop();
  await backEnd?.stop();
});

beforeEach(() => {
  backEnd.forget();
  backEnd.answer('connect', { result: { user: 'ann' } });
  backEnd.answer('subscribe', { result: {} });
  backEnd.answer('publish', { result: {} });
  for (const name of ['refresh', 'sub_refresh', 'rpc', 'second']) backEnd.answer(name, undefined);
});

for (const encoding of ENCODINGS) {
  describe(encoding.name, () => {
    const named = (word) => `${word}-${encoding.name}`;
    const from = { transport: 'websocket', protocol: encoding.name, encoding: 'json' };
    const { pack, unpack } = encoding;

    async function person(t, options = {}) {
      const { client, context } = await connected(server.endpoint, { encoding, ...options });
      t.after(() => client.disconnect());
      return { client, context, id: context.client };
    }

    test('connect: asked with name, version and data; answered with user, info and data', async (t) => {
      backEnd.answer('connect', { result: { user: 'ann', info: { seat: 1 }, data: { motd: 'hello' } } });
      const { client, context, id } = await person(t, { name: 'tests', version: '1.2', data: pack({ key: 'k' }) });
      assert.deepEqual(backEnd.asked('connect'), [{ client: id, ...from, name: 'tests', version: '1.2', data: { key: 'k' } }]);
      assert.deepEqual(unpack(context.data), { motd: 'hello' });
      await subscribed(client, named('who'));
      const { presence } = await ask(server, 'presence', { channel: named('who') });
      assert.deepEqual(presence[id], { user: 'ann', client: id, conn_info: { seat: 1 } });
    });

    test('connect: a token is enough, nobody is asked', async (t) => {
      await person(t, { token: token({ sub: 'ann' }) });
      assert.deepEqual(backEnd.asked('connect'), []);
    });

    test('connect: channels and subscriptions of the server', async (t) => {
      backEnd.answer('connect', {
        result: { user: 'ann', channels: [`news:${named('a')}`], subs: { [`news:${named('b')}`]: { info: { role: 'x' }, data: { d: 1 }, override: { force_recovery: { value: false } } } } },
      });
      const client = newClient(server.endpoint, { encoding });
      t.after(() => client.disconnect());
      const events = listen(client);
      client.connect();
      await until(() => events.filter(({ name }) => name === 'subscribed').length === 2, 'both subscriptions');
      const contexts = Object.fromEntries(events.map(({ context }) => [context.channel, context]));
      assert.equal(contexts[`news:${named('a')}`].recoverable, true);
      assert.equal(contexts[`news:${named('b')}`].recoverable, false);
      assert.deepEqual(unpack(contexts[`news:${named('b')}`].data), { d: 1 });
    });

    test('connect: an error, a disconnect, nobody at all', async () => {
      backEnd.answer('connect', { error: { code: 1001, message: 'closed on Mondays' } });
      assert.deepEqual(await refused(server.endpoint, { encoding }), { code: 1001, reason: 'closed on Mondays' });
      backEnd.answer('connect', { disconnect: { code: 4501, reason: 'go away' }, error: { code: 1, message: 'not this' } });
      assert.deepEqual(await refused(server.endpoint, { encoding }), { code: 4501, reason: 'go away' });
      backEnd.answer('connect', {});
      assert.equal((await refused(server.endpoint, { encoding })).code, 3501);
      backEnd.answer('connect', 418);
      assert.deepEqual(await refused(server.endpoint, { encoding }), { code: 4518, reason: 'teapot' });
    });

    test('connect: a back end in trouble is tried again', async (t) => {
      let calls = 0;
      backEnd.answer('connect', () => {
        calls += 1;
        if (calls === 1) return 500;
        if (calls === 2) return 'nonsense';
        return { result: { user: 'ann' } };
      });
      await person(t);
      assert.equal(calls, 3);
    });

    test('connect: one who is anonymous by the answer is let in', async (t) => {
      backEnd.answer('connect', { result: {} });
      const { client } = await person(t);
      assert.equal(client.state, 'connected');
    });

    test('refresh: asked when the time is up, and goes on', async (t) => {
      backEnd.answer('connect', { result: { user: 'ann', expire_at: seconds(1), meta: { plan: 'gold' } } });
      backEnd.answer('refresh', { result: { expire_at: seconds(600), info: { fresh: true } } });
      const { client, id } = await person(t);
      const asked = await backEnd.awaited('refresh', (body) => body.client === id);
      assert.deepEqual(asked, { client: id, ...from, user: 'ann', meta: { plan: 'gold' } });
      await subscribed(client, named('refreshed'));
      const { presence } = await ask(server, 'presence', { channel: named('refreshed') });
      assert.deepEqual(presence[id].conn_info, { fresh: true });
    });

    test('refresh: expired ends the connection, trouble does not', async (t) => {
      backEnd.answer('connect', () => ({ result: { user: 'ann', expire_at: seconds(1) } }));
      backEnd.answer('refresh', 500);
      const patient = await person(t);
      backEnd.answer('refresh', (body) => (body.client === patient.id ? 500 : { result: { expired: true } }));
      const { client } = await person(t);
      const { code } = await next(client, 'connecting');
      client.disconnect();
      assert.equal(code, 3005);
      await backEnd.awaited('refresh', (body) => body.client === patient.id);
      assert.equal(patient.client.state, 'connected');
    });

    test('subscribe: asked with data and token, answered with info and data', async (t) => {
      const channel = `hooked:${named('room')}`;
      backEnd.answer('connect', { result: { user: 'ann', meta: { plan: 'gold' } } });
      backEnd.answer('subscribe', { result: { info: { role: 'guest' }, data: { topic: 'x' } } });
      const { client, id } = await person(t);
      const { contexts } = await subscribed(client, channel, { data: pack({ want: 'in' }) });
      assert.deepEqual(backEnd.asked('subscribe'), [{ client: id, ...from, user: 'ann', channel, meta: { plan: 'gold' }, data: { want: 'in' } }]);
      assert.deepEqual(unpack(contexts[0].data), { topic: 'x' });
      const { presence } = await ask(server, 'presence', { channel });
      assert.deepEqual(presence[id].chan_info, { role: 'guest' });
    });

    test('subscribe: override, error, disconnect, status, nothing', async (t) => {
      const { client } = await person(t);
      backEnd.answer('subscribe', { result: { override: { force_recovery: { value: true }, presence: { value: false } } } });
      const { contexts } = await subscribed(client, `hooked:${named('override')}`);
      assert.equal(contexts[0].recoverable, true);
      const { presence } = await ask(server, 'presence', { channel: `hooked:${named('override')}` });
      assert.deepEqual(presence, {});
      backEnd.answer('subscribe', { error: { code: 1002, message: 'full' } });
      const full = await refusedSubscription(client, `hooked:${named('full')}`);
      assert.deepEqual([full.code, full.reason], [1002, 'full']);
      backEnd.answer('subscribe', 403);
      assert.equal((await refusedSubscription(client, `hooked:${named('status')}`)).code, 4030);
      backEnd.answer('subscribe', {});
      await subscribed(client, `hooked:${named('nothing')}`);
      backEnd.answer('subscribe', { disconnect: { code: 4502, reason: 'out' } });
      const gone = next(client, 'disconnected');
      client.newSubscription(`hooked:${named('out')}`).subscribe();
      assert.deepEqual(await gone, { code: 4502, reason: 'out' });
    });

    test('subscribe: a back end that is slow or in trouble is asked again', async (t) => {
      let calls = 0;
      backEnd.answer('subscribe', async () => {
        calls += 1;
        if (calls === 1) await pause(1_500);
        return calls === 2 ? 500 : { result: {} };
      });
      const { client } = await person(t);
      await subscribed(client, `hooked:${named('slow')}`);
      assert.equal(calls, 3);
    });

    test('subscribe: a hook of its own for a namespace, with the payload in base64', async (t) => {
      backEnd.answer('second', { result: { b64info: Buffer.from('{"b":64}').toString('base64') } });
      const { client, id } = await person(t);
      const channel = `other:${named('room')}`;
      await subscribed(client, channel, { data: pack({ a: 1 }) });
      assert.deepEqual(backEnd.asked('second'), [
        { client: id, ...from, encoding: 'binary', user: 'ann', channel, b64data: Buffer.from('{"a":1}').toString('base64') },
      ]);
      const { presence } = await ask(server, 'presence', { channel });
      assert.deepEqual(presence[id].chan_info, { b: 64 });
    });

    test('sub_refresh: asked when the time is up; expired ends the subscription, which comes back', async (t) => {
      const channel = `hooked:${named('expiring')}`;
      let lives = 0;
      backEnd.answer('subscribe', () => {
        lives += 1;
        return { result: lives === 1 ? { expire_at: seconds(1) } : {} };
      });
      let checks = 0;
      backEnd.answer('sub_refresh', () => {
        checks += 1;
        return { result: checks === 1 ? { expire_at: seconds(1) } : { expired: true } };
      });
      const { client, id } = await person(t);
      const { subscription, contexts } = await subscribed(client, channel);
      const { code } = await next(subscription, 'subscribing');
      assert.equal(code, 2501);
      await until(() => contexts.length === 2, 'subscribed again');
      assert.deepEqual(backEnd.asked('sub_refresh')[0], { client: id, ...from, user: 'ann', channel });
      assert.equal(checks, 2);
    });

    test('publish: asked with the data, which the answer may change', async (t) => {
      const channel = `hooked:${named('talk')}`;
      const { client, id } = await person(t);
      const { publications } = await subscribed(client, channel);
      await client.publish(channel, pack({ text: 'as it is' }));
      assert.deepEqual(backEnd.asked('publish'), [{ client: id, ...from, user: 'ann', channel, data: { text: 'as it is' } }]);
      backEnd.answer('publish', { result: { data: { text: 'changed' }, tags: { by: 'hook' } } });
      await client.publish(channel, pack({ text: 'raw' }));
      backEnd.answer('publish', { result: { skip_history: true } });
      await client.publish(channel, pack({ text: 'passing' }));
      backEnd.answer('publish', {});
      await client.publish(channel, pack({ text: 'last' }));
      await until(() => publications.length === 4, 'all four');
      assert.deepEqual(publications.map(({ data }) => unpack(data).text), ['as it is', 'changed', 'passing', 'last']);
      assert.deepEqual({ ...publications[1].tags }, { by: 'hook' });
      assert.equal(publications[0].info.client, id);
      const page = await client.history(channel, { limit: -1 });
      assert.deepEqual(page.publications.map(({ data }) => unpack(data).text), ['as it is', 'changed', 'last']);
    });

    test('publish: once for one idempotency key; refused with a code; disconnected', async (t) => {
      const channel = `hooked:${named('strict')}`;
      const { client } = await person(t);
      const { publications } = await subscribed(client, channel);
      backEnd.answer('publish', { result: { idempotency_key: 'one' } });
      await client.publish(channel, pack(1));
      await client.publish(channel, pack(1));
      backEnd.answer('publish', { error: { code: 1003, message: 'language' } });
      await assert.rejects(client.publish(channel, pack('bad')), { code: 1003, message: 'language' });
      backEnd.answer('publish', 500);
      await assert.rejects(client.publish(channel, pack('bad')), { code: 100 });
      await publish(server, channel, 'end');
      await until(() => publications.length === 2, 'two publications');
      assert.deepEqual(publications.map(({ data }) => unpack(data)), [1, 'end']);
      backEnd.answer('publish', { disconnect: { code: 4503, reason: 'enough' } });
      const gone = next(client, 'disconnected');
      client.publish(channel, pack('bad')).catch(() => {});
      assert.deepEqual(await gone, { code: 4503, reason: 'enough' });
    });

    test('rpc: asked with method and data, answered with data or an error', async (t) => {
      backEnd.answer('connect', { result: { user: 'ann', meta: { plan: 'gold' } } });
      backEnd.answer('rpc', ({ data }) => ({ result: { data: { sum: data.a + data.b } } }));
      const { client, id } = await person(t);
      const { data } = await client.rpc('add', pack({ a: 1, b: 2 }));
      assert.deepEqual(unpack(data), { sum: 3 });
      assert.deepEqual(backEnd.asked('rpc'), [{ client: id, ...from, user: 'ann', method: 'add', meta: { plan: 'gold' }, data: { a: 1, b: 2 } }]);
      backEnd.answer('rpc', { error: { code: 1004, message: 'no', temporary: true } });
      await assert.rejects(client.rpc('add', pack({})), { code: 1004, message: 'no' });
      backEnd.answer('rpc', 500);
      await assert.rejects(client.rpc('add', pack({})), { code: 100 });
      await assert.rejects(client.rpc('closed:add', pack({})), { code: 108 });
      await assert.rejects(client.rpc('nowhere:add', pack({})), { code: 104 });
      backEnd.answer('second', { result: { b64data: Buffer.from('"binary"').toString('base64') } });
      assert.equal(unpack((await client.rpc('named:add', pack(1))).data), 'binary');
      assert.equal(backEnd.asked('second')[0].b64data, Buffer.from('1').toString('base64'));
      backEnd.answer('rpc', { disconnect: { code: 4504, reason: 'rude' } });
      const gone = next(client, 'disconnected');
      client.rpc('add', pack({})).catch(() => {});
      assert.deepEqual(await gone, { code: 4504, reason: 'rude' });
    });

    test('rpc: many at once are answered each with its own', async (t) => {
      backEnd.answer('rpc', async ({ data }) => {
        await pause((7 * data) % 20);
        return { result: { data: data * 2 } };
      });
      const { client } = await person(t);
      const numbers = Array.from({ length: 30 }, (_, number) => number);
      const answers = await Promise.all(numbers.map((number) => client.rpc('double', pack(number))));
      assert.deepEqual(answers.map(({ data }) => unpack(data)), numbers.map((number) => 2 * number));
    });
  });
}

test('headers: those allowed and no others, and those of the configuration', async () => {
  const raw = await RawSocket.connect(
    server.endpoint,
    { headers: { 'X-Device': 'phone', Cookie: 'forged', 'X-Other': 'no' } },
    { headers: { 'X-Forwarded-For': '10.0.0.1', Cookie: 'session=1', 'X-Secret': 'no' } },
  );
  const { headers } = backEnd.calls.find(({ path }) => path === '/connect');
  assert.equal(headers['content-type'], 'application/json');
  assert.equal(headers['x-forwarded-for'], '10.0.0.1');
  assert.equal(headers.cookie, 'session=1');
  assert.equal(headers['x-device'], 'phone');
  assert.equal(headers['x-static'], 'yes');
  assert.deepEqual([headers['x-secret'], headers['x-other']], [undefined, undefined]);
  raw.close();
});

test('a client may not refresh what the application refreshes', async () => {
  backEnd.answer('connect', { result: { user: 'ann', expire_at: seconds(100) } });
  const raw = await RawSocket.connect(server.endpoint);
  // No time to live is told: it is none of the client's business.
  assert.equal(raw.connection.expires, undefined);
  raw.send({ id: 2, refresh: { token: token({ sub: 'ann' }) } });
  assert.equal((await raw.closed()).code, 3501);
});
