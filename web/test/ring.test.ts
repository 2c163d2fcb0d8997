import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Ring } from '../src/ring.ts';

test('keeps the newest, oldest first, and empties by draining', () => {
  const ring = new Ring<number>(3);
  assert.deepEqual([1, 2, 3, 4, 5].map((item) => ring.push(item)), [false, false, false, true, true]);
  assert.equal(ring.length, 3);
  assert.deepEqual(ring.drain(), [3, 4, 5]);
  assert.deepEqual(ring.drain(), []);
  ring.push(6);
  assert.deepEqual(ring.drain(), [6]);
});

test('a ring without room is refused', () => {
  assert.throws(() => new Ring(0), RangeError);
});
