import assert from 'node:assert/strict';
import { test } from 'node:test';

import { agoOf } from '../demo/notifications/ago.ts';
import { Inbox, NOTES_MAX } from '../demo/notifications/inbox.ts';
import { EMPTY, recall, remember, type Store } from '../demo/notifications/memory.ts';
import { noteOf, type Note, type StreamKey } from '../demo/notifications/note.ts';
import { Orders, ORDERS_MAX, isDelivered, progressOf } from '../demo/notifications/orders.ts';
import { MARKS_MAX, ReadMarks } from '../demo/notifications/read-marks.ts';
import { NOTHING_MISSED, isGap, replayOfGap, sentenceOf, together } from '../demo/notifications/replay.ts';
import { sendCommand } from '../demo/notifications/send-command.ts';
import { nameIn, nameOf, newName } from '../demo/notifications/user-name.ts';

const note = (offset: number, stream: StreamKey = 'user', data: unknown = { title: `n${offset}`, at: offset * 1_000 }): Note =>
  noteOf(data, { stream, epoch: 'e', offset }, 1_000_000, 'live');
const titles = (inbox: Inbox) => inbox.notes.map(({ title }) => title);

test('a note is made of whatever somebody has published', () => {
  const place = { stream: 'user', epoch: 'e', offset: 7 } as const;
  const of = (data: unknown) => noteOf(data, place, 5_000, 'before');
  assert.equal(of({ title: ' Hello ', text: 'there' }).title, 'Hello');
  assert.equal(of({ text: 'only a text' }).title, 'only a text');
  assert.equal(of({ text: 'only a text' }).text, '');
  for (const data of [undefined, null, 'words', 3, [], {}, { title: 4 }]) {
    assert.equal(of(data).title, 'A message without a title', JSON.stringify(data));
  }
  assert.equal(of({ title: 'x'.repeat(500) }).title.length, 120);
  assert.equal(of({ title: 'x' }).id, 'user/e/7');
  assert.deepEqual([of({ at: 9_000 }).timeMs, of({ at: 4_000 }).timeMs, of({ at: Number.NaN }).isTimeKnown], [5_000, 4_000, false]);
  assert.equal(of({ order: { id: 'a', step: 99, way: 7 } }).order?.step, 4);
  assert.equal(of({ order: { id: 'a', step: 99, way: 7 } }).order?.way, 0);
  assert.equal(of({ order: { step: 1 } }).order, undefined);
});

test('the inbox has each note once, the newest first, and no more than it may', () => {
  const inbox = new Inbox();
  for (const offset of [2, 1, 3, 2]) inbox.add(note(offset));
  assert.deepEqual(titles(inbox), ['n3', 'n2', 'n1']);
  inbox.add(note(1, 'all', { title: 'for all', at: 2_500 }));
  assert.deepEqual(titles(inbox), ['n3', 'for all', 'n2', 'n1']);
  // Within a stream the clock of the sender does not matter.
  inbox.add(note(4, 'user', { title: 'n4', at: 1 }));
  assert.ok(titles(inbox).indexOf('n4') < titles(inbox).indexOf('n3'));
  const full = new Inbox();
  for (let offset = 1; offset <= NOTES_MAX + 5; offset += 1) full.add(note(offset));
  assert.equal(full.notes.length, NOTES_MAX);
  assert.equal(full.notes[0]?.title, `n${NOTES_MAX + 5}`);
  assert.equal(full.add(note(1)), false, 'older than all');
});

test('filters show what they say', () => {
  const inbox = new Inbox();
  inbox.add(note(1));
  inbox.add(note(2, 'user', { title: 'step', order: { id: 'a', step: 0 } }));
  inbox.add(note(3, 'all'));
  const shown = (filter: Parameters<Inbox['shown']>[0]) => inbox.shown(filter, (id) => id === 'all/e/3').map(({ offset }) => offset);
  assert.deepEqual([shown('everybody'), shown('mine'), shown('orders')], [[3], [1], [2]]);
  assert.deepEqual(shown('unread').sort(), [1, 2]);
});

test('devices agree on what was read, in whatever order they speak', () => {
  const listed = ['a', 'b', 'c', 'd'].map((id) => ({ id }));
  const devices = [new ReadMarks(), new ReadMarks(), new ReadMarks()];
  devices[0]?.mark(['a']);
  devices[1]?.mark(['b', 'c']);
  // The channel keeps the newest state only: each device publishes until nobody has news.
  let latest: unknown;
  for (let round = 0; round < 4; round += 1) {
    for (const device of devices) {
      const news = device.news(listed);
      if (news === undefined) continue;
      latest = news;
      for (const other of devices) other.take(latest);
    }
  }
  for (const device of devices) {
    assert.deepEqual(device.all().sort(), ['a', 'b', 'c']);
    assert.equal(device.news(listed), undefined);
  }
});

test('marks that nobody listed asks for are not said again, nonsense is nothing, and there is a limit', () => {
  const marks = new ReadMarks(['gone']);
  assert.equal(marks.news([{ id: 'here' }]), undefined);
  for (const data of [undefined, 3, {}, { read: 'a' }, { read: [3, null] }]) assert.equal(marks.take(data), false);
  assert.deepEqual(marks.mark(['x', 'x2']), ['x', 'x2']);
  assert.deepEqual(marks.mark(['x']), []);
  marks.mark(Array.from({ length: MARKS_MAX }, (_, n) => `m${n}`));
  assert.equal(marks.all().length, MARKS_MAX);
  assert.equal(marks.has('gone'), false, 'the oldest went');
});

test('an order only moves forward, and the newest are followed', () => {
  const orders = new Orders();
  assert.ok(orders.take({ id: 'a', item: 'tea', step: 1, way: 0.5 }));
  assert.equal(orders.take({ id: 'a', item: 'tea', step: 1, way: 0.2 }), false);
  assert.ok(orders.take({ id: 'a', item: 'tea', step: 4, way: 0 }));
  assert.equal(orders.take({ id: 'a', item: 'tea', step: 2, way: 0 }), false);
  const [order] = orders.list();
  assert.ok(order !== undefined && isDelivered(order) && progressOf(order) === 1);
  assert.equal(progressOf({ id: 'b', item: '', step: -1, way: 0.5 }), 0);
  assert.equal(progressOf({ id: 'b', item: '', step: 1, way: 0.5 }), 0.375);
  for (const id of ['b', 'c', 'd']) orders.take({ id, item: '', step: 0, way: 0 });
  assert.equal(orders.list().length, ORDERS_MAX);
  assert.deepEqual(orders.list().map(({ id }) => id), ['d', 'c', 'b']);
});

test('what is kept comes back, and what is not understood is nothing', () => {
  const kept = new Map<string, string>();
  const store: Store = { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => void kept.set(key, value) };
  const memory = { positions: { all: undefined, user: { epoch: 'e', offset: 4 } }, notes: [note(4)], read: ['user/e/4'] };
  remember(store, 'ann', memory);
  assert.equal(JSON.stringify(recall(store, 'ann')), JSON.stringify(memory), 'all of it');
  assert.deepEqual(recall(store, 'bob'), EMPTY);
  const [key] = kept.keys();
  for (const text of ['', '{', '[]', '{"positions":3}', '{"positions":{"user":{"offset":"4"}},"notes":[{"id":3}],"read":[4]}']) {
    kept.set(key ?? '', text);
    assert.deepEqual(recall(store, 'ann'), EMPTY, text);
  }
  const broken: Store = {
    getItem: () => {
      throw new Error('forbidden');
    },
    setItem: () => {
      throw new Error('full');
    },
  };
  remember(broken, 'ann', memory);
  assert.deepEqual(recall(broken, 'ann'), EMPTY);
});

test('what is said of an absence is what is known of it', () => {
  const last = { epoch: 'e', offset: 10 };
  assert.deepEqual(replayOfGap({ kind: 'gap', missed: 5 }, last, [13, 14, 15]), { arrived: 3, lost: 2 });
  assert.deepEqual(replayOfGap({ kind: 'gap', missed: undefined }, last, [1, 2]), { arrived: 2, lost: undefined });
  assert.equal(sentenceOf(NOTHING_MISSED), '');
  assert.equal(sentenceOf({ arrived: 1, lost: 0 }), '1 notification came while you were away. Nothing is missing.');
  assert.match(sentenceOf({ arrived: 3, lost: 2 }), /^Gap: 2 notifications are lost; .* The 3 that it still has are here\.$/);
  assert.match(sentenceOf({ arrived: 0, lost: undefined }), /^Gap: the server was started anew/);
  assert.deepEqual(together({ arrived: 1, lost: 2 }, { arrived: 3, lost: 0 }), { arrived: 4, lost: 2 });
  assert.ok(isGap(together({ arrived: 1, lost: undefined }, NOTHING_MISSED)));
});

test('the command can be pasted into a shell whatever it says', () => {
  assert.equal(
    sendCommand('http://127.0.0.1:8000', { to: 'ann', title: `It's`, text: '' }),
    `curl http://127.0.0.1:8000/api/publish \\\n  -d '{"channel":"notify:user#ann","data":{"title":"It'\\''s"}}'`,
  );
  assert.match(sendCommand('http://h', { to: '', title: 'a', text: 'b' }), /"channel":"notify:all","data":\{"title":"a","text":"b"\}/);
});

test('names are as the back end takes them', () => {
  assert.deepEqual(['Ann ', 'a-1', '', 'a b', 'a#b', 'x'.repeat(25)].map(nameOf), ['ann', 'a-1', undefined, undefined, undefined, undefined]);
  assert.equal(nameIn('?user=Bob'), 'bob');
  assert.equal(nameIn(''), undefined);
  for (const random of [0, 0.5, 0.999999]) assert.ok(nameOf(newName(() => random)));
});

test('how long ago', () => {
  assert.deepEqual([-5, 59_000, 61_000, 7_200_000, 172_800_000].map((ms) => agoOf(0, ms)), ['now', 'now', '1 min', '2 h', '2 d']);
});
