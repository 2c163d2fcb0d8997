// curl through a proxy: the ways it goes there, what is asked and answered once, and streams.

import { execFile, spawn } from 'node:child_process';
import { promisify } from 'node:util';

import { PROXIES } from './proxies.js';

const run = promisify(execFile);

/** Each version of HTTP at each port, as far as the proxy of this name speaks it. */
export function waysThrough(name) {
  const { http2 } = PROXIES[name];
  return ['plain', 'tls'].flatMap((port) => [
    { port, version: '1.1', words: ['--http1.1'] },
    ...(http2.includes(port) ? [{ port, version: '2', words: [port === 'tls' ? '--http2' : '--http2-prior-knowledge'] }] : []),
  ]);
}

export const url = ({ proxy }, { port }, path, scheme = 'http') => `${scheme}${port === 'tls' ? 's' : ''}://127.0.0.1:${proxy[port]}${path}`;

const fieldWords = (fields) => Object.entries(fields).flatMap(([name, value]) => ['--header', `${name}: ${value}`]);

/** The answer, when it is whole. `fields` are sent besides, `words` are for curl. */
export async function ask(place, way, path, fields = {}, words = []) {
  const common = ['--silent', '--show-error', '--include', '--max-time', '60', '--cacert', place.proxy.ca];
  const { stdout } = await run('curl', [...common, ...way.words, ...fieldWords(fields), ...words, url(place, way, path)]);
  const [head, body] = stdout.split('\r\n\r\n');
  const [, version, status] = /^HTTP\/(\S+) (\d+)/.exec(head);
  return { version, status: Number(status), tag: /^etag: (.*)$/im.exec(head)?.[1], body };
}

/** An answer that does not end, for as long as the test lasts. */
export class Stream {
  #child;
  #text = '';

  isOver = false;

  constructor(t, place, way, path, fields = {}) {
    const common = ['--silent', '--no-buffer', '--max-time', '100', '--cacert', place.proxy.ca];
    const words = [...common, ...way.words, ...fieldWords(fields), url(place, way, path)];
    this.#child = spawn('curl', words, { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#child.stdout.setEncoding('utf8').on('data', (text) => (this.#text += text));
    this.#child.once('exit', () => (this.isOver = true));
    t.after(() => this.leave());
  }

  /** What has come whole: JSON, behind `data: ` where it is events. */
  get pushes() {
    const whole = this.#text.slice(0, this.#text.lastIndexOf('\n') + 1).split('\n');
    const told = whole.map((line) => line.replace(/^data: /, '')).filter((line) => line.startsWith('{'));
    return told.map((line) => JSON.parse(line));
  }

  /** Of events: where the client stands. */
  get last() {
    return this.#text.match(/^id: .*$/gm)?.at(-1).slice(4);
  }

  leave() {
    this.#child.kill('SIGKILL');
  }
}
