// deploy/Dockerfile, as far as it goes without a container engine: what it has run is run here, and what it builds from is there.

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { until, within } from '../patience.js';
import { freePort } from '../ports.js';
import { Server } from '../server.js';

const run = promisify(execFile);

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const START_MAX_MS = 20_000;
const END_MAX_MS = 20_000;

const read = (path) => readFile(join(ROOT, path), 'utf8');
const INSTRUCTIONS = instructions(await read('deploy/Dockerfile'));
const PORT = only('EXPOSE');
const PROGRAM = process.env.TESTED_WAVECAST;
assert.ok(PROGRAM, 'TESTED_WAVECAST names the program');

/** Each as its name and what follows; lines that go on are one. */
function instructions(text) {
  const lines = text.replace(/^\s*#.*\n/gm, '').replaceAll('\\\n', ' ').split('\n');
  return lines.filter(Boolean).map((line) => /^(?<name>[A-Z]+) +(?<rest>.*)$/.exec(line).groups);
}

function all(wanted) {
  return INSTRUCTIONS.filter(({ name }) => name === wanted).map(({ rest }) => rest);
}

function only(wanted) {
  const [rest, ...more] = all(wanted);
  assert.ok(rest !== undefined && more.length === 0, `one ${wanted}`);
  return rest;
}

/** The sources and the destination of a COPY, and the stage they are taken from, if it is one. */
function copied(rest) {
  const words = rest.split(/ +/);
  const stage = words.find((word) => word.startsWith('--from='))?.slice('--from='.length);
  const paths = words.filter((word) => !word.startsWith('--'));
  return { stage, sources: paths.slice(0, -1), destination: paths.at(-1) };
}

/** Runs the check as Docker does, at this port: the code it ends with, `null` where Docker has to end it. */
async function check(port) {
  const [, options, command] = /^(.*)CMD (\[.*\])$/.exec(only('HEALTHCHECK'));
  const timeout = 1000 * Number(/--timeout=(\d+)s/.exec(options)[1]);
  const words = JSON.parse(command);
  const here = words.map((word) => word.replaceAll(`/127.0.0.1/${PORT}`, `/127.0.0.1/${port}`));
  assert.notDeepEqual(here, words, `it asks at ${PORT}`);
  return run(here[0], here.slice(1), { timeout }).then(
    () => 0,
    ({ code }) => code,
  );
}

describe('HEALTHCHECK says', { concurrency: true }, () => {
  test('yes of a server that is well', async () => {
    const server = await Server.start({ config: {} });
    after(() => server.stop());
    assert.equal(await check(server.port), 0);
  });

  test('no of one that leaves, and answers 503', async () => {
    const server = await Server.start({ config: { shutdown: { delay: '15s' } } });
    after(() => server.stop());
    server.signal('SIGTERM');
    await until(async () => (await fetch(`${server.origin}/health`)).status === 503, '503', END_MAX_MS);
    assert.equal(await check(server.port), 1);
  });

  test('no of a port where nobody listens', async () => {
    assert.equal(await check(await freePort()), 1);
  });

  test('no, by itself, of a program that takes connections and is silent', async () => {
    const silent = createServer((socket) => socket.on('error', () => {}));
    await new Promise((resolve) => silent.listen(0, '127.0.0.1', resolve));
    after(() => silent.close());
    assert.notEqual((await check(silent.address().port)) ?? 0, 0);
  });
});

test('ENTRYPOINT and CMD start the program, HEALTHCHECK finds it well, and STOPSIGNAL ends it with 0', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'wavecast-container-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  // Under the name that it has in the container, and found as it is found there.
  const { destination } = all('COPY').map(copied).find(({ stage }) => stage === 'build');
  await mkdir(join(folder, 'bin'));
  await symlink(PROGRAM, join(folder, 'bin', basename(destination)));
  const [arguments_, port] = [JSON.parse(only('CMD')), await freePort()];
  const config = arguments_.at(-1);
  const here = join(folder, basename(config));
  await writeFile(here, `[http_server]\naddress = "127.0.0.1"\nport = ${port}\n`);

  const [program, ...words] = [...JSON.parse(only('ENTRYPOINT')), ...arguments_.map((word) => (word === config ? here : word))];
  const child = spawn(program, words, { stdio: 'inherit', cwd: folder, env: { PATH: join(folder, 'bin') } });
  const ended = new Promise((resolve, reject) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
    child.once('error', reject);
  });
  t.after(() => child.kill('SIGKILL'));
  await Promise.race([
    until(async () => (await check(port)) === 0, 'it is well', START_MAX_MS),
    ended.then(({ code, signal }) => assert.fail(`it ended with ${code ?? signal}`)),
  ]);
  child.kill(only('STOPSIGNAL'));
  assert.deepEqual(await within(END_MAX_MS, ended, 'its end'), { code: 0, signal: null });
});

test('EXPOSE is the port of a program that is told none', async () => {
  const { stdout } = await run(PROGRAM, ['serve', '--help']);
  assert.equal(/--port <PORT>[^[]*\[default: (\d+)\]/.exec(stdout)?.[1], PORT);
});

test('FROM names a Rust that the workspace can be built with', async () => {
  const version = all('FROM').map((rest) => /^rust:([\d.]+)/.exec(rest)?.[1]).find(Boolean);
  const pin = existsSync(join(ROOT, 'rust-toolchain.toml'))
    ? /^channel = "(.*)"$/m.exec(await read('rust-toolchain.toml'))[1]
    : undefined;
  if (pin !== undefined) assert.equal(version, pin);
  const oldest = /^rust-version = "([\d.]+)"$/m.exec(await read('Cargo.toml'))[1];
  assert.ok(version.localeCompare(oldest, 'en', { numeric: true }) >= 0, `${version}, at least ${oldest}`);
});

test('COPY finds what it copies, and nothing that the build reads is left out by .dockerignore', async () => {
  const stages = all('FROM').map((rest) => / AS (\S+)$/.exec(rest)?.[1]);
  const ignored = (await read('.dockerignore')).split('\n').filter((line) => line && !line.startsWith('#')).map(pattern);
  const isIgnored = (path) => ignored.some((expression) => expression.test(path));
  for (const { stage, sources } of all('COPY').map(copied)) {
    if (stage !== undefined) {
      assert.ok(stages.includes(stage), `a stage ${stage}`);
      continue;
    }
    for (const source of sources) assert.ok(existsSync(join(ROOT, source)) && !isIgnored(source), source);
  }
  // Cargo looks at each member; the pages show programs from examples/.
  const members = JSON.parse(/^members = (\[.*\])$/m.exec(await read('Cargo.toml'))[1]);
  const needed = ['Cargo.toml', 'Cargo.lock', 'web', 'examples', ...members.map((member) => member.replace('/*', ''))];
  const { stdout } = await run('git', ['ls-files', '-z', '--', ...needed], { cwd: ROOT, maxBuffer: 2 ** 24 });
  const files = stdout.split('\0').filter(Boolean);
  assert.ok(files.includes('Cargo.lock'));
  assert.deepEqual(files.filter(isIgnored), []);
});

/** What a line of .dockerignore stands for; a folder stands for all in it. */
function pattern(line) {
  assert.ok(!line.startsWith('!'), 'exceptions are not understood here');
  const words = { '**/': '(?:.*/)?', '*': '[^/]*' };
  return new RegExp(`^${line.replace(/\*\*\/|\*|[.+?^$(){}|[\]\\]/g, (found) => words[found] ?? `\\${found}`)}(?:/|$)`);
}
