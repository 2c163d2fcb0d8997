import assert from 'node:assert/strict';
import { test } from 'node:test';

import { CAUGHT_UP_SHOWN_MS, LinkMachine, sentenceFor, wordsFor } from '../demo/frame/link-state.ts';

const answer = { recoverable: true, wasRecovering: false, recovered: false, streamPosition: { offset: 10, epoch: 'a' } };
const recovering = { ...answer, wasRecovering: true, recovered: true };

/** Connected, and in a channel at offset 10. */
function inRoom(isComplete = true): LinkMachine {
  const machine = new LinkMachine();
  machine.follow('room', isComplete);
  machine.connected();
  machine.subscribed('room', answer);
  machine.settled('room', 0);
  return machine;
}

function away(machine: LinkMachine): void {
  machine.waiting('the server cannot be reached', 3_000);
  machine.subscribing('room');
  machine.connected();
}

test('a page is live when it is in a channel, not when the socket opens', () => {
  const machine = new LinkMachine();
  assert.equal(machine.state(0).name, 'connecting');
  machine.follow('room', false);
  machine.connected();
  assert.equal(machine.state(0).name, 'connecting');
  machine.subscribed('room', answer);
  assert.equal(machine.state(0).name, 'live');
});

test('a page without channels is live when it is connected', () => {
  const machine = new LinkMachine();
  machine.connected();
  assert.equal(machine.state(0).name, 'live');
});

test('on return it catches up, says how much for a while, and is live again', () => {
  const machine = inRoom();
  away(machine);
  assert.deepEqual(machine.state(0), { name: 'catching-up', missed: undefined });
  machine.subscribed('room', recovering);
  for (const offset of [11, 12, 13]) machine.published('room', offset);
  machine.settled('room', 1_000);
  assert.deepEqual(machine.state(1_000), { name: 'catching-up', missed: 3 });
  assert.equal(wordsFor(machine.state(1_000), 1_000), 'Caught up: 3 missed');
  machine.published('room', 14);
  assert.deepEqual(machine.state(1_000), { name: 'catching-up', missed: 3 }, 'what comes now was not missed');
  assert.equal(machine.state(1_000 + CAUGHT_UP_SHOWN_MS).name, 'live');
});

test('nothing missed is nothing to tell', () => {
  const machine = inRoom();
  away(machine);
  machine.subscribed('room', recovering);
  machine.settled('room', 1_000);
  assert.equal(machine.state(1_000).name, 'live');
});

test('a gap stays until it has been read, and is counted within one stream only', () => {
  const machine = inRoom();
  away(machine);
  machine.subscribed('room', { ...recovering, recovered: false, streamPosition: { offset: 45, epoch: 'a' } });
  machine.settled('room', 0);
  assert.deepEqual(machine.state(1e9), { name: 'gap', missed: 35 });
  machine.gapSeen();
  assert.equal(machine.state(0).name, 'live');
  away(machine);
  machine.subscribed('room', { ...recovering, recovered: false, streamPosition: { offset: 2, epoch: 'b' } });
  assert.deepEqual(machine.state(0), { name: 'gap', missed: undefined });
});

test('a hole in the offsets is a gap where the page promises everything, and elsewhere is not', () => {
  for (const isComplete of [true, false]) {
    const machine = inRoom(isComplete);
    machine.published('room', 11);
    machine.published('room', 14);
    assert.equal(machine.state(0).name, isComplete ? 'gap' : 'live');
  }
});

test('a return without recovery is a gap where the page promises everything', () => {
  for (const isComplete of [true, false]) {
    const machine = inRoom(isComplete);
    away(machine);
    machine.subscribed('room', { ...answer, recoverable: false });
    assert.equal(machine.state(0).name, isComplete ? 'gap' : 'live');
  }
});

test('an end and a wait say why, and the wait counts down', () => {
  const machine = inRoom();
  machine.waiting('the server cannot be reached', 3_000);
  assert.equal(wordsFor(machine.state(0), 0), 'Offline, retry in 3 s');
  assert.equal(wordsFor(machine.state(0), 2_900), 'Offline, retry in 1 s');
  assert.match(sentenceFor(machine.state(0)), /cannot be reached/);
  machine.ended(false, '3500 invalid token');
  assert.match(sentenceFor(machine.state(0)), /3500/);
  machine.ended(true, '');
  assert.equal(sentenceFor(machine.state(0)), 'Offline, as you asked.');
});

test('a channel that was left holds nothing up', () => {
  const machine = inRoom();
  machine.follow('other', true);
  assert.equal(machine.state(0).name, 'live', 'another channel is being joined');
  away(machine);
  machine.leave('room');
  machine.leave('other');
  assert.equal(machine.state(0).name, 'live');
});
