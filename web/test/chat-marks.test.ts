import assert from 'node:assert/strict';
import { test } from 'node:test';

import { hasMore, marksOf, merged, readUpTo, type Marks } from '../demo/chat/marks.ts';
import { isRoomName, roomIn, roomNameFrom, ROOMS_MAX } from '../demo/chat/rooms.ts';

const epochs = { lobby: 'e', ideas: 'e' };
const phone: Marks = { lobby: { epoch: 'e', offset: 5 }, ideas: { epoch: 'e', offset: 1 } };
const desk: Marks = { lobby: { epoch: 'e', offset: 3 }, ideas: { epoch: 'e', offset: 4 }, coffee: { epoch: 'e', offset: 1 } };

test('two devices come to the same, in either order and however often', () => {
  const both: Marks = { lobby: { epoch: 'e', offset: 5 }, ideas: { epoch: 'e', offset: 4 }, coffee: { epoch: 'e', offset: 1 } };
  assert.deepEqual(merged(phone, desk, epochs), both);
  assert.deepEqual(merged(desk, phone, epochs), both);
  assert.deepEqual(merged(both, phone, epochs), both);
  assert.ok(hasMore(both, phone) && hasMore(both, desk) && !hasMore(both, both) && !hasMore(phone, both));
});

test('after a restart of the server the mark of its new life counts', () => {
  const old: Marks = { lobby: { epoch: 'old', offset: 90 } };
  const now: Marks = { lobby: { epoch: 'e', offset: 2 } };
  assert.deepEqual(merged(old, now, epochs), now);
  assert.deepEqual(merged(now, old, epochs), now);
  assert.deepEqual(merged(old, now, {}), now, 'where the epoch is not known, theirs');
  assert.equal(readUpTo(old, 'lobby', 'e'), 0);
  assert.equal(readUpTo(now, 'lobby', 'e'), 2);
  assert.equal(readUpTo(now, 'coffee', 'e'), 0);
});

test('what is no mark is left out, and there are never too many', () => {
  for (const nothing of [null, 3, {}, { read: null }, { read: [] }]) assert.deepEqual(marksOf(nothing), {});
  const read = { lobby: { epoch: 'e', offset: 2 }, 'No Room': { epoch: 'e', offset: 2 }, a: null, b: { epoch: 'e', offset: 1.5 } };
  assert.deepEqual(marksOf({ read }), { lobby: { epoch: 'e', offset: 2 } });
  const many = Object.fromEntries(Array.from({ length: 40 }, (_, at) => [`room-${at}`, { epoch: 'e', offset: at }]));
  assert.equal(Object.keys(marksOf({ read: many })).length, ROOMS_MAX);
  assert.equal(Object.keys(merged(phone, many, {})).length, ROOMS_MAX);
});

test('rooms have plain names', () => {
  assert.deepEqual(['lobby', 'a-1', '', 'A', 'a b', 'x'.repeat(25)].map(isRoomName), [true, true, false, false, false, false]);
  assert.deepEqual(['Café Crème!', '  Rust & Go ', '…', 'Ünïcode'].map(roomNameFrom), ['cafe-creme', 'rust-go', '', 'unicode']);
  assert.equal(roomNameFrom(`${'x'.repeat(23)} y`), 'x'.repeat(23));
  assert.deepEqual(['?room=ideas', '?room=No', ''].map(roomIn), ['ideas', 'lobby', 'lobby']);
});
