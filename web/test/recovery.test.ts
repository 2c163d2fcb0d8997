import assert from 'node:assert/strict';
import { test } from 'node:test';

import { outcomeOf, sentenceFor } from '../src/recovery.ts';

const answer = { recoverable: true, wasRecovering: false, recovered: false };

test('a first join is no recovery', () => {
  assert.deepEqual(outcomeOf(false, undefined, answer), { kind: 'joined', recoverable: true });
});

test('only the server may say recovered', () => {
  const outcome = outcomeOf(true, undefined, { ...answer, wasRecovering: true, recovered: true });
  assert.deepEqual(outcome, { kind: 'recovered' });
  assert.match(sentenceFor(outcome, 1), /1 message sent/);
  assert.match(sentenceFor(outcome, 0), /nothing was sent/);
});

test('a gap counts what was missed only within one stream', () => {
  const failed = { ...answer, wasRecovering: true, streamPosition: { offset: 20, epoch: 'a' } };
  assert.deepEqual(outcomeOf(true, { offset: 8, epoch: 'a' }, failed), { kind: 'gap', missed: 12 });
  assert.deepEqual(outcomeOf(true, { offset: 8, epoch: 'b' }, failed), { kind: 'gap', missed: undefined });
  assert.deepEqual(outcomeOf(true, { offset: 30, epoch: 'a' }, failed), { kind: 'gap', missed: undefined });
  assert.deepEqual(outcomeOf(true, undefined, failed), { kind: 'gap', missed: undefined });
});

test('coming back without recovery is said, not hidden', () => {
  const outcome = outcomeOf(true, undefined, { ...answer, recoverable: false });
  assert.equal(outcome.kind, 'unprotected');
  assert.match(sentenceFor(outcome, 0), /lost/);
});
