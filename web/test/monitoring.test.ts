import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ASPECT, OUTLINE, hueOf, placeOn } from '../demo/monitoring/country.ts';
import { ClockDifference, Freshness, formatAge } from '../demo/monitoring/freshness.ts';
import { RATES, nameOf, rateAt, relayEndpoint, verdict } from '../demo/monitoring/line.ts';
import { Market, formatChange, formatPrice } from '../demo/monitoring/market.ts';
import { Savings, percentSaved } from '../demo/monitoring/savings.ts';
import { formatBytes } from '../demo/monitoring/size.ts';
import { Trace } from '../demo/monitoring/trace.ts';

const QUOTES = {
  t: 1,
  sectors: ['energy', 'metals'],
  rows: [['AA', 1000, 1000, 1000], ['BB', 2000, 2000, 2000], ['CC', 3000, 3000, 3000], ['DD', 4000, 4000, 4000]],
} as const;

test('a sector’s prices go to its instruments, and to no others', () => {
  const market = new Market();
  assert.equal(market.quote(QUOTES), true);
  assert.equal(market.quote({ ...QUOTES, t: 2 }), false, 'the same instruments');
  market.take(1, { n: 1, t: 1, p: [3030, 3990] });
  assert.deepEqual([0, 1, 2, 3].map((index) => market.price(index)), [0, 0, 3030, 3990]);
  assert.deepEqual(market.instruments.map(({ sector }) => sector), ['energy', 'energy', 'metals', 'metals']);
  assert.equal(formatPrice(market.price(0)), '–');
  assert.equal(formatPrice(market.price(2)), '30.30');
  assert.equal(formatChange(market.change(2)), '+1.00 %');
  assert.equal(formatChange(market.change(3)), '−0.25 %');
  assert.deepEqual([market.heat(0), market.heat(2), market.heat(3)], [0, 2, -1]);
});

test('a message with more prices than there are instruments changes nothing', () => {
  const market = new Market();
  market.quote(QUOTES);
  market.take(1, { n: 1, t: 1, p: [1, 2, 3] });
  assert.equal(market.price(2), 0);
});

test('a price that moved is told once', () => {
  const market = new Market();
  market.quote(QUOTES);
  market.take(0, { n: 1, t: 1, p: [1000, 2000] });
  assert.equal(market.moved(0), '', 'the first price came from nowhere');
  market.take(0, { n: 2, t: 2, p: [1001, 1995] });
  assert.deepEqual([market.moved(0), market.moved(0)], ['up', '']);
  market.moved(1);
  market.take(0, { n: 3, t: 3, p: [1001, 1990] });
  assert.equal(market.moved(1), 'down');
  market.take(0, { n: 4, t: 4, p: [1001, 1989] });
  assert.equal(market.moved(1), '', 'a step that is no news');
});

test('messages that were replaced are counted as skipped, and the oldest channel says how old', () => {
  const difference = new ClockDifference();
  difference.take(1000, 1003);
  difference.take(1020, 1022);
  const freshness = new Freshness(2);
  freshness.take('a', 1, 1000);
  assert.equal(freshness.figures(1010, difference).ageMs, undefined, 'one of two channels has nothing yet');
  freshness.take('b', 7, 1100);
  freshness.take('a', 5, 1080);
  assert.deepEqual(freshness.figures(1202, difference), { ageMs: 120, received: 3, skipped: 3 });
  assert.equal(freshness.backwards, 0);
  freshness.take('a', 5, 1080);
  assert.equal(freshness.backwards, 1);
  freshness.rejoin('a');
  freshness.take('a', 50, 3000);
  assert.equal(freshness.figures(4000, difference).skipped, 3, 'away is not skipped');
  assert.deepEqual([undefined, 7.4, 499, 1240].map(formatAge), ['–', '7 ms', '499 ms', '1.2 s']);
});

test('a trace keeps the newest of all instruments, however many come', () => {
  const trace = new Trace(2, 3);
  for (let n = 1; n <= 8; n += 1) {
    trace.push(n, [n * 100, n * 200]);
    const kept = [n - 2, n - 1, n].filter((value) => value > 0);
    assert.deepEqual([...trace.seconds()], kept, `after ${n}`);
    assert.deepEqual([...trace.prices(1)], kept.map((value) => value * 2));
  }
  trace.push(8, [9, 9]);
  trace.push(2, [9, 9]);
  assert.deepEqual([...trace.seconds()], [6, 7, 8], 'another line, late: not drawn over');
  trace.push(100, [1, 1]);
  trace.push(1, [1, 1]);
  assert.deepEqual([...trace.seconds()], [1], 'the clock was put back');
});

test('savings count the protocol’s bytes on both sides, and only the channels asked for', () => {
  const savings = new Savings(['weather:map']);
  const whole = { stations: 'x'.repeat(100) };
  const push = (pub: object, channel = 'weather:map') => JSON.stringify({ push: { channel, pub } });
  const first = push({ data: JSON.stringify(whole) });
  const delta = push({ data: '8h@0,', delta: true });
  savings.frame(`${first}\n${push({ data: {} }, 'market:energy')}\n${delta}\n`);
  savings.frame('{}');
  savings.frame(new ArrayBuffer(8));
  savings.publication('weather:map', whole);
  savings.publication('weather:map', whole);
  savings.publication('weather:map', whole); // came with a recovery, not in a push
  const plain = push({ data: whole }).length;
  const { wire, whole: sum, messages, deltas } = savings.of('weather:map');
  assert.deepEqual([wire, messages, deltas], [first.length + delta.length, 2, 1]);
  assert.equal(sum, plain + plain + ',"delta":true'.length);
  assert.equal(percentSaved({ wire: 25, whole: 100, messages: 1, deltas: 1 }), 75);
  assert.equal(percentSaved(savings.of('weather:none')), 0);
});

test('the slider has names, and the page says only what is so', () => {
  assert.equal(nameOf(rateAt(0)), 'full speed');
  assert.equal(nameOf(rateAt(RATES.length)), '6.0 KB/s');
  assert.match(verdict(0, { ageMs: 3, skipped: 0, received: 9 }), /direct line/);
  assert.match(verdict(0, { ageMs: undefined, skipped: 0, received: 9 }), /the last ones/);
  assert.match(verdict(6000, { ageMs: undefined, skipped: 0, received: 0 }), /waits/);
  assert.match(verdict(6000, { ageMs: 900, skipped: 0, received: 9 }), /nothing had to be skipped/);
  assert.match(verdict(6000, { ageMs: 900, skipped: 1200, received: 400 }), /75 % of the messages/);
  assert.equal(relayEndpoint({ hostname: '[::1]' }, { port: 7, path: '/c?rate=1' }), 'ws://[::1]:7/c?rate=1');
});

test('bytes are said with three digits at most', () => {
  for (const [bytes, text] of [[0, '0 B'], [999, '999 B'], [1000, '1.0 KB'], [64_200, '64 KB'], [999_600, '1.0 MB'], [2.5e9, '2.5 GB']] as const) {
    assert.equal(formatBytes(bytes), text);
  }
});

test('the whole outline is on the map, and colours go from cold to warm', () => {
  for (const [longitude, latitude] of OUTLINE) {
    const [x, y] = placeOn(400, longitude, latitude);
    assert.ok(x > 0 && x < 400 && y > 0 && y < 400 / ASPECT, `${longitude}, ${latitude}`);
  }
  assert.ok(hueOf(-80) > 200 && hueOf(190) < 20 && hueOf(500) === hueOf(190));
});
