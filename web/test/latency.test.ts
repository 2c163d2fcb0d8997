import assert from 'node:assert/strict';
import { test } from 'node:test';

import { LatencyWindow, formatLatency, latencyOf } from '../src/latency.ts';

test('only data with our time stamp has a latency', () => {
  assert.equal(latencyOf({ text: 'a', sent_ms: 1000 }, 1003.5), 3.5);
  for (const data of [undefined, null, 1000, '1000', [], {}, { sent_ms: '1000' }, { sent_ms: Number.NaN }, { sent: 1 }]) {
    assert.equal(latencyOf(data, 1003), undefined, JSON.stringify(data));
  }
});

test('clocks that disagree give no latency, rounding gives zero', () => {
  assert.equal(latencyOf({ sent_ms: 1000.4 }, 1000), 0);
  assert.equal(latencyOf({ sent_ms: 2000 }, 1000), undefined);
  assert.equal(latencyOf({ sent_ms: 0 }, 61_000), undefined);
});

test('digits fit the size', () => {
  assert.equal(formatLatency(0.84), '0.8 ms');
  assert.equal(formatLatency(14.4), '14 ms');
  assert.equal(formatLatency(1249), '1.2 s');
});

test('the window forgets the oldest and ranks the rest', () => {
  const window = new LatencyWindow(100);
  assert.equal(window.summary(), undefined);
  for (let ms = 1000; ms > 900; ms -= 1) window.add(ms);
  for (let ms = 1; ms <= 100; ms += 1) window.add(ms);
  assert.deepEqual(window.summary(), { samples: 100, medianMs: 50, p99Ms: 99 });
  window.clear();
  window.add(7);
  assert.deepEqual(window.summary(), { samples: 1, medianMs: 7, p99Ms: 7 });
});
