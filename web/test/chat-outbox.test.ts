import assert from 'node:assert/strict';
import { test } from 'node:test';

import { DRAFTS_MAX, Outbox, type Refusal } from '../demo/chat/outbox.ts';

/** An outbox whose server answers when the test says so. */
function outbox() {
  const asked: { text: string; id: string; yes(): void; no(refusal: Refusal): void }[] = [];
  let ids = 0;
  const box = new Outbox({
    publish: (_, { id, text }) => new Promise((resolve, reject) => asked.push({ text, id, yes: () => resolve({}), no: reject })),
    changed() {},
    pause: () => Promise.resolve(),
    nowMs: () => 0,
    newId: () => `id${(ids += 1)}`,
  });
  return { box, asked, states: () => box.of('lobby').map(({ text, state }) => `${text} ${state}`) };
}

/** Until all promises that can go on have done so. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

test('messages go out one after another, and leave when the room has them', async () => {
  const { box, asked, states } = outbox();
  box.online(true);
  box.write('lobby', 'one');
  box.write('lobby', 'two');
  assert.deepEqual(states(), ['one sending', 'two waiting']);
  asked[0]?.yes();
  await settled();
  assert.deepEqual(states(), ['one sent', 'two sending']);
  box.published('lobby', 'id2');
  box.published('lobby', 'id1');
  asked[1]?.yes();
  await settled();
  assert.deepEqual(states(), []);
});

test('what a lost link left unanswered is sent again with the same id, before what came later', async () => {
  const { box, asked, states } = outbox();
  box.online(true);
  box.write('lobby', 'one');
  box.online(false);
  box.write('lobby', 'two');
  asked[0]?.no({ code: 11, message: 'connection closed' });
  await settled();
  assert.deepEqual(states(), ['one waiting', 'two waiting']);
  assert.equal(asked.length, 1, 'nothing goes out without a link');
  box.online(true);
  assert.deepEqual([asked[1]?.text, asked[1]?.id], ['one', 'id1']);
  asked[1]?.yes();
  await settled();
  assert.equal(asked[2]?.text, 'two');
});

test('a refusal says why, and may be tried again or taken back', async () => {
  const { box, asked, states } = outbox();
  box.online(true);
  box.write('lobby', 'spam');
  box.write('lobby', 'hello');
  asked[0]?.no({ code: 1001, message: 'Not said here.' });
  await settled();
  assert.deepEqual(states(), ['spam refused', 'hello sending']);
  assert.equal(box.of('lobby')[0]?.reason, 'Not said here.');
  asked[1]?.yes();
  await settled();
  box.again('id1');
  assert.equal(asked[2]?.text, 'spam');
  asked[2]?.no({ code: 1001, message: 'Not said here.' });
  await settled();
  assert.equal(box.drop('id1'), 'spam');
  assert.deepEqual(states(), ['hello sent']);
});

test('too fast is a refusal, except for a rush that a lost link has made', async () => {
  const { box, asked, states } = outbox();
  box.write('lobby', 'waited');
  box.online(true);
  box.write('lobby', 'typed');
  const tooFast = { code: 1002, message: 'Too fast.' };
  asked[0]?.no(tooFast);
  await settled();
  assert.equal(asked[1]?.text, 'waited');
  asked[1]?.yes();
  await settled();
  asked[2]?.no(tooFast);
  await settled();
  assert.deepEqual(states(), ['waited sent', 'typed refused']);
});

test('a server that asks for patience gets it', async () => {
  const { box, asked, states } = outbox();
  box.online(true);
  box.write('lobby', 'one');
  asked[0]?.no({ code: 111, message: 'too many requests', temporary: true });
  await settled();
  assert.deepEqual(states(), ['one sending']);
  assert.equal(asked[1]?.id, 'id1');
});

test('only so many are kept', () => {
  const { box } = outbox();
  for (let n = 0; n < DRAFTS_MAX; n += 1) assert.equal(box.write('lobby', 'x'), undefined);
  assert.match(box.write('lobby', 'x') ?? '', /waiting already/);
});
