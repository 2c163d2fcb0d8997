import assert from 'node:assert/strict';
import { test } from 'node:test';

import { identityInLink, linkFor, store, stored, suggestedName } from '../demo/chat/identity.ts';

const ann = { user: 'user-1', name: 'Ann & Søren', token: 'a.b-_c' };

test('a link carries an identity to another device, behind the #', () => {
  const link = linkFor('http://localhost:8000/demo/chat?room=ideas#old', ann);
  assert.ok(link.startsWith('http://localhost:8000/demo/chat?room=ideas#'));
  assert.deepEqual(identityInLink(new URL(link).hash), ann);
  for (const hash of ['', '#', '#user=u', '#user=&name=x&token=t', '#what-is-this']) assert.equal(identityInLink(hash), undefined);
});

test('a window remembers who it is, and nothing else', () => {
  const kept = new Map<string, string>();
  const storage = {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
    removeItem: (key: string) => void kept.delete(key),
  };
  assert.equal(stored(storage), undefined);
  store(storage, ann);
  assert.deepEqual(stored(storage), ann);
  store(storage, undefined);
  assert.equal(stored(storage), undefined);
  assert.equal(stored({ getItem: () => '{"user":3}' }), undefined);
  assert.equal(stored({ getItem: () => 'nonsense' }), undefined);
  assert.equal(stored({ getItem: () => { throw new Error('shut off'); } }), undefined);
});

test('nobody has to think of a name', () => {
  assert.equal(suggestedName(() => 0), 'Quiet Otter');
  assert.equal(suggestedName(() => 0.999), 'Merry Swift');
});
