import assert from 'node:assert/strict';
import { test } from 'node:test';

import { fly, turnBetween, type Body } from '../demo/game/flight.ts';

test('a ship flies as the server has it', () => {
  // The same table is in examples/demo_arena.rs.
  let body: Body = { x: 1200, y: 40, vx: 0, vy: 0, heading: 0 };
  for (const [angle, power, steps, x, y, heading] of [
    [0, 255, 30, 1371.9, 40.0, 0.000],
    [192, 255, 20, 1508.8, 18.2, 4.712],
    [64, 128, 30, 1534.6, 65.7, 1.571],
    [100, 0, 15, 1535.4, 103.9, 1.571],
  ] as const) {
    for (let step = 0; step < steps; step += 1) body = fly(body, { angle, power });
    const far = Math.abs(body.x - x) + Math.abs(body.y - y) + Math.abs(body.heading - heading);
    assert.ok(far < 0.5, `${angle} ${power}: ${body.x} ${body.y} ${body.heading}`);
  }
});

test('it turns the short way', () => {
  assert.ok(Math.abs(turnBetween(0.1, 6.2) - (6.1 - 2 * Math.PI)) < 1e-9);
  assert.ok(Math.abs(turnBetween(6.2, 0.1) - (2 * Math.PI - 6.1)) < 1e-9);
});
