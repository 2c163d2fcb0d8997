// Hooks that are told what has happened: the end of connections and of subscriptions, channels that are occupied and vacated.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { ask } from '../api.js';
import { ENCODINGS, json } from '../encodings.js';
import { backEnd, hooked, person, server, told, VACATED_DELAY_MS } from '../hooked.js';
import { next, until } from '../patience.js';
import { cut, linked, refused, subscribed } from '../subscriber.js';
import { IS_WEBSOCKET } from '../transport.js';

hooked();

const SESSION_HOOKS = ['disconnected', 'unsubscribed'];

/** What is told of a session, once there are so many; more would be there by the time the last is. */
function sessionEvents(id, count) {
  const all = () => told(SESSION_HOOKS, ({ client }) => client === id);
  return until(() => all().length >= count && all(), `${count} events of a session`);
}

/** `occupied` and `vacated` of a channel, in order. */
const states = (channel) => told(['state'], (event) => event.channel === channel);
const types = (events) => events.map(({ type }) => type);

async function untilStates(channel, count) {
  return until(() => states(channel).length >= count && states(channel), `${count} states of ${channel}`);
}

for (const encoding of ENCODINGS) {
  describe(encoding.name, () => {
    const named = (word) => `watched:${word}-${encoding.name}`;

    test('disconnected: who it was, why, and when', async (t) => {
      backEnd.answer('connect', { result: { user: 'ann', meta: { plan: 'gold' } } });
      const began = Date.now();
      const { client, id } = await person(t, encoding);
      client.disconnect();
      const [event] = await sessionEvents(id, 1);
      const { time_ms: time, ...rest } = event;
      assert.deepEqual(rest, {
        type: 'disconnected',
        sequence: 1,
        attempt: 1,
        client: id,
        user: 'ann',
        code: 3000,
        reason: 'connection closed',
        meta: { plan: 'gold' },
      });
      assert.ok(time >= began && time <= Date.now(), `${began} ${time}`);
    });

    test('disconnected: by the API, by a cut link, by its own fault', async (t) => {
      const { client, id } = await person(t, encoding);
      await ask(server, 'disconnect', { user: 'ann', client: id, disconnect: { code: 4600, reason: 'enough' } });
      const lost = await linked(t, server, { encoding });
      await cut(lost.proxy, lost.client);
      backEnd.answer('publish', { disconnect: { code: 4503, reason: 'language' } });
      const rude = await person(t, encoding);
      rude.client.publish('hooked:rude', encoding.pack('x')).catch(() => {});
      const codes = [];
      for (const who of [id, lost.id, rude.id]) {
        const [{ code, reason }] = await sessionEvents(who, 1);
        codes.push([code, reason]);
      }
      assert.deepEqual(codes, [
        [4600, 'enough'],
        [3000, 'connection closed'],
        [4503, 'language'],
      ]);
      assert.equal(client.state, 'disconnected');
    });

    test('disconnected: not for who was never let in', async (t) => {
      backEnd.answer('connect', { error: { code: 1001, message: 'closed' } });
      await refused(server.endpoint, { encoding });
      const [{ client: never }] = backEnd.asked('connect');
      backEnd.answer('connect', { result: { user: 'bob' } });
      const { client, id } = await person(t, encoding);
      client.disconnect();
      await sessionEvents(id, 1);
      assert.deepEqual(
        told(['disconnected'], ({ client: found }) => found === never),
        [],
      );
    });

    test('unsubscribed: each cause, in order, before the end of the session', async (t) => {
      backEnd.answer('connect', { result: { user: 'ann', meta: { plan: 'gold' } } });
      const { client, id } = await person(t, encoding);
      const [own, byApi, byEnd] = ['own', 'api', 'end'].map(named);
      const { subscription } = await subscribed(client, own);
      const expelled = await subscribed(client, byApi);
      await subscribed(client, byEnd);
      // Of this one nobody wants to know.
      await subscribed(client, `silent-${encoding.name}`);
      subscription.unsubscribe();
      await sessionEvents(id, 1);
      const gone = next(expelled.subscription, 'unsubscribed');
      await ask(server, 'unsubscribe', { user: 'ann', channel: byApi, client: id });
      assert.equal((await gone).code, 2000);
      client.disconnect();
      const events = await sessionEvents(id, 4);
      assert.deepEqual(
        events.map(({ type, sequence, attempt, channel, code, reason }) => [type, sequence, attempt, channel, code, reason]),
        [
          ['unsubscribed', 1, 1, own, 0, 'client unsubscribed'],
          ['unsubscribed', 2, 1, byApi, 2000, 'server unsubscribe'],
          ['unsubscribed', 3, 1, byEnd, 1, 'client disconnected'],
          ['disconnected', 4, 1, undefined, 3000, 'connection closed'],
        ],
      );
      for (const { user, meta, client: who } of events) assert.deepEqual([user, meta, who], ['ann', { plan: 'gold' }, id]);
    });

    test('a back end that is in trouble is told later, in order, each once', async (t) => {
      backEnd.answer('unsubscribed', 500);
      backEnd.answer('disconnected', 500);
      const { client, id } = await person(t, encoding);
      for (const word of ['a', 'b', 'c']) await subscribed(client, named(word));
      client.getSubscription(named('b')).unsubscribe();
      // A request that is under way when its client leaves may never arrive.
      if (!IS_WEBSOCKET) await until(() => told(SESSION_HOOKS, (event) => event.client === id).length > 0, 'the first event');
      client.disconnect();
      await until(() => told(SESSION_HOOKS, (event) => event.client === id && event.attempt >= 3).length > 0, 'some attempts');
      backEnd.forget();
      const taken = [];
      for (const name of SESSION_HOOKS) {
        backEnd.answer(name, ({ events }) => {
          taken.push(...events.filter((event) => event.client === id));
          return { result: {} };
        });
      }
      await until(() => taken.some(({ type }) => type === 'disconnected'), 'the last event');
      assert.deepEqual(
        taken.map(({ sequence, type }) => [sequence, type]),
        [
          [1, 'unsubscribed'],
          [2, 'unsubscribed'],
          [3, 'unsubscribed'],
          [4, 'disconnected'],
        ],
      );
      assert.equal(taken[0].channel, named('b'));
      assert.ok(taken[0].attempt > 3, `attempt ${taken[0].attempt}`);
    });
  });
}

test('a back end that is gone for a while is told when it is back, in order, each once', async (t) => {
  const channel = 'rooms:away';
  const people = [await person(t, json), await person(t, ENCODINGS.at(-1))];
  backEnd.goAway();
  const room = await subscribed(people[0].client, channel);
  await subscribed(people[1].client, 'watched:away');
  room.subscription.unsubscribe();
  people[1].client.disconnect();
  const before = backEnd.turnedAway;
  await until(() => backEnd.turnedAway >= before + 10, 'it has been tried');
  backEnd.comeBack();
  const events = await sessionEvents(people[1].id, 2);
  assert.deepEqual(types(events), ['unsubscribed', 'disconnected']);
  const both = await untilStates(channel, 2);
  assert.deepEqual(types(both), ['occupied', 'vacated']);
  assert.ok([...events, ...both].some(({ attempt }) => attempt > 1), JSON.stringify([events, both]));
});

test('occupied with the first, vacated some time after the last', async (t) => {
  const channel = 'rooms:first-and-last';
  const [ann, bob] = [await person(t, json), await person(t, ENCODINGS.at(-1))];
  const first = await subscribed(ann.client, channel);
  await subscribed(bob.client, channel);
  const [{ time_ms: occupied, sequence, ...rest }] = await untilStates(channel, 1);
  assert.deepEqual(rest, { channel, type: 'occupied', attempt: 1 });
  first.subscription.unsubscribe();
  await until(async () => (await ask(server, 'channels', { pattern: channel })).channels[channel].num_clients === 1, 'one is left');
  const left = Date.now();
  bob.client.disconnect();
  const events = await untilStates(channel, 2);
  assert.ok(Date.now() >= left + VACATED_DELAY_MS, 'it is told after the delay');
  assert.deepEqual(types(events), ['occupied', 'vacated']);
  assert.ok(events[1].sequence > sequence && events[1].time_ms >= occupied, JSON.stringify(events));
});

test('who leaves and comes back at once makes no events', async (t) => {
  const { client } = await person(t, json);
  const { channel, subscription } = await quicklyFlapped(client);
  const left = Date.now();
  subscription.unsubscribe();
  const events = await untilStates(channel, 2);
  assert.ok(Date.now() >= left + VACATED_DELAY_MS, 'it is told after the delay');
  assert.deepEqual(types(events), ['occupied', 'vacated']);
  // And it begins anew.
  subscription.subscribe();
  assert.deepEqual(types(await untilStates(channel, 3)), ['occupied', 'vacated', 'occupied']);
});

/** Where nobody was away for as long as the delay, which a slow machine may need some attempts for. */
async function quicklyFlapped(client) {
  for (let attempt = 1; ; attempt += 1) {
    const room = await flapped(client, `rooms:flapping-${attempt}`);
    if (room.slowest < VACATED_DELAY_MS) return room;
    assert.ok(attempt < 5, `back only after ${room.slowest} ms`);
  }
}

/** Leaves and comes back many times; `slowest` is how long that took at most, in milliseconds. */
async function flapped(client, channel) {
  const { subscription, contexts } = await subscribed(client, channel);
  await untilStates(channel, 1);
  let slowest = 0;
  for (let round = 2; round <= 20; round += 1) {
    const left = Date.now();
    subscription.unsubscribe();
    subscription.subscribe();
    await until(() => contexts.length === round, 'it is back');
    slowest = Math.max(slowest, Date.now() - left);
  }
  return { channel, subscription, slowest };
}
