import assert from 'node:assert/strict';
import { test } from 'node:test';

import { headlineOf, indexOf, lineOf, miniatureOf } from '../demo/front/feeds.ts';
import { lookedAt } from '../demo/front/pace-picture.ts';

test('a line has words, and somebody who said them', () => {
  assert.deepEqual(lineOf({ id: '1', text: 'Hello', at: 1 }, 'Ann'), { who: 'Ann', text: 'Hello' });
  assert.deepEqual(lineOf({ text: 'Hello' }, undefined), { who: 'Wavecast', text: 'Hello' });
  for (const data of [null, 'Hello', {}, { text: 7 }, { text: '' }]) assert.equal(lineOf(data, 'Ann'), undefined);
});

test('the index is the mean of the prices', () => {
  assert.equal(indexOf({ n: 1, p: [1000, 2000] }), 15);
  for (const data of [null, {}, { p: [] }, { p: ['1'] }]) assert.equal(indexOf(data), undefined);
});

test('a step within a step is no headline', () => {
  assert.equal(headlineOf({ title: 'Packed', order: {} }), 'Packed');
  assert.equal(headlineOf({ order: {} }), undefined);
});

test('the arena is read from its bytes, and other bytes are none', () => {
  const bytes = new Uint8Array(10 + 18 + 4);
  const view = new DataView(bytes.buffer);
  bytes.set([1, 60]);
  view.setUint8(8, 1);
  view.setUint8(9, 1);
  view.setUint16(10, 7, true);
  view.setUint8(12, 1);
  view.setUint16(18, 100 * 16, true);
  view.setUint16(20, 50 * 16, true);
  view.setUint16(26, 16_384, true);
  view.setUint16(28, 20 * 16, true);
  view.setUint16(30, 30 * 16, true);
  const text = (data: Uint8Array) => Buffer.from(data).toString('base64');
  assert.deepEqual(miniatureOf(text(bytes)), {
    ships: [{ number: 7, isBot: true, heading: Math.PI / 2, x: 100, y: 50 }],
    sparks: [{ x: 20, y: 30 }],
  });
  for (const data of [undefined, '', '§', text(bytes.subarray(1)), text(bytes.subarray(0, 20))]) assert.equal(miniatureOf(data), undefined);
});

test('who looks every two seconds has the newest of before each look', () => {
  const points = [{ ms: 21_000, v: 1 }, { ms: 22_500, v: 2 }, { ms: 23_500, v: 3 }];
  assert.deepEqual(lookedAt(points, 25_000), [{ ms: 22_000, v: 1 }, { ms: 24_000, v: 3 }]);
  assert.deepEqual(lookedAt([], 25_000), []);
});
