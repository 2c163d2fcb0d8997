import assert from 'node:assert/strict';
import { test } from 'node:test';

import { messagesOf } from '../demo/frame/message.ts';

const labels = (direction: 'in' | 'out', data: string) => messagesOf({ direction, atMs: 0, data }).map(({ label }) => label);

test('a frame falls into its messages, each with its kind and its bytes', () => {
  const data = '{"id":1,"subscribe":{"channel":"chat:lobby"}}\n{"push":{"channel":"chat:lobby","pub":{"data":"é"}}}';
  const shown = messagesOf({ direction: 'in', atMs: 0, data });
  assert.deepEqual(shown.map(({ label }) => label), ['reply: subscribe · chat:lobby', 'publication · chat:lobby']);
  assert.deepEqual(shown.map(({ bytes }) => bytes), [45, 53]);
});

test('commands, replies, pushes and pings have names', () => {
  assert.deepEqual(labels('out', '{"id":2,"rpc":{"method":"chat.login","data":{}}}'), ['rpc · chat.login']);
  assert.deepEqual(labels('in', '{"id":2,"rpc":{"data":{}}}'), ['reply: rpc']);
  assert.deepEqual(labels('in', '{"id":7}'), ['reply 7']);
  assert.deepEqual(labels('in', '{}'), ['ping']);
  assert.deepEqual(labels('out', '{}'), ['pong']);
  assert.deepEqual(labels('in', '{"push":{"channel":"a","pub":{"data":"x","delta":true}}}'), ['publication (delta) · a']);
  assert.deepEqual(labels('in', '{"push":{"channel":"a","join":{}}}'), ['join · a']);
  assert.deepEqual(labels('in', 'nonsense'), ['not JSON']);
});

test('of a token only the beginning is shown', () => {
  const [shown] = messagesOf({ direction: 'out', atMs: 0, data: '{"id":1,"connect":{"token":"eyJhbGciOiJIUzI1NiJ9.e30.c2ln"}}' });
  assert.equal(shown?.text, '{"id":1,"connect":{"token":"eyJhbG…"}}');
  assert.equal(shown?.bytes, 60, 'the size is that on the wire');
});

test('bytes are shown as bytes, unless the page knows better', () => {
  const passed = { direction: 'in', atMs: 0, data: new Uint8Array([0, 255, 16]) } as const;
  assert.equal(messagesOf(passed)[0]?.text, '00 ff 10');
  assert.equal(messagesOf(passed, (data) => `${data.length} ships`)[0]?.text, '3 ships');
});
