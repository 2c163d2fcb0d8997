// Bad input, command by command: a clear code or a clear end, and the server goes on.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import WebSocket from 'ws';

import { until, within } from '../patience.js';
import { RawSocket } from '../raw.js';
import { Server } from '../server.js';

const CONFIG = {
  client: { insecure: true },
  http_api: { insecure: true },
  channel: { without_namespace: { presence: true, history_size: 10, history_ttl: '60s', allow_tags_filter: true } },
};

const server = await Server.start({ config: CONFIG });

after(() => server.stop());

/** What follows on a connection that stands: the code of an error, or that of the close. */
const CLOSED = 3501;
const BEHIND_CONNECT = [
  ['', CLOSED],
  ['\n', CLOSED],
  ['{', CLOSED],
  ['[]', CLOSED],
  ['null', CLOSED],
  ['12', CLOSED],
  ['"text"', CLOSED],
  ['\u0000', CLOSED],
  ['{}', CLOSED, 'a pong that nobody asked for'],
  ['{"id":2}', CLOSED],
  ['{"id":2,"frobnicate":{}}', CLOSED],
  ['{"id":2,"connect":{}}', CLOSED],
  ['{"subscribe":{"channel":"x"}}', CLOSED],
  ['{"id":0,"subscribe":{"channel":"x"}}', CLOSED],
  ['{"id":-1,"subscribe":{"channel":"x"}}', CLOSED],
  ['{"id":4294967296,"subscribe":{"channel":"x"}}', CLOSED],
  ['{"id":"2","subscribe":{"channel":"x"}}', CLOSED],
  ['{"id":2,"subscribe":null}', CLOSED],
  ['{"id":2,"subscribe":"x"}', CLOSED],
  ['{"id":2,"subscribe":{}}', CLOSED],
  ['{"id":2,"subscribe":{"channel":""}}', CLOSED],
  ['{"id":2,"subscribe":{"channel":5}}', CLOSED],
  ['{"id":2,"subscribe":{"channel":"x","recover":"yes"}}', CLOSED],
  ['{"id":2,"subscribe":{"channel":"x","recover":true,"offset":-1}}', CLOSED],
  ['{"id":2,"subscribe":{"channel":"x","delta":"zip"}}', CLOSED],
  ['{"id":2,"subscribe":{"channel":"x","tf":{"key":"k","cmp":"zz"}}}', 107],
  ['{"id":2,"subscribe":{"channel":"x","type":4}}', 108],
  [`{"id":2,"subscribe":{"channel":"${'x'.repeat(300)}"}}`, 107],
  ['{"id":2,"unsubscribe":{}}', CLOSED],
  ['{"id":2,"publish":{"data":{}}}', CLOSED],
  ['{"id":2,"publish":{"channel":"x"}}', 107],
  ['{"id":2,"publish":{"channel":"größe","data":1}}', 107],
  ['{"id":2,"publish":{"channel":"nowhere:x","data":1}}', 102],
  ['{"id":2,"presence":{}}', CLOSED],
  ['{"id":2,"presence":{"channel":"nowhere:x"}}', 102],
  ['{"id":2,"presence_stats":{}}', CLOSED],
  ['{"id":2,"presence_stats":{"channel":"nowhere:x"}}', 102],
  ['{"id":2,"history":{}}', CLOSED],
  ['{"id":2,"history":{"channel":"nowhere:x"}}', 102],
  ['{"id":2,"history":{"channel":"x","since":{"offset":1,"epoch":"other"}}}', 112],
  ['{"id":2,"history":{"channel":"x","since":5}}', CLOSED],
  ['{"id":2,"rpc":{"method":"x"}}', 108],
  ['{"id":2,"rpc":{}}', 108],
  ['{"id":2,"refresh":{}}', CLOSED],
  ['{"id":2,"sub_refresh":{}}', CLOSED],
  ['{"id":2,"sub_refresh":{"channel":"x","token":"y"}}', 103],
  ['{"send":{"data":{}}}', 3508],
  ['{"id":2,"publish":{"channel":"x","data":1}}\n\n{"id":3,"publish":{"channel":"x","data":1}}', CLOSED, 'an empty line'],
];

const FIRST = [
  ['', CLOSED],
  ['{', CLOSED],
  ['{}', CLOSED],
  ['{"connect":{}}', CLOSED],
  ['{"id":0,"connect":{}}', CLOSED],
  ['{"id":1,"subscribe":{"channel":"x"}}', CLOSED],
  ['{"send":{"data":1}}', CLOSED],
  ['{"id":1,"connect":{"token":5}}', CLOSED],
  ['{"id":1,"connect":{"subs":[]}}', CLOSED],
  ['{"id":1,"connect":"please"}', CLOSED],
  ['{"id":1,"connect":{"token":"nonsense"}}', 3500],
];

async function outcome(raw, frame, expected) {
  raw.send(frame);
  // What stands before the fault in a frame may be answered first.
  if (expected >= 3_000) return (await raw.closed()).code;
  const told = () => raw.end ?? raw.received.find(({ id }) => id === 2);
  const { code, error } = await until(told, 'an answer or an end');
  return code ?? error?.code;
}

for (const [frame, expected, what] of BEHIND_CONNECT) {
  test(`${expected} for ${what ?? JSON.stringify(frame.slice(0, 70))}`, async () => {
    const raw = await RawSocket.connect(server.endpoint);
    assert.equal(await outcome(raw, frame, expected), expected);
    raw.close();
  });
}

for (const [frame, expected] of FIRST) {
  test(`first of all, ${expected} for ${JSON.stringify(frame)}`, async () => {
    const raw = await RawSocket.open(server.endpoint);
    raw.send(frame);
    assert.equal((await raw.closed()).code, expected);
  });
}

test('fields that nobody knows are no fault', async () => {
  const raw = await RawSocket.connect(server.endpoint, { later: 1 });
  assert.deepEqual(await raw.reply({ id: 2, subscribe: { channel: 'x', later: {} }, later: [] }), { id: 2, subscribe: {} });
  assert.deepEqual(await raw.reply({ id: 3, publish: { channel: 'x', data: null } }), { id: 3, publish: {} });
  raw.close();
});

test('an error leaves the connection as it was', async () => {
  const raw = await RawSocket.connect(server.endpoint);
  for (let id = 10; id < 60; id += 1) {
    const { error } = await raw.reply({ id, publish: { channel: 'nowhere:x', data: id } });
    assert.deepEqual(error, { code: 102, message: 'unknown channel' });
  }
  assert.deepEqual(await raw.reply({ id: 2, subscribe: { channel: 'x' } }), { id: 2, subscribe: {} });
  raw.close();
});

/** Protobuf: each message behind its length. */
const BINARY = [
  ['nothing', []],
  ['a length without a message', [5]],
  ['a length longer than the frame', [200, 1, 8, 1]],
  ['a length without end', [255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255]],
  ['an empty message that is no answer to a ping', [0]],
  ['a field cut in the middle', [3, 8, 1, 34]],
  ['a group that never ends', [2, 8, 11]],
  ['text', [...Buffer.from('{"id":1,"connect":{}}')]],
  ['an id without a command', [2, 8, 1]],
];

for (const [what, bytes] of BINARY) {
  test(`Protobuf, 3501 for ${what}`, async () => {
    const socket = new WebSocket(server.endpoint, 'centrifuge-protobuf');
    const ended = new Promise((resolve) => socket.once('close', resolve));
    await within(10_000, new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject)), 'open');
    socket.send(Buffer.from(bytes));
    assert.equal(await within(10_000, ended, 'the close'), CLOSED);
  });
}

test('after all that, the server is there', async () => {
  const raw = await RawSocket.connect(server.endpoint);
  assert.match(raw.connection.client, /\S/);
  raw.close();
});
