import assert from 'node:assert/strict';
import { test } from 'node:test';

import { SHOWN_CHARS_MAX, jsonPayload, shownText, textPayload } from '../src/payload.ts';

test('what the page writes, the page shows', () => {
  assert.equal(shownText(textPayload('<b>hello</b>', 5)), '<b>hello</b>');
});

test('data of others is shown whole', () => {
  assert.equal(shownText({ text: 'a', urgent: true }), '{"text":"a","urgent":true}');
  assert.equal(shownText([1, null]), '[1,null]');
  assert.equal(shownText('plain'), 'plain');
  assert.equal(shownText(null), 'null');
  assert.equal(shownText(undefined), '');
  assert.equal(shownText('x'.repeat(SHOWN_CHARS_MAX + 1)).length, SHOWN_CHARS_MAX + 1);
});

test('JSON goes out as it stands or not at all', () => {
  assert.deepEqual(jsonPayload('{"a":1}'), { data: { a: 1 } });
  assert.ok('problem' in jsonPayload('{a:1}'));
});
