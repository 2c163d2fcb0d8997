import assert from 'node:assert/strict';
import { test } from 'node:test';

import { askerOf } from '../demo/push-or-poll/answers.ts';
import { Count } from '../demo/push-or-poll/count.ts';
import { eventBytes, frameBytes, requestBytes } from '../demo/push-or-poll/sizes.ts';
import { channelOf, INTERVALS_MS, intervalAt, intervalWords, RATES, rateAt, rateWords } from '../demo/push-or-poll/steps.ts';
import { SHOWN_MS, Trace } from '../demo/push-or-poll/trace.ts';
import { valueOf } from '../demo/push-or-poll/way.ts';
import { delayWords, requestWords, sizeWords, verdict } from '../demo/push-or-poll/words.ts';

function counted(values: number, bytes: number, delayMs: number, requests = 1, forNothing = 0) {
  const count = new Count();
  for (let request = 0; request < requests; request += 1) count.request(0);
  for (let vain = 0; vain < forNothing; vain += 1) count.cameForNothing();
  for (let offset = 1; offset <= values; offset += 1) count.value(offset, delayMs);
  count.passed(bytes);
  return count.figures();
}

test('values are counted once, and those that were left out are missed', () => {
  const count = new Count();
  for (const offset of [5, 6, 6, 9, 7]) count.value(offset, 10 * offset);
  const figures = count.figures();
  assert.deepEqual([figures.values, figures.missed, figures.worstMs, figures.delayMs], [3, 2, 90, 60]);
});

test('bytes a value wait for a value', () => {
  const count = new Count();
  count.request(500);
  assert.equal(count.figures().bytesPerValue, undefined);
  count.passed(100);
  count.value(1, 0);
  assert.deepEqual([count.figures().bytesPerValue, count.figures().requests], [600, 1]);
});

test('frames have the heads of RFC 6455', () => {
  assert.deepEqual([0, 125, 126, 65_535, 65_536].map((payload) => frameBytes(payload, false) - payload), [2, 2, 4, 4, 10]);
  assert.equal(frameBytes(2, true), 8);
});

test('events and requests have their names and addresses', () => {
  assert.equal(eventBytes('{}', ''), 'data: {}\n\n'.length);
  assert.equal(eventBytes('{}', 'a:1:e'), 'id: a:1:e\ndata: {}\n\n'.length);
  assert.equal(requestBytes('/b') - requestBytes('/'), 1);
});

test('each step has its words, and none leads outside', () => {
  assert.deepEqual(RATES.map(rateWords), ['one every 10 s', 'one every 2 s', '1 a second', '2 a second', '5 a second', '10 a second']);
  assert.deepEqual(INTERVALS_MS.map(intervalWords), ['2 times a second', 'every second', 'every 2 s', 'every 5 s', 'every 10 s']);
  assert.deepEqual([channelOf(rateAt(0)), rateAt(99), intervalAt(Number.NaN)], ['pace:6', 120, 2_000]);
});

test('answers are told apart by how long was asked to wait, and those of another channel are nobody’s', () => {
  const address = (channel: string, wait: number) => `http://h:1/connection/poll?channels=${channel}&since=&wait=${wait}`;
  assert.deepEqual([askerOf(address('pace:6', 20), 'pace:6'), askerOf(address('pace:6', 0), 'pace:6')], ['long-poll', 'poll']);
  assert.deepEqual([askerOf(address('pace:6', 0), 'pace:60'), askerOf('http://h:1/other?channels=pace:6', 'pace:6')], [undefined, undefined]);
});

test('what came together is on the screen as the newest of it', () => {
  const trace = new Trace();
  trace.add({ v: 1, at: 100 }, 5, 200);
  trace.add({ v: 2, at: 300 }, 5, 500);
  trace.add({ v: 3, at: 400 }, 5, 500);
  assert.deepEqual(trace.shown(), [{ ms: 200, v: 1 }, { ms: 500, v: 3 }]);
  assert.deepEqual(trace.made().map(({ ms }) => ms), [105, 305, 405]);
  trace.ask(1_000);
  trace.ask(1_000 + SHOWN_MS);
  assert.deepEqual(trace.requests(1_001 + SHOWN_MS), [1_000 + SHOWN_MS]);
});

test('only values are values', () => {
  assert.deepEqual(valueOf({ v: 1, at: 2, more: 3 }), { v: 1, at: 2 });
  for (const data of [null, 7, {}, { v: '1', at: 2 }, { v: 1 }]) assert.equal(valueOf(data), undefined);
});

test('figures are short', () => {
  assert.deepEqual([undefined, 0.2, 4.4, 994, 996, 5_000].map(delayWords), ['–', '< 1 ms', '4 ms', '994 ms', '1.0 s', '5.0 s']);
  assert.deepEqual([undefined, 999, 1_234, 45_678, 2e6].map(sizeWords), ['–', '999 B', '1.2 kB', '46 kB', '2.0 MB']);
  assert.equal(requestWords(counted(0, 0, 0, 1_200, 3)), '1,200, 3 for nothing');
});

test('the verdict says who is late, who asks for nothing, and where polling costs less', () => {
  const others = { sse: counted(0, 0, 0), 'long-poll': counted(0, 0, 0) };
  const push = counted(10, 1_000, 4);
  assert.match(verdict({ ...others, websocket: push, poll: counted(0, 900, 0) }, 3), /^Waiting/);
  const plain = (text: string) => text.replaceAll('\u00a0', ' ');
  const dear = plain(verdict({ ...others, websocket: push, poll: counted(10, 8_000, 1_000, 10, 2) }, 12.4));
  assert.equal(
    dear,
    '12 s: Polling asked 10 times, 2 of them for nothing, and had values 1.0 s late; push needed one request and was 4 ms late. ' +
      'A polled value cost 8.0 times the bytes of a pushed one.',
  );
  assert.match(plain(verdict({ ...others, websocket: push, poll: counted(10, 500, 5_000) }, 60)), /fewer bytes, 50 B to 100 B: one answer brings many/);
});
