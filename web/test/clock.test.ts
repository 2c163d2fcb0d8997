import assert from 'node:assert/strict';
import { test } from 'node:test';

import { createClock } from '../src/clock.ts';

test('follows the fine clock, and the wall clock after sleep', () => {
  let wall = 1000;
  let fine = 0.25;
  const clock = createClock(() => wall, () => fine, 1000);
  assert.equal(clock.nowMs(), 1000.25);
  wall = 9000; // The machine slept: the monotonic clock stood still.
  fine = 0.5;
  assert.equal(clock.nowMs(), 9000);
  wall = 9001;
  fine = 1.75;
  assert.equal(clock.nowMs(), 9001.25);
});
