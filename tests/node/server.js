// The wavecast program as a child process: on a port of its own, with its log at hand.

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import { within } from './patience.js';
import { ENVIRONMENT } from './transport.js';

const START_MAX_MS = 20_000;
const LOG_LINES_MAX = 5_000;

export class Server {
  #child;
  #folder;

  /** Scheme, host and port, without a trailing slash. */
  origin;
  /** The last lines of both its outputs. */
  log = [];
  /** Resolves to `{ code, signal }` when the program ends. */
  ended;

  /**
   * Starts `wavecast serve`. Without `config` it is the development profile.
   * `environment` holds variables that configure it, `program` is for a differently built one.
   */
  static async start({ config, environment = {}, port = 0, program = tested() } = {}) {
    const server = new Server();
    const words = ['serve', '--port', String(port)];
    if (config !== undefined) {
      server.#folder = await mkdtemp(join(tmpdir(), 'wavecast-'));
      const file = join(server.#folder, 'config.json');
      await writeFile(file, JSON.stringify(config));
      words.push('--address', '127.0.0.1', '--config', file);
    }
    server.#child = spawn(program, words, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...plainEnvironment(), ...ENVIRONMENT, ...environment } });
    server.ended = new Promise((resolve, reject) => {
      server.#child.once('exit', (code, signal) => resolve({ code, signal }));
      server.#child.once('error', reject);
    });
    const address = new Promise((resolve, reject) => {
      for (const output of [server.#child.stdout, server.#child.stderr]) {
        createInterface({ input: output }).on('line', (line) => {
          server.log.push(line);
          if (server.log.length > LOG_LINES_MAX) server.log.shift();
          const found = /listening on (https?:\/\/[\w.:[\]-]+:\d+)/.exec(line);
          if (found) resolve(found[1]);
        });
      }
      server.ended.then(({ code }) => reject(new Error(`wavecast ended with ${code}:\n${server.log.join('\n')}`)), reject);
    });
    try {
      server.origin = await within(START_MAX_MS, address, 'wavecast says where it listens');
    } catch (error) {
      await server.stop();
      throw error;
    }
    return server;
  }

  get port() {
    return Number(new URL(this.origin).port);
  }

  get endpoint() {
    return `ws://127.0.0.1:${this.port}/connection/websocket`;
  }

  signal(name) {
    this.#child.kill(name);
  }

  /** Kills it, if it still runs, and waits for its end. */
  async stop() {
    this.#child.kill('SIGKILL');
    await this.ended.catch(() => {});
    if (this.#folder !== undefined) await rm(this.#folder, { recursive: true, force: true });
  }
}

/** `$TESTED_WAVECAST`, else what cargo built last into the usual folder. */
function tested() {
  const given = process.env.TESTED_WAVECAST;
  if (given) return given;
  const target = process.env.CARGO_TARGET_DIR ?? fileURLToPath(new URL('../../target', import.meta.url));
  const built = ['debug', 'release'].map((profile) => join(target, profile, 'wavecast')).find((path) => existsSync(path));
  if (built === undefined) throw new Error(`no wavecast in ${target}: cargo build -p wavecast-cli`);
  return built;
}

/** Variables of whoever runs the tests may not configure the server. */
function plainEnvironment() {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(WAVECAST|CENTRIFUGO)_/.test(name)));
}
