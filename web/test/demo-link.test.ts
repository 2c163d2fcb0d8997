import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { test } from 'node:test';

import { Link, type WatchedClient, type WatchedSubscription } from '../demo/frame/link.ts';

/** As much of the client as a link looks at. */
class Client extends EventEmitter {
  state = 'disconnected';
  connects = 0;

  connect(): void {
    this.connects += 1;
    this.state = 'connecting';
    this.emit('connecting', { code: 0, reason: 'connect called' });
  }

  disconnect(): void {
    this.state = 'disconnected';
    this.emit('disconnected', { code: 0, reason: 'disconnect called' });
  }
}

function watched(): { link: Link; client: Client; names: string[] } {
  const names: string[] = [];
  const link = new Link(1_000, ({ name }) => names.at(-1) !== name && names.push(name));
  const client = new Client();
  link.watch(client as unknown as WatchedClient);
  client.connect();
  return { link, client, names };
}

test('an attempt that fails is told by an error alone, and the next one is seen to begin', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout', 'Date'] });
  const { client, names } = watched();
  client.emit('error', { type: 'transport', error: { code: 2, message: 'transport closed' } });
  assert.deepEqual(names, ['connecting', 'waiting']);
  t.mock.timers.tick(1_000);
  assert.deepEqual(names, ['connecting', 'waiting', 'connecting']);
  client.emit('connected', {});
  assert.equal(names.at(-1), 'live');
  t.mock.timers.tick(10_000);
  assert.equal(names.at(-1), 'live', 'no timer is left over');
});

test('an error of a command says nothing of the link', () => {
  const { client, names } = watched();
  client.emit('connected', {});
  client.state = 'connected';
  client.emit('error', { type: 'transport', error: { code: 2, message: 'x' } });
  assert.equal(names.at(-1), 'live');
});

test('to try now is one step, not an end and a beginning', () => {
  const { link, client, names } = watched();
  client.emit('disconnected', { code: 3500, reason: 'invalid token' });
  link.retryNow();
  assert.deepEqual(names, ['connecting', 'ended', 'connecting']);
  assert.equal(client.connects, 2);
});

test('a client that was replaced is not heard any more', () => {
  const { link, client, names } = watched();
  const next = new Client();
  link.watch(next as unknown as WatchedClient);
  client.disconnect();
  assert.equal(names.at(-1), 'connecting');
});

test('what a subscription recovers is counted when all of it has come', async () => {
  const { link, client, names } = watched();
  const room = Object.assign(new EventEmitter(), { channel: 'room' });
  link.follow(room as unknown as WatchedSubscription, true);
  client.emit('connected', {});
  const answer = { recoverable: true, wasRecovering: false, recovered: false, streamPosition: { offset: 1, epoch: 'a' } };
  room.emit('subscribed', answer);
  await Promise.resolve();
  room.emit('subscribing', {});
  room.emit('subscribed', { ...answer, wasRecovering: true, recovered: true });
  room.emit('publication', { offset: 2 });
  await Promise.resolve();
  assert.deepEqual(names, ['connecting', 'live', 'catching-up']);
});
