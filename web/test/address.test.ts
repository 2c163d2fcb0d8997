import assert from 'node:assert/strict';
import { test } from 'node:test';

import { addressWith, channelsIn } from '../src/address.ts';

test('without a word in the address it is the demo channel, and the address stays clean', () => {
  assert.deepEqual(channelsIn(''), ['demo']);
  assert.equal(addressWith('/', ['demo']), '/');
});

test('channels survive a reload, whatever their names hold', () => {
  const names = ['news:sport', 'a&b=c', '$private#1', 'ü'];
  assert.deepEqual(channelsIn(addressWith('/', names).slice(1)), names);
  assert.deepEqual(channelsIn('?channel=a&channel=&channel=a'), ['a']);
});
