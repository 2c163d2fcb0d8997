import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';

import { archiveOf } from '../build/take-home.ts';

test('tar reads the archive', () => {
  const files = [0, 1, 511, 512, 513].map((bytes) => ({ name: `folder/${bytes}.txt`, body: Buffer.alloc(bytes, 'x') }));
  const archive = archiveOf(files);
  const listed = execFileSync('tar', ['-tf', '-'], { input: archive, encoding: 'utf8' });
  assert.deepEqual(listed.trim().split('\n'), files.map(({ name }) => name));
  for (const { name, body } of files) {
    assert.deepEqual(execFileSync('tar', ['-xOf', '-', name], { input: archive }), body);
  }
});

test('a name that does not fit is no archive', () => {
  assert.throws(() => archiveOf([{ name: 'x'.repeat(101), body: Buffer.alloc(1) }]), /too long/);
});
