// Hooks of channels: subscribe, sub_refresh and publish. What the application is asked, word for word, and what its answers do.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { ask, publish } from '../api.js';
import { ENCODINGS } from '../encodings.js';
import { backEnd, from, hooked, person, server } from '../hooked.js';
import { next, until } from '../patience.js';
import { refusedSubscription, subscribed } from '../subscriber.js';
import { soon } from '../tokens.js';

hooked();

for (const encoding of ENCODINGS) {
  describe(encoding.name, () => {
    const named = (word) => `${word}-${encoding.name}`;
    const { pack, unpack } = encoding;

    test('subscribe: asked with data and token, answered with info and data', async (t) => {
      const channel = `hooked:${named('room')}`;
      backEnd.answer('connect', { result: { user: 'ann', meta: { plan: 'gold' } } });
      backEnd.answer('subscribe', { result: { info: { role: 'guest' }, data: { topic: 'x' } } });
      const { client, id } = await person(t, encoding);
      const { contexts } = await subscribed(client, channel, { data: pack({ want: 'in' }) });
      assert.deepEqual(backEnd.asked('subscribe'), [
        { client: id, ...from(encoding), user: 'ann', channel, meta: { plan: 'gold' }, data: { want: 'in' } },
      ]);
      assert.deepEqual(unpack(contexts[0].data), { topic: 'x' });
      const { presence } = await ask(server, 'presence', { channel });
      assert.deepEqual(presence[id].chan_info, { role: 'guest' });
    });

    test('subscribe: override, error, disconnect, status, nothing', async (t) => {
      const { client } = await person(t, encoding);
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
        const call = calls;
        // The first is not answered before the server has given it up.
        if (call === 1) await until(() => calls >= 2, 'asked again');
        return call === 2 ? 500 : { result: {} };
      });
      const { client } = await person(t, encoding);
      await subscribed(client, `hurried:${named('slow')}`);
      // Where the machine is slow, too, others may have been given up.
      assert.ok(calls >= 3, `${calls} calls`);
    });

    test('subscribe: a hook of its own for a namespace, with the payload in base64', async (t) => {
      backEnd.answer('second', { result: { b64info: Buffer.from('{"b":64}').toString('base64') } });
      const { client, id } = await person(t, encoding);
      const channel = `other:${named('room')}`;
      await subscribed(client, channel, { data: pack({ a: 1 }) });
      assert.deepEqual(backEnd.asked('second'), [
        { client: id, ...from(encoding), encoding: 'binary', user: 'ann', channel, b64data: Buffer.from('{"a":1}').toString('base64') },
      ]);
      const { presence } = await ask(server, 'presence', { channel });
      assert.deepEqual(presence[id].chan_info, { b: 64 });
    });

    test('sub_refresh: asked when the time is up; expired ends the subscription, which comes back', async (t) => {
      const channel = `hooked:${named('expiring')}`;
      let lives = 0;
      backEnd.answer('subscribe', () => {
        lives += 1;
        return { result: lives === 1 ? { expire_at: soon() } : {} };
      });
      let checks = 0;
      backEnd.answer('sub_refresh', () => {
        checks += 1;
        return { result: checks === 1 ? { expire_at: soon() } : { expired: true } };
      });
      const { client, id } = await person(t, encoding);
      const { subscription, contexts } = await subscribed(client, channel);
      const { code } = await next(subscription, 'subscribing');
      assert.equal(code, 2501);
      await until(() => contexts.length === 2, 'subscribed again');
      assert.deepEqual(backEnd.asked('sub_refresh')[0], { client: id, ...from(encoding), user: 'ann', channel });
      assert.equal(checks, 2);
    });

    test('publish: asked with the data, which the answer may change', async (t) => {
      const channel = `hooked:${named('talk')}`;
      const { client, id } = await person(t, encoding);
      const { publications } = await subscribed(client, channel);
      await client.publish(channel, pack({ text: 'as it is' }));
      assert.deepEqual(backEnd.asked('publish'), [{ client: id, ...from(encoding), user: 'ann', channel, data: { text: 'as it is' } }]);
      backEnd.answer('publish', { result: { data: { text: 'changed' }, tags: { by: 'hook' } } });
      await client.publish(channel, pack({ text: 'raw' }));
      backEnd.answer('publish', { result: { skip_history: true } });
      await client.publish(channel, pack({ text: 'passing' }));
      backEnd.answer('publish', {});
      await client.publish(channel, pack({ text: 'last' }));
      await until(() => publications.length === 4, 'all four');
      assert.deepEqual(
        publications.map(({ data }) => unpack(data).text),
        ['as it is', 'changed', 'passing', 'last'],
      );
      assert.deepEqual({ ...publications[1].tags }, { by: 'hook' });
      assert.equal(publications[0].info.client, id);
      const page = await client.history(channel, { limit: -1 });
      assert.deepEqual(
        page.publications.map(({ data }) => unpack(data).text),
        ['as it is', 'changed', 'last'],
      );
    });

    test('publish: once for one idempotency key; refused with a code; disconnected', async (t) => {
      const channel = `hooked:${named('strict')}`;
      const { client } = await person(t, encoding);
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
      assert.deepEqual(
        publications.map(({ data }) => unpack(data)),
        [1, 'end'],
      );
      backEnd.answer('publish', { disconnect: { code: 4503, reason: 'enough' } });
      const gone = next(client, 'disconnected');
      client.publish(channel, pack('bad')).catch(() => {});
      assert.deepEqual(await gone, { code: 4503, reason: 'enough' });
    });
  });
}
