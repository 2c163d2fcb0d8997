import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Delay } from '../demo/game/delay.ts';
import { fly, STEP_MS, type Body, type Input } from '../demo/game/flight.ts';
import { isNewer, Prediction } from '../demo/game/prediction.ts';
import type { Ship, State } from '../demo/game/state.ts';
import { BEHIND_STEPS, Timeline } from '../demo/game/timeline.ts';

function ship(fields: Partial<Ship>): Ship {
  return {
    number: 1, isBot: false, isPushed: false, isAdrift: false, score: 0, sequence: 0, age: 0,
    x: 1000, y: 700, vx: 0, vy: 0, heading: 0, ...fields,
  };
}

function state(step: number, ...ships: Ship[]): State {
  return { step, secondsLeft: 10, champion: 0, ships, sparks: [] };
}

test('what was flown ahead is flown again from where the server has the ship', () => {
  const prediction = new Prediction();
  prediction.correct(ship({}));
  const first: Input = { sequence: 1, angle: 0, power: 255 };
  const second: Input = { sequence: 2, angle: 64, power: 255 };
  for (const input of [first, first, first, second, second]) prediction.step(input);
  assert.equal(prediction.ahead, 5);
  // The server has done two steps of the first input and agrees: nothing moves.
  let server: Body = ship({});
  server = fly(fly(server, first), first);
  const before = prediction.shown(0, 0);
  prediction.correct(ship({ ...server, sequence: 1, age: 2 }));
  assert.equal(prediction.ahead, 3);
  assert.deepEqual(round(prediction.shown(0, 0)), round(before));
});

test('an input that is held is told from its steps that were seen before', () => {
  const prediction = new Prediction();
  prediction.correct(ship({}));
  const held: Input = { sequence: 1, angle: 0, power: 255 };
  for (let age = 1; age <= 60; age += 1) {
    prediction.step(held);
    if (age > 3) prediction.correct(ship({ sequence: 1, age: age - 3 }));
  }
  assert.equal(prediction.ahead, 3);
});

test('where the server knows better the ship glides there, and does not jump', () => {
  const prediction = new Prediction();
  prediction.correct(ship({ x: 1000 }));
  prediction.correct(ship({ x: 1060 }));
  assert.equal(prediction.shown(0, 0)?.x, 1000);
  const later = prediction.shown(0, 90)?.x ?? 0;
  assert.ok(later > 1030 && later < 1050, String(later));
  assert.ok(Math.abs((prediction.shown(0, 1000)?.x ?? 0) - 1060) < 0.1);
});

test('without word from the server the ship waits', () => {
  const prediction = new Prediction();
  prediction.correct(ship({}));
  for (let step = 0; step < 500; step += 1) prediction.step({ sequence: 1, angle: 0, power: 255 });
  assert.ok(prediction.ahead <= 15);
  assert.ok((prediction.shown(0, 0)?.x ?? 0) < 1100);
});

test('others are shown between two states, whichever of them were lost', () => {
  const timeline = new Timeline();
  for (const step of [10, 11, 14]) timeline.push(state(step, ship({ x: step * 10 })), 1_000 + step * STEP_MS);
  const at = (step: number) => timeline.ships(1_000 + (step + BEHIND_STEPS) * STEP_MS)[0]?.x ?? 0;
  assert.ok(Math.abs(at(10.5) - 105) < 0.1);
  assert.ok(Math.abs(at(12.5) - 125) < 0.1, String(at(12.5)));
});

test('a late state does not hold the others back, and a server that starts anew begins anew', () => {
  const timeline = new Timeline();
  timeline.push(state(10, ship({ x: 100 })), 1_000);
  timeline.push(state(11, ship({ x: 110 })), 1_000 + STEP_MS + 80);
  const shown = timeline.ships(1_000 + (BEHIND_STEPS + 0.5) * STEP_MS)[0]?.x ?? 0;
  assert.ok(Math.abs(shown - 105) < 0.1, String(shown));
  timeline.push(state(1, ship({ x: 5 })), 5_000);
  assert.equal(timeline.ships(5_001)[0]?.x, 5);
});

test('the delay is that of the input that a drawn state follows', () => {
  const delay = new Delay();
  assert.equal(delay.summary, undefined);
  delay.sent(65_535, 100);
  delay.sent(0, 110);
  delay.drawn(0, 150);
  delay.drawn(0, 180);
  delay.sent(1, 200);
  delay.drawn(1, 260);
  assert.deepEqual(delay.summary, { medianMs: 60, slowMs: 60 });
  assert.ok(isNewer(0, 65_535) && !isNewer(65_535, 0) && !isNewer(3, 3));
});

function round(body: Body | undefined): number[] {
  return [body?.x ?? 0, body?.y ?? 0, body?.heading ?? 0].map((value) => Math.round(value * 1000) / 1000);
}
