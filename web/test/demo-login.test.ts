import assert from 'node:assert/strict';
import { test } from 'node:test';

import { passOf } from '../demo/frame/pass.ts';

test('a pass has a user and a token', () => {
  assert.deepEqual(passOf({ user: 'ann', token: 'x.y.z', more: 1 }), { user: 'ann', token: 'x.y.z' });
  for (const answer of [undefined, null, {}, { user: 'ann' }, { user: 1, token: 'x' }]) assert.throws(() => passOf(answer), /no user and token/);
});
