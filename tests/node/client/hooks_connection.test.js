// Hooks of a connection: connect, refresh and rpc. What the application is asked, word for word, and what its answers do.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { ask } from '../api.js';
import { ENCODINGS } from '../encodings.js';
import { backEnd, from, hooked, person, server } from '../hooked.js';
import { next, pause, until } from '../patience.js';
import { RawSocket } from '../raw.js';
import { IS_CHROMIUM } from '../runtime.js';
import { connected, listen, newClient, refused, subscribed } from '../subscriber.js';
import { seconds, soon, token } from '../tokens.js';
import { TRANSPORT } from '../transport.js';

hooked();

for (const encoding of ENCODINGS) {
  describe(encoding.name, () => {
    const named = (word) => `${word}-${encoding.name}`;
    const { pack, unpack } = encoding;

    test('the client lives where this run has it, and goes by the transport that it is forced onto', async (t) => {
      const { context } = await person(t, encoding);
      const { headers, body } = backEnd.calls.find(({ path }) => path === '/connect');
      assert.equal(/ HeadlessChrome\//.test(headers['user-agent']), IS_CHROMIUM, headers['user-agent']);
      assert.deepEqual([context.transport, body.transport], [TRANSPORT, TRANSPORT]);
    });

    test('connect: asked with name, version and data; answered with user, info and data', async (t) => {
      backEnd.answer('connect', { result: { user: 'ann', info: { seat: 1 }, data: { motd: 'hello' } } });
      const { client, context, id } = await person(t, encoding, { name: 'tests', version: '1.2', data: pack({ key: 'k' }) });
      assert.deepEqual(backEnd.asked('connect'), [{ client: id, ...from(encoding), name: 'tests', version: '1.2', data: { key: 'k' } }]);
      assert.deepEqual(unpack(context.data), { motd: 'hello' });
      await subscribed(client, named('who'));
      const { presence } = await ask(server, 'presence', { channel: named('who') });
      assert.deepEqual(presence[id], { user: 'ann', client: id, conn_info: { seat: 1 } });
    });

    test('connect: a token is enough, nobody is asked', async (t) => {
      await person(t, encoding, { token: token({ sub: 'ann' }) });
      assert.deepEqual(backEnd.asked('connect'), []);
    });

    test('connect: channels and subscriptions of the server', async (t) => {
      backEnd.answer('connect', {
        result: {
          user: 'ann',
          channels: [`news:${named('a')}`],
          subs: { [`news:${named('b')}`]: { info: { role: 'x' }, data: { d: 1 }, override: { force_recovery: { value: false } } } },
        },
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

    test('connect: capabilities open what namespaces do not', async (t) => {
      const caps = [{ channels: ['news:*'], match: 'wildcard', allow: ['pub'] }];
      backEnd.answer('connect', { result: { user: 'ann', caps } });
      const { client } = await person(t, encoding);
      await client.publish(`news:${named('caps')}`, pack('x'));
      await assert.rejects(client.publish(named('caps'), pack('x')), { code: 103 });
      await assert.rejects(client.presence(`news:${named('caps')}`), { code: 103 });
    });

    test('connect: who is blocked is out, whatever the answer says', async (t) => {
      const user = named('blocked');
      backEnd.answer('connect', { result: { user } });
      const { client } = await person(t, encoding);
      const gone = next(client, 'disconnected');
      await ask(server, 'block_user', { user });
      assert.equal((await gone).code, 3500);
      assert.equal((await refused(server.endpoint, { encoding })).code, 3500);
      await ask(server, 'unblock_user', { user });
      await person(t, encoding);
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
      await person(t, encoding);
      assert.equal(calls, 3);
    });

    test('connect: one who is anonymous by the answer is let in', async (t) => {
      backEnd.answer('connect', { result: {} });
      const { client } = await person(t, encoding);
      assert.equal(client.state, 'connected');
    });

    test('refresh: asked when the time is up, and goes on', async (t) => {
      backEnd.answer('connect', { result: { user: 'ann', expire_at: soon(), meta: { plan: 'gold' } } });
      backEnd.answer('refresh', { result: { expire_at: seconds(600), info: { fresh: true } } });
      const { client, id } = await person(t, encoding);
      const asked = await backEnd.awaited('refresh', (body) => body.client === id);
      assert.deepEqual(asked, { client: id, ...from(encoding), user: 'ann', meta: { plan: 'gold' } });
      // What others see is settled when one subscribes, and nobody is told when the answer has arrived.
      let room = 0;
      const seen = async () => {
        const channel = named(`refreshed-${(room += 1)}`);
        await subscribed(client, channel);
        const { presence } = await ask(server, 'presence', { channel });
        return presence[id].conn_info;
      };
      const info = await until(seen, 'the fresh info');
      assert.deepEqual(info, { fresh: true });
    });

    test('refresh: expired ends the connection, trouble does not', async (t) => {
      backEnd.answer('connect', () => ({ result: { user: 'ann', expire_at: soon() } }));
      backEnd.answer('refresh', 500);
      const patient = await person(t, encoding);
      backEnd.answer('refresh', (body) => (body.client === patient.id ? 500 : { result: { expired: true } }));
      const { client } = await person(t, encoding);
      const { code } = await next(client, 'connecting');
      client.disconnect();
      assert.equal(code, 3005);
      await backEnd.awaited('refresh', (body) => body.client === patient.id);
      assert.equal(patient.client.state, 'connected');
    });

    test('rpc: asked with method and data, answered with data or an error', async (t) => {
      backEnd.answer('connect', { result: { user: 'ann', meta: { plan: 'gold' } } });
      backEnd.answer('rpc', ({ data }) => ({ result: { data: { sum: data.a + data.b } } }));
      const { client, id } = await person(t, encoding);
      const { data } = await client.rpc('add', pack({ a: 1, b: 2 }));
      assert.deepEqual(unpack(data), { sum: 3 });
      assert.deepEqual(backEnd.asked('rpc'), [
        { client: id, ...from(encoding), user: 'ann', method: 'add', meta: { plan: 'gold' }, data: { a: 1, b: 2 } },
      ]);
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
      const { client } = await person(t, encoding);
      const numbers = Array.from({ length: 30 }, (_, number) => number);
      const answers = await Promise.all(numbers.map((number) => client.rpc('double', pack(number))));
      assert.deepEqual(
        answers.map(({ data }) => unpack(data)),
        numbers.map((number) => 2 * number),
      );
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
