// The protocol of the plain page, which is not built and so not type-checked: driven with a socket and a
// clock that stand still.

import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';

import { Client } from '../../crates/server/src/pages/plain/protocol.js';

let sockets;
let seen;

class FakeSocket {
  sent = [];
  closed = false;
  constructor() {
    sockets.push(this);
  }
  send(text) {
    this.sent.push(JSON.parse(text));
  }
  close() {
    this.closed = true;
  }
  /** What the server says, one object a line. */
  say(...messages) {
    this.onmessage({ data: messages.map((message) => JSON.stringify(message)).join('\n') });
  }
}

function open(connect = { client: 'c1', ping: 25, pong: true }) {
  const socket = sockets.at(-1);
  socket.onopen();
  socket.say({ id: socket.sent[0].id, connect });
  return socket;
}

function joined(channel, subscribe) {
  const client = new Client('ws://test', {
    state: (name, detail) => seen.states.push([name, detail.reason]),
    channel: (sentence, bad) => seen.channel.push([sentence, bad]),
    publication: ({ data }, recovered) => seen.publications.push([data, recovered]),
  });
  client.join(channel);
  client.connect();
  const socket = open();
  socket.say({ id: socket.sent[1].id, subscribe });
  return { client, socket };
}

beforeEach(() => {
  sockets = [];
  seen = { states: [], channel: [], publications: [] };
  globalThis.WebSocket = FakeSocket;
  mock.timers.enable({ apis: ['setTimeout'] });
});
afterEach(() => mock.timers.reset());

test('connects, subscribes and hands over publications of its channel', () => {
  const { socket } = joined('demo', {});
  assert.deepEqual(socket.sent[1].subscribe, { channel: 'demo', recoverable: true });
  socket.say({ push: { channel: 'demo', pub: { data: 1 } } }, { push: { channel: 'other', pub: { data: 2 } } });
  assert.deepEqual(seen.publications, [[1, false]]);
});

test('answers a ping with a pong', () => {
  const { socket } = joined('demo', {});
  socket.say({});
  assert.deepEqual(socket.sent.at(-1), {});
});

test('a server that falls silent is given up, and the next connection recovers', () => {
  const { socket } = joined('demo', { recoverable: true, offset: 3, epoch: 'a' });
  socket.say({ push: { channel: 'demo', pub: { data: 'x', offset: 4 } } });
  mock.timers.tick(35_000);
  assert.equal(seen.states.at(-1)[0], 'waiting');
  assert.ok(socket.closed);
  mock.timers.tick(1_000);
  const again = open();
  assert.deepEqual(again.sent[1].subscribe, { channel: 'demo', recoverable: true, recover: true, offset: 4, epoch: 'a' });
  const publications = [{ data: 'y', offset: 5 }];
  again.say({ id: again.sent[1].id, subscribe: { recoverable: true, was_recovering: true, recovered: true, offset: 4, epoch: 'a', publications } });
  assert.deepEqual(seen.publications.at(-1), ['y', true]);
  assert.match(seen.channel.at(-1)[0], /nothing lost/);
});

test('a gap is said', () => {
  const { socket } = joined('demo', { recoverable: true, was_recovering: true, offset: 9, epoch: 'b' });
  assert.equal(socket.closed, false);
  assert.match(seen.channel.at(-1)[0], /with a gap/);
  assert.equal(seen.channel.at(-1)[1], true);
});

test('attempts go on with growing pauses, but not after a terminal code', () => {
  joined('demo', {});
  sockets.at(-1).onclose({ code: 3001, reason: 'shutdown' });
  for (let attempt = 0; attempt < 8; attempt += 1) {
    mock.timers.tick(20_000);
    assert.equal(sockets.length, attempt + 2);
    sockets.at(-1).onclose({ code: 1006, reason: '' });
  }
  mock.timers.tick(20_000);
  sockets.at(-1).onclose({ code: 3500, reason: 'invalid token' });
  const count = sockets.length;
  mock.timers.tick(60_000);
  assert.equal(sockets.length, count);
  assert.deepEqual(seen.states.at(-1), ['ended', '3500 invalid token']);
});

test('a publication under way when the connection breaks is not called published', async () => {
  const { client, socket } = joined('demo', {});
  const answer = client.publish({ text: 'a' });
  socket.onclose({ code: 1006, reason: '' });
  assert.equal(await answer, 'the connection was lost');
  assert.equal(await client.publish({ text: 'b' }), 'There is no connection.');
});

test('a refusal carries the server’s words', async () => {
  const { client, socket } = joined('demo', {});
  const answer = client.publish({ text: 'a' });
  socket.say({ id: socket.sent.at(-1).id, error: { code: 103, message: 'permission denied' } });
  assert.equal(await answer, '103 permission denied');
});
