import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Conversation, messageOf, MESSAGES_MAX, type Message } from '../demo/chat/conversation.ts';

function said(offset: number, user = 'ann'): Message {
  return { offset, id: `m${offset}`, user, name: user, text: `text ${offset}`, atMs: 0 };
}

function offsets(conversation: Conversation): number[] {
  return conversation.messages.map(({ offset }) => offset);
}

test('live first, history after it, recovery again: in order and once', () => {
  const conversation = new Conversation();
  assert.equal(conversation.begin('e'), 'first');
  const added = [5, 6, 4, 3, 5, 6, 7, 7].map((offset) => conversation.add(said(offset)));
  assert.deepEqual(added, [true, true, true, true, false, false, true, false]);
  assert.deepEqual(offsets(conversation), [3, 4, 5, 6, 7]);
  assert.equal(conversation.latest, 7);
  assert.equal(conversation.begin('e'), 'same');
});

test('a hole in the offsets is known, and the beginning is none', () => {
  const conversation = new Conversation();
  for (const offset of [3, 4, 9]) conversation.add(said(offset));
  assert.deepEqual(conversation.messages.map((message) => conversation.missingBefore(message)), [0, 0, 4]);
});

test('in a new life of the stream offsets begin again', () => {
  const conversation = new Conversation();
  conversation.begin('old');
  for (const offset of [1, 2, 3]) conversation.add(said(offset));
  assert.equal(conversation.begin('new'), 'anew');
  assert.ok(conversation.add(said(1)));
  assert.deepEqual(offsets(conversation), [1]);
});

test('the oldest leave, and do not come back', () => {
  const conversation = new Conversation();
  for (let offset = 2; offset < MESSAGES_MAX + 12; offset += 1) conversation.add(said(offset));
  assert.equal(conversation.messages.length, MESSAGES_MAX);
  assert.equal(conversation.messages[0]?.offset, 12);
  assert.equal(conversation.add(said(1)), false);
  assert.equal(conversation.messages.length, MESSAGES_MAX);
});

test('unread is what others wrote behind the mark', () => {
  const conversation = new Conversation();
  for (const [offset, user] of [[1, 'bob'], [2, 'ann'], [3, 'bob'], [4, '']] as const) conversation.add(said(offset, user));
  assert.equal(conversation.unread(0, 'ann'), 3);
  assert.equal(conversation.unread(1, 'ann'), 2);
  assert.equal(conversation.unread(4, 'ann'), 0);
  assert.equal(conversation.unread(0, ''), 4, 'a visitor without a name has written nothing');
});

test('a publication becomes a message, whoever made it', () => {
  const data = { id: 'x', text: 'hello', at: 7 };
  const info = { user: 'u1', connInfo: { name: 'Ann' } };
  assert.deepEqual(messageOf({ data, offset: 3, info }), { offset: 3, id: 'x', user: 'u1', name: 'Ann', text: 'hello', atMs: 7 });
  assert.deepEqual(messageOf({ data, offset: 3 }).name, 'Wavecast');
  assert.equal(messageOf({ data, offset: 3, info: { user: 'u1', connInfo: { name: 4 } } }).name, 'Somebody');
  for (const [strange, text] of [[[1, 2], '[1,2]'], [null, 'null'], ['words', '"words"'], [{ text: 4, at: 'now' }, '{"text":4,"at":"now"}']]) {
    const message = messageOf({ data: strange, offset: 1 });
    assert.deepEqual([message.text, message.atMs, message.id], [text, 0, '']);
  }
});
