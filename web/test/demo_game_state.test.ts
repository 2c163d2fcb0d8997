import assert from 'node:assert/strict';
import { test } from 'node:test';

import { decodeState, encodeInput } from '../demo/game/state.ts';

const HEAD = [1, 42, 7, 1, 0, 0, 0xff, 0xff, 1, 1];
const SHIP = [3, 2, 0b110, 9, 5, 4, 12, 0, 0x00, 0x10, 0x08, 0x00, 0x00, 0xff, 0x80, 0x00, 0x00, 0x40];
const SPARK = [0x10, 0x00, 0x20, 0x00];

test('a state is read as the arena writes it', () => {
  const state = decodeState(Uint8Array.from([...HEAD, ...SHIP, ...SPARK]));
  assert.deepEqual(state, {
    secondsLeft: 42,
    step: 263,
    champion: 0xffff,
    ships: [
      {
        number: 0x0203, isBot: false, isPushed: true, isAdrift: true, age: 9, sequence: 0x0405, score: 12,
        x: 256, y: 0.5, vx: -1, vy: 0.5, heading: Math.PI / 2,
      },
    ],
    sparks: [{ x: 1, y: 2, isGolden: true }],
  });
});

test('what is no state is nothing', () => {
  const whole = [...HEAD, ...SHIP, ...SPARK];
  for (const bytes of [[], whole.slice(0, -1), [...whole, 0], [2, ...whole.slice(1)]]) {
    assert.equal(decodeState(Uint8Array.from(bytes)), undefined);
  }
});

test('an input is four bytes', () => {
  assert.deepEqual([...encodeInput({ sequence: 0x1234, angle: 200, power: 255 })], [0x34, 0x12, 200, 255]);
});
