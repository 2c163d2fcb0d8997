import assert from 'node:assert/strict';
import { test } from 'node:test';

import { RateWindow } from '../src/rate.ts';

test('counts whole seconds and leaves the running one out', () => {
  const rate = new RateWindow(3);
  rate.count(10_000, 5);
  rate.count(10_999);
  rate.count(11_000, 2);
  assert.deepEqual(rate.series(11_500), { perSecond: [0, 0, 6], latest: 6, peak: 6 });
  assert.deepEqual(rate.series(12_000), { perSecond: [0, 6, 2], latest: 2, peak: 6 });
});

test('silence empties the window, however long it lasts', () => {
  const rate = new RateWindow(3);
  rate.count(1_000, 9);
  assert.deepEqual(rate.series(3_000).perSecond, [0, 9, 0]);
  assert.deepEqual(rate.series(5_000).perSecond, [0, 0, 0]);
  rate.count(5_000, 1);
  assert.deepEqual(rate.series(1_000_000).perSecond, [0, 0, 0]);
});

test('a clock that steps back counts for the newest second', () => {
  const rate = new RateWindow(2);
  rate.count(9_000);
  rate.count(4_000);
  assert.deepEqual(rate.series(10_000).perSecond, [0, 2]);
});
