// nginx, HAProxy and Caddy as the pages in deploy/ configure them: the very files, with ports, certificate and waits put in.

import { execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, readdir, readlink, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { until } from '../patience.js';
import { freePort } from '../ports.js';

const DEPLOY = fileURLToPath(new URL('../../../deploy/', import.meta.url));
const TRIES = 5;

/**
 * What is there, by name: where the program is, how its page becomes a configuration that runs here, and what it can: the ports
 * at which it speaks HTTP/2, whether it takes WebSocket inside of that (RFC 8441), and whether it cuts what is silent.
 */
export const PROXIES = {
  nginx: {
    program: process.env.NGINX ?? '/usr/sbin/nginx',
    configure: nginx,
    // It would want a port of its own for HTTP/2 without TLS.
    http2: ['tls'],
    // Browsers take HTTP/1.1 there.
    webSocketInHttp2: false,
    cutsSilence: true,
  },
  haproxy: {
    program: process.env.HAPROXY ?? '/usr/sbin/haproxy',
    configure: haproxy,
    http2: ['plain', 'tls'],
    webSocketInHttp2: true,
    cutsSilence: true,
  },
  caddy: {
    program: process.env.CADDY ?? '/usr/bin/caddy',
    configure: caddy,
    // HTTP/2 without TLS would have to be switched on: `servers { protocols h1 h2 h2c }`.
    http2: ['tls'],
    // From 2.9 on it would, where Go is told so (GODEBUG=http2xconnect=1). Browsers take HTTP/1.1 there.
    webSocketInHttp2: false,
    // What has begun may be silent for ever: it has no time-out for that.
    cutsSilence: false,
  },
};

/** A running proxy before a server, with a port for plain HTTP and one for TLS. */
export class ReverseProxy {
  #child;
  #folder;
  #said = '';

  name;
  /** Ports. */
  plain;
  tls;
  /** The certificate, to be trusted. */
  ca;

  /** `silenceMs`: how long it lets a connection be silent; by default as its page says. */
  static async start(name, server, { silenceMs } = {}) {
    for (let left = TRIES; ; left -= 1) {
      const proxy = new ReverseProxy();
      proxy.name = name;
      try {
        await proxy.#start(server, silenceMs);
        return proxy;
      } catch (error) {
        await proxy.stop();
        // None can be told to take a free port, so somebody else may be quicker.
        if (left === 1) throw new Error(`${error.message}\n${proxy.#said}`);
      }
    }
  }

  async #start(server, silenceMs) {
    const { program, configure } = PROXIES[this.name];
    if (!existsSync(program)) throw new Error(`no ${program}: apt-get install ${this.name}`);
    this.#folder = await mkdtemp(join(tmpdir(), `wavecast-${this.name}-`));
    this.ca = certificate(this.#folder);
    [this.plain, this.tls] = await Promise.all([freePort(), freePort()]);
    const words = await configure({ folder: this.#folder, plain: this.plain, tls: this.tls, server: server.port, silenceMs });
    // Where Caddy keeps its state.
    const env = { ...process.env, XDG_CONFIG_HOME: this.#folder, XDG_DATA_HOME: this.#folder };
    this.#child = spawn(program, words, { stdio: ['ignore', 'pipe', 'pipe'], env });
    let ended = false;
    this.#child.once('exit', () => (ended = true));
    for (const output of [this.#child.stdout, this.#child.stderr]) {
      output.on('data', (text) => (this.#said = (this.#said + text).slice(-4000)));
    }
    const listens = async () => {
      if (ended) throw new Error(`${this.name} has ended`);
      return (await Promise.all([this.plain, this.tls].map((port) => listensAt(this.#child.pid, port)))).every(Boolean);
    };
    await until(listens, `${this.name} listens`);
  }

  async stop() {
    this.#child?.kill('SIGKILL');
    if (this.#folder !== undefined) await rm(this.#folder, { recursive: true, force: true });
  }
}

/** Whether it is this process that listens there. (nginx tries for seconds to get a port that somebody else was quicker at.) */
async function listensAt(pid, port) {
  const address = `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const sockets = (await readFile('/proc/net/tcp', 'utf8')).split('\n').map((line) => line.trim().split(/\s+/));
  const listening = sockets.find(([, local, , state]) => local === address && state === '0A');
  const files = await readdir(`/proc/${pid}/fd`).catch(() => []);
  const open = await Promise.all(files.map((file) => readlink(`/proc/${pid}/fd/${file}`).catch(() => '')));
  return listening !== undefined && open.includes(`socket:[${listening[9]}]`);
}

/** The text with each of these replaced, wherever it stands. Fails where a page does not say any more what is looked for. */
function put(text, replacements) {
  for (const [was, is] of replacements) {
    if (!text.includes(was)) throw new Error(`the page does not say ${JSON.stringify(was)}`);
    text = text.replaceAll(was, is);
  }
  return text;
}

/** As all three write it; by default as the pages have it. */
const duration = (ms) => (ms === undefined ? '90s' : `${ms}ms`);

/** The page is one file among those of Debian's package; here is as much of the others as it needs. */
async function nginx({ folder, plain, tls, server, silenceMs }) {
  const page = put(await readFile(join(DEPLOY, 'nginx.conf'), 'utf8'), [
    ['listen 80;', `listen 127.0.0.1:${plain};`],
    ['listen 443 ', `listen 127.0.0.1:${tls} `],
    ['server 127.0.0.1:8000;', `server 127.0.0.1:${server};`],
    ['/etc/ssl/push.example.com/fullchain.pem', join(folder, 'certificate.pem')],
    ['/etc/ssl/push.example.com/privkey.pem', join(folder, 'key.pem')],
    ['timeout 90s;', `timeout ${duration(silenceMs)};`],
  ]);
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((what) => `${what}_temp_path ${join(folder, what)};`);
  const main = `daemon off; master_process off; pid ${join(folder, 'pid')};
    events { worker_connections 512; }
    http { access_log off; ${temporary.join(' ')} include ${join(folder, 'wavecast.conf')}; }\n`;
  await writeFile(join(folder, 'wavecast.conf'), page);
  await writeFile(join(folder, 'nginx.conf'), main);
  return ['-p', folder, '-c', 'nginx.conf', '-e', 'stderr'];
}

async function haproxy({ folder, plain, tls, server, silenceMs }) {
  const silence = duration(silenceMs);
  const page = put(await readFile(join(DEPLOY, 'haproxy.cfg'), 'utf8'), [
    ['bind :80 ', `bind 127.0.0.1:${plain} `],
    ['bind :443 ', `bind 127.0.0.1:${tls} `],
    ['server wavecast 127.0.0.1:8000', `server wavecast 127.0.0.1:${server}`],
    ['/etc/ssl/push.example.com/both.pem', join(folder, 'both.pem')],
    ['timeout client 90s', `timeout client ${silence}`],
    ['timeout server 90s', `timeout server ${silence}`],
    ['timeout tunnel 90s', `timeout tunnel ${silence}`],
  ]);
  await writeFile(join(folder, 'haproxy.cfg'), page);
  // -db: stays in the foreground. -q: says nothing but faults.
  return ['-db', '-q', '-f', join(folder, 'haproxy.cfg')];
}

/** The page's site has TLS, with a certificate that Caddy fetches, and port 80 sends there. Here it is one for each port. */
async function caddy({ folder, plain, tls, server, silenceMs }) {
  const page = await readFile(join(DEPLOY, 'Caddyfile'), 'utf8');
  const site = (address) =>
    put(page, [
      ['\npush.example.com {', `\n${address}`],
      ['reverse_proxy 127.0.0.1:8000 ', `reverse_proxy 127.0.0.1:${server} `],
      ['timeout 90s', `timeout ${duration(silenceMs)}`],
    ]);
  const withTls = site(`https://127.0.0.1:${tls} {\n\ttls ${join(folder, 'certificate.pem')} ${join(folder, 'key.pem')}`);
  // Options of all sites come first. Redirects would take port 80.
  const options = '{\n\tadmin off\n\tauto_https disable_redirects\n\tdefault_bind 127.0.0.1\n}\n';
  await writeFile(join(folder, 'Caddyfile'), options + withTls + site(`http://127.0.0.1:${plain} {`));
  return ['run', '--config', join(folder, 'Caddyfile')];
}

/** For 127.0.0.1 and localhost, signed by itself; HAProxy wants the key in the same file. */
function certificate(folder) {
  const [key, cert, both] = ['key.pem', 'certificate.pem', 'both.pem'].map((name) => join(folder, name));
  const words = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', '/CN=localhost'];
  const names = ['-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-keyout', key, '-out', cert];
  execFileSync('openssl', [...words, ...names], { stdio: 'ignore' });
  execFileSync('sh', ['-c', 'cat "$0" "$1" > "$2"', cert, key, both]);
  return cert;
}
