// Polls and long-polls by clients that everybody has: fetch and curl.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';

import { publish } from '../api.js';
import { within } from '../patience.js';
import { Server } from '../server.js';

const run = promisify(execFile);
const PATIENCE_MS = 20_000;

let server;

before(async () => {
  server = await Server.start();
});

after(async () => {
  await server?.stop();
});

function address(parameters) {
  const query = Object.entries(parameters).map(([name, value]) => `${name}=${value}`);
  return `${server.origin}/connection/poll?${query.join('&')}`;
}

async function poll(parameters, options = {}) {
  const response = await fetch(address(parameters), { signal: AbortSignal.timeout(PATIENCE_MS), ...options });
  return { response, page: response.status === 304 ? undefined : await response.json() };
}

const payloads = ({ publications }) => publications.map(({ channel, data }) => [channel, data]);

test('fetch waits for a publication and goes on behind it', async () => {
  const { page: now } = await poll({ channels: 'news,talk' });
  assert.deepEqual(now.publications, []);
  const waiting = poll({ channels: 'news,talk', since: now.next, wait: 15 });
  await publish(server, 'talk', { text: 'hé' });
  const { page } = await within(PATIENCE_MS, waiting, 'the wait ends');
  assert.deepEqual(payloads(page), [['talk', { text: 'hé' }]]);
  await publish(server, 'news', 1);
  const { page: next } = await poll({ channels: 'news,talk', since: encodeURIComponent(page.next), wait: 15 });
  assert.deepEqual(payloads(next), [['news', 1]]);
});

test('fetch that is aborted misses nothing', async () => {
  const { page: now } = await poll({ channels: 'cut' });
  for (let number = 1; number <= 5; number += 1) {
    const abort = new AbortController();
    const waiting = poll({ channels: 'cut', since: now.next, wait: 15 }, { signal: abort.signal });
    if (number > 1) await new Promise((resolve) => setTimeout(resolve, number));
    abort.abort();
    await waiting.catch(() => {});
    await publish(server, 'cut', number);
  }
  const { page } = await poll({ channels: 'cut', since: now.next });
  assert.deepEqual(payloads(page).map(([, data]) => data), [1, 2, 3, 4, 5]);
});

test('a tag saves the answer that would be the same', async () => {
  const { response, page } = await poll({ channels: 'quiet' });
  const parameters = { channels: 'quiet', since: page.next };
  const headers = { 'If-None-Match': response.headers.get('etag') };
  assert.equal((await poll(parameters, { headers })).response.status, 304);
  await publish(server, 'quiet', 1);
  assert.deepEqual(payloads((await poll(parameters, { headers })).page), [['quiet', 1]]);
});

async function curl(parameters, more = []) {
  const words = ['--silent', '--show-error', '--max-time', '20', '--write-out', '\n%{http_code}', ...more];
  const { stdout } = await run('curl', [...words, address(parameters)]);
  const end = stdout.lastIndexOf('\n');
  return { status: Number(stdout.slice(end)), page: JSON.parse(stdout.slice(0, end)) };
}

for (const [version, words] of [
  ['HTTP/1.1', ['--http1.1']],
  ['HTTP/2', ['--http2-prior-knowledge']],
]) {
  test(`curl over ${version} is a client`, async () => {
    const channel = `curl%3A${words[0].slice(2, 7)}`;
    const { page: now } = await curl({ channels: channel }, words);
    const waiting = curl({ channels: channel, since: now.next, wait: 15 }, [...words, '--compressed']);
    await publish(server, decodeURIComponent(channel), 'x'.repeat(5000));
    const { status, page } = await waiting;
    assert.equal(status, 200);
    assert.deepEqual(payloads(page), [[decodeURIComponent(channel), 'x'.repeat(5000)]]);
    const { status: refused, page: words107 } = await curl({ channels: channel, wait: 'long' }, words);
    assert.deepEqual([refused, words107.error.code], [400, 107]);
  });
}
