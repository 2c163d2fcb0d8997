import assert from 'node:assert/strict';
import { test } from 'node:test';

import { wordsOf } from '../demo/game/words.ts';

const bytes = (...parts: (string | number)[]) =>
  Uint8Array.from(parts.flatMap((part) => (typeof part === 'number' ? [part] : [...new TextEncoder().encode(part)])));
/** A field with bytes, or a message after its length. */
const field = (number: number, ...parts: (string | number)[]) => [(number << 3) | 2, bytes(...parts).length, ...parts];
const message = (...parts: (string | number)[]) => [bytes(...parts).length, ...parts];

test('frames are named, and the arena’s bytes in them read', () => {
  const state = [1, 42, 7, 1, 0, 0, 0, 0, 0, 1, 16, 0, 16, 0];
  const publication = field(4, ...field(2, 'arena:main'), ...field(4, ...field(4, ...state)));
  assert.equal(wordsOf(bytes(...message(...publication)), 'in'), 'arena:main: step 263, 0 ships, 1 sparks');
  const steer = message(8, 5, ...field(13, ...field(1, 2, 1, 64, 255), ...field(2, 'game.steer')));
  assert.equal(wordsOf(bytes(...steer), 'out'), 'game.steer: input 258, 90°, power 255');
  assert.equal(wordsOf(bytes(...message(8, 1, ...field(4, ...field(1, 'token')))), 'out'), 'connect');
  assert.equal(wordsOf(bytes(0, ...message(8, 1, ...field(6))), 'in'), 'ping; subscribed');
  assert.equal(wordsOf(bytes(9, 1), 'in'), '2 bytes', 'cut short');
});
