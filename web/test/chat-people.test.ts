import assert from 'node:assert/strict';
import { test } from 'node:test';

import { People, type Session } from '../demo/chat/people.ts';
import { BELIEVED_MS, SIGNAL_EVERY_MS, TypingSignal, Typists, typingSentence } from '../demo/chat/typing.ts';

const session = (client: string, user: string, name = user): Session => ({ client, user, connInfo: { name } });

test('a user with two devices comes once and goes once', () => {
  const people = new People();
  people.ask();
  people.answer([session('c0', 'me')]);
  assert.equal(people.joined(session('c1', 'u1', 'Ann')), 'Ann');
  assert.equal(people.joined(session('c2', 'u1', 'Ann')), undefined);
  assert.equal(people.joined(session('c2', 'u1', 'Ann')), undefined, 'told twice');
  assert.deepEqual(people.list('me').map(({ name, devices }) => [name, devices]), [['me', 1], ['Ann', 2]]);
  assert.equal(people.left(session('c1', 'u1', 'Ann')), undefined);
  assert.equal(people.left(session('c2', 'u1', 'Ann')), 'Ann');
  assert.equal(people.left(session('c2', 'u1', 'Ann')), undefined, 'told twice');
});

test('who comes and goes while the list is on its way is not lost and not kept', () => {
  const people = new People();
  people.ask();
  people.joined(session('new', 'u1'));
  people.joined(session('both', 'u2'));
  people.left(session('gone', 'u3'));
  people.answer([session('both', 'u2'), session('gone', 'u3'), session('old', 'u4')]);
  assert.deepEqual(people.list('').map(({ user }) => user), ['u1', 'u2', 'u4']);
});

test('me first, then by name; visitors without a name are counted', () => {
  const people = new People();
  people.answer([session('c1', 'u1', 'Zoe'), session('c2', 'u2', 'Ann'), session('c3', 'u3', 'Bob'), session('c4', ''), { client: 'c5' }]);
  assert.deepEqual(people.list('u3').map(({ name }) => name), ['Bob', 'Ann', 'Zoe']);
  assert.equal(people.guests, 2);
  assert.equal(people.joined({ client: 'c6' }), undefined);
  assert.equal(people.guests, 3);
});

test('a signal while typing, not for each key', () => {
  const signal = new TypingSignal();
  assert.deepEqual([0, 100, SIGNAL_EVERY_MS - 1, SIGNAL_EVERY_MS, SIGNAL_EVERY_MS + 1].map((ms) => signal.pressed(ms)), [true, false, false, true, false]);
  signal.reset();
  assert.ok(signal.pressed(SIGNAL_EVERY_MS + 2));
});

test('who is typing is believed for a while, or until they have spoken', () => {
  const typists = new Typists();
  typists.heard('u1', 'Ann', 0);
  typists.heard('u2', 'Bob', 1_000);
  assert.deepEqual(typists.names(1_000), ['Ann', 'Bob']);
  assert.deepEqual(typists.names(BELIEVED_MS), ['Bob']);
  typists.stopped('u2');
  assert.deepEqual(typists.names(BELIEVED_MS), []);
  assert.ok(BELIEVED_MS > SIGNAL_EVERY_MS);
});

test('the line that says so', () => {
  const sentences = [[], ['Ann'], ['Ann', 'Bob'], ['Ann', 'Bob', 'Cy'], ['Ann', 'Bob', 'Cy', 'Di']].map(typingSentence);
  assert.deepEqual(sentences, ['', 'Ann is typing…', 'Ann and Bob are typing…', 'Ann, Bob and Cy are typing…', 'Several people are typing…']);
});
