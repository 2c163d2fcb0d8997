import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';

import { curlCommand } from '../src/curl.ts';

/** What a shell makes of the command: the arguments curl would get. */
function argumentsOf(command: string): string[] {
  const script = `curl() { printf '%s\\0' "$@"; }\n${command}`;
  return execFileSync('sh', ['-c', script], { encoding: 'utf8' }).split('\0').slice(0, -1);
}

test('the shell hands curl the channel unharmed', () => {
  for (const channel of ['demo', "it's", '$(id)', 'a"b\\c', '`x` ! *']) {
    const args = argumentsOf(curlCommand({ origin: 'http://localhost:8000', channel, apiKey: false, timeStamp: false }));
    assert.deepEqual(args.slice(0, 2), ['http://localhost:8000/api/publish', '-d']);
    assert.equal((JSON.parse(args[2] ?? '') as { channel: string }).channel, channel);
  }
});

test('an IPv6 address is quoted, the key is a header', () => {
  const args = argumentsOf(curlCommand({ origin: 'http://[::1]:8000', channel: 'demo', apiKey: true, timeStamp: false }));
  assert.deepEqual(args.slice(0, 3), ['http://[::1]:8000/api/publish', '-H', 'X-API-Key: YOUR_KEY']);
});

test('the time stamp is a number by the time curl runs', { skip: process.platform !== 'linux' }, () => {
  const args = argumentsOf(curlCommand({ origin: 'http://a', channel: 'demo', apiKey: false, timeStamp: true }));
  const { data } = JSON.parse(args[2] ?? '') as { data: { sent_ms: number } };
  assert.ok(Math.abs(data.sent_ms - Date.now()) < 60_000);
});
