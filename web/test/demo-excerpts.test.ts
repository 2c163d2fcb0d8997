import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { excerptsOf } from '../build/excerpts.ts';

test('marked lines lose their common indentation and keep the rest', () => {
  const source = 'a\n    // [how One\n    if (x) {\n      y();\n\n    }\n    // how]\nb\n// [how Two\nz\n// how]\n';
  assert.deepEqual(excerptsOf(source), [
    { title: 'One', code: 'if (x) {\n  y();\n\n}' },
    { title: 'Two', code: 'z' },
  ]);
  assert.deepEqual(excerptsOf('nothing here\n// how it works\n'), []);
});

test('an excerpt without its other end is a mistake', () => {
  assert.throws(() => excerptsOf('// [how One\nx\n'), /"One" has no end/);
  assert.throws(() => excerptsOf('// [how One\nx\n// [how Two\n// how]'), /"One" has no end before/);
  assert.throws(() => excerptsOf('x\n// how]\n'), /not begun/);
});

test('the example that the chat page shows has marked lines', () => {
  assert.notEqual(excerptsOf(readFileSync('../examples/demo_chat.rs', 'utf8')).length, 0);
});
