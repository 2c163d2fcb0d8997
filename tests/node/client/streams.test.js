// Streams with a position: recovery as the namespace forces it or the client asks for it, the last value, and what cannot be recovered.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { ask, publish } from '../api.js';
import { ENCODINGS } from '../encodings.js';
import { until } from '../patience.js';
import { RawSocket } from '../raw.js';
import { Server } from '../server.js';
import { cut, guest, linked, subscribed } from '../subscriber.js';

const SIZE = 5;
const kept = { history_size: SIZE, history_ttl: '60s', allow_subscribe_for_client: true, allow_subscribe_for_anonymous: true };

const CONFIG = {
  client: { allow_anonymous_connect_without_token: true, recovery_max_publication_limit: 4 },
  http_api: { insecure: true },
  channel: {
    namespaces: [
      { name: 'forced', ...kept, force_recovery: true },
      { name: 'allowed', ...kept, allow_recovery: true, allow_positioning: true },
      { name: 'readers', ...kept, allow_history_for_subscriber: true, allow_history_for_anonymous: true },
      { name: 'never', ...kept },
      { name: 'placed', ...kept, force_positioning: true },
      { name: 'cache', ...kept, history_size: 1, force_recovery: true, force_recovery_mode: 'cache' },
      { name: 'auto', ...kept, history_size: 1, force_recovery: true, force_recovery_mode: 'cache', auto_cache_recover: true },
      { name: 'brief', ...kept, history_ttl: '1s', force_recovery: true },
    ],
  },
};

const server = await Server.start({ config: CONFIG });

after(() => server.stop());

for (const encoding of ENCODINGS) {
  // Some wait for the end of a second.
  describe(encoding.name, { concurrency: 4 }, () => {
    const numbers = (publications) => publications.map(({ data }) => encoding.unpack(data));
    const named = (namespace, word = 'a') => `${namespace}:${word}-${encoding.name}`;

    /** Subscribes, is cut off, `meanwhile` happens, and it comes back. */
    async function acrossACut(t, channel, options, meanwhile) {
      const { proxy, client } = await linked(t, server, { encoding });
      const seen = await subscribed(client, channel, options);
      await publish(server, channel, 'before');
      await until(() => seen.publications.length === 1, 'the publication before');
      await cut(proxy, client);
      await meanwhile();
      proxy.restore();
      await until(() => seen.contexts.length === 2, 'the subscription is back');
      return seen;
    }

    const publishAll = async (channel, values) => {
      for (const value of values) await publish(server, channel, value);
    };

    for (const [namespace, options] of [
      ['forced', {}],
      ['allowed', { recoverable: true }],
      ['readers', { recoverable: true }],
    ]) {
      test(`recovered across a cut: ${namespace}`, async (t) => {
        const channel = named(namespace, 'cut');
        const { publications, contexts } = await acrossACut(t, channel, options, () => publishAll(channel, [1, 2, 3]));
        await until(() => publications.length === 4, 'all of them');
        assert.deepEqual(numbers(publications), ['before', 1, 2, 3]);
        const [first, second] = contexts;
        assert.deepEqual([first.recoverable, first.positioned, first.wasRecovering], [true, true, false]);
        assert.deepEqual(
          [second.recoverable, second.wasRecovering, second.recovered, second.hasRecoveredPublications],
          [true, true, true, true],
        );
        assert.equal(second.streamPosition.epoch, first.streamPosition.epoch);
      });
    }

    test('recovery that is not allowed is not given, and no error', async (t) => {
      const { client } = await guest(t, server.endpoint, { encoding });
      const { contexts } = await subscribed(client, named('never'), { recoverable: true, positioned: true });
      const [{ recoverable, positioned, streamPosition }] = contexts;
      assert.deepEqual([recoverable, positioned, streamPosition], [false, false, undefined]);
    });

    test('a position without recovery', async (t) => {
      const { client } = await guest(t, server.endpoint, { encoding });
      await publish(server, named('placed'), 1);
      for (const [channel, options] of [
        [named('placed'), {}],
        [named('allowed', 'placed'), { positioned: true }],
      ]) {
        const { contexts } = await subscribed(client, channel, options);
        assert.deepEqual([contexts[0].recoverable, contexts[0].positioned], [false, true]);
        assert.match(contexts[0].streamPosition.epoch, /\S/);
      }
    });

    test('more than the limit of a recovery is not recovered, and nothing of it is sent', async (t) => {
      const channel = named('forced', 'far');
      const { publications, contexts } = await acrossACut(t, channel, {}, () => publishAll(channel, [1, 2, 3, 4, 5]));
      assert.deepEqual([contexts[1].wasRecovering, contexts[1].recovered], [true, false]);
      await publish(server, channel, 'after');
      await until(() => numbers(publications).at(-1) === 'after', 'the one after');
      assert.deepEqual(numbers(publications), ['before', 'after']);
    });

    test('a stream that was removed cannot be recovered', async (t) => {
      const channel = named('forced', 'removed');
      const { publications, contexts } = await acrossACut(t, channel, {}, async () => {
        await publishAll(channel, [1, 2]);
        await ask(server, 'history_remove', { channel });
      });
      assert.deepEqual([contexts[1].wasRecovering, contexts[1].recovered], [true, false]);
      assert.deepEqual(numbers(publications), ['before']);
    });

    test('history that expired while nothing was missed is recovered; what was missed is not', async (t) => {
      const idle = named('brief', 'idle');
      const expiry = () =>
        until(async () => (await ask(server, 'history', { channel: idle, limit: 1 })).publications.length === 0, 'the history expires');
      const calm = await acrossACut(t, idle, {}, expiry);
      assert.deepEqual([calm.contexts[1].wasRecovering, calm.contexts[1].recovered], [true, true]);
      const busy = named('brief', 'busy');
      const missed = await acrossACut(t, busy, {}, async () => {
        await publish(server, busy, 1);
        await until(
          async () => (await ask(server, 'history', { channel: busy, limit: 1 })).publications.length === 0,
          'the history expires',
        );
      });
      assert.deepEqual([missed.contexts[1].wasRecovering, missed.contexts[1].recovered], [true, false]);
    });

    test('starting from a position that is known', async (t) => {
      const { client } = await guest(t, server.endpoint, { encoding });
      const channel = named('forced', 'since');
      const { epoch } = await publish(server, channel, 1);
      await publishAll(channel, [2, 3]);
      const { publications, contexts } = await subscribed(client, channel, { since: { offset: 1, epoch } });
      await until(() => publications.length === 2, 'what came since');
      assert.deepEqual(numbers(publications), [2, 3]);
      assert.ok(contexts[0].wasRecovering && contexts[0].recovered, JSON.stringify(contexts[0]));
    });

    test('with getState a lost position asks for the state anew', async (t) => {
      const channel = named('forced', 'state');
      const { offset, epoch } = await publish(server, channel, 1);
      const { client } = await guest(t, server.endpoint, { encoding });
      const states = [
        { offset, epoch: 'elsewhere' },
        { offset, epoch },
      ];
      let asked = 0;
      const getState = async () => {
        asked += 1;
        return states.shift();
      };
      const { contexts } = await subscribed(client, channel, { getState });
      assert.equal(asked, 2);
      assert.ok(contexts[0].recovered, JSON.stringify(contexts[0]));
    });

    test('the last value comes back after a cut, once, however many were missed', async (t) => {
      const channel = named('cache', 'cut');
      const { publications, contexts } = await acrossACut(t, channel, {}, () => publishAll(channel, [1, 2, 3]));
      await until(() => publications.length === 2, 'the last value');
      assert.deepEqual(numbers(publications), ['before', 3]);
      assert.deepEqual([contexts[1].wasRecovering, contexts[1].recovered], [true, true]);
      const still = named('cache', 'still');
      const calm = await acrossACut(t, still, {}, async () => {});
      assert.ok(calm.contexts[1].recovered, JSON.stringify(calm.contexts[1]));
      await publish(server, still, 'next');
      await until(() => calm.publications.length === 2, 'the next');
      assert.deepEqual(numbers(calm.publications), ['before', 'next']);
    });

    test('the last value is there for who says he knows nothing, or without asking', async (t) => {
      const { client } = await guest(t, server.endpoint, { encoding });
      for (const [channel, options] of [
        [named('cache', 'new'), { since: {} }],
        [named('auto', 'new'), {}],
      ]) {
        await publishAll(channel, ['old', 'last']);
        const { publications, contexts } = await subscribed(client, channel, options);
        await until(() => publications.length === 1, `the last value of ${channel}`);
        assert.deepEqual(numbers(publications), ['last']);
        assert.ok(contexts[0].recovered, JSON.stringify(contexts[0]));
      }
      const { publications } = await subscribed(client, named('auto', 'empty'));
      await publish(server, named('auto', 'empty'), 'first');
      await until(() => publications.length === 1, 'the first');
    });
  });
}

test('on the wire: what a recovery says', async (t) => {
  const raw = await RawSocket.connect(server.endpoint);
  t.after(() => raw.close());
  const channel = 'forced:wire';
  const { epoch } = await publish(server, channel, 1, { tags: { kind: 'a' } });
  await publish(server, channel, 2);
  const top = { recoverable: true, epoch, offset: 2, positioned: true };
  const subscribe = async (id, request) => {
    const reply = await raw.reply({ id, subscribe: { channel, ...request } });
    await raw.reply({ id: id + 1, unsubscribe: { channel } });
    return reply.subscribe ?? reply.error;
  };
  const publications = [
    { data: 1, offset: 1, tags: { kind: 'a' } },
    { data: 2, offset: 2 },
  ];
  const { offset: _, ...fromNothing } = top;
  assert.deepEqual(await subscribe(10, {}), top);
  assert.deepEqual(await subscribe(20, { recover: true, epoch, offset: 2 }), { ...top, recovered: true, was_recovering: true });
  // Where something is recovered the offset is the client's, so that it counts from there; 0 is left out.
  const { publications: timed, ...rest } = await subscribe(30, { recover: true, epoch });
  // When they were published may be told as well.
  const recovered = timed.map(({ time, ...publication }) => publication);
  assert.deepEqual(rest, { ...fromNothing, recovered: true, was_recovering: true });
  // The first publication of a stream may name the epoch.
  assert.deepEqual(
    recovered.map(({ epoch: _epoch, ...publication }) => publication),
    publications,
  );
  assert.deepEqual(await subscribe(40, { recover: true, epoch: 'other', offset: 2 }), { ...top, was_recovering: true });
  assert.deepEqual(await subscribe(50, { recover: true, epoch, offset: 9 }), { ...top, was_recovering: true });
  assert.deepEqual(await subscribe(60, { recover: true, epoch: 'other', offset: 2, flag: 3 }), {
    code: 112,
    message: 'unrecoverable position',
  });
  assert.deepEqual(await subscribe(70, { recover: true, epoch, offset: 2, flag: 3 }), { ...top, recovered: true, was_recovering: true });
  const empty = await raw.reply({ id: 80, subscribe: { channel: 'never:wire', recover: true, epoch: 'x', offset: 1, recoverable: true } });
  assert.deepEqual(empty.subscribe, { was_recovering: true });
});
