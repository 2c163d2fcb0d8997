// pebble, Let's Encrypt's small ACME server for tests, with a DNS server for which every name is this machine.

import { execFileSync, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { freePort } from '../ports.js';
import { until } from '../patience.js';

const PEBBLE = process.env.PEBBLE ?? 'pebble';
const DNS = process.env.PEBBLE_DNS ?? 'pebble-challtestsrv';

export class AcmeServer {
  #folder;
  #children = [];
  #management;
  #words;
  said = '';

  directoryUrl;
  /** The certificate of its own HTTPS, as a file. */
  ca;

  /** `tlsPort`: where it looks whether a name is somebody's. Certificates are good for so many seconds. */
  static async start({ tlsPort, seconds }) {
    const server = new AcmeServer();
    server.#folder = await mkdtemp(join(tmpdir(), 'wavecast-acme-'));
    const file = (name) => join(server.#folder, name);
    const [port, management, dns, dnsManagement, unused] = await Promise.all(Array.from({ length: 5 }, freePort));
    server.#management = management;
    server.directoryUrl = `https://127.0.0.1:${port}/dir`;
    server.ca = file('certificate.pem');
    certificate(file('key.pem'), server.ca);
    const pebble = {
      listenAddress: `127.0.0.1:${port}`,
      managementListenAddress: `127.0.0.1:${management}`,
      certificate: server.ca,
      privateKey: file('key.pem'),
      httpPort: unused,
      tlsPort,
      ocspResponderURL: '',
      externalAccountBindingRequired: false,
      retryAfter: { authz: 1, order: 1 },
      profiles: { default: { description: 'the only one', validityPeriod: seconds } },
    };
    await writeFile(file('pebble.json'), JSON.stringify({ pebble }));
    server.#spawn(DNS, ['-dnsserver', `127.0.0.1:${dns}`, '-management', `127.0.0.1:${dnsManagement}`, ...nothingElse, '-defaultIPv4', '127.0.0.1', '-defaultIPv6', '']);
    server.#words = ['-config', file('pebble.json'), '-dnsserver', `127.0.0.1:${dns}`];
    await server.begin();
    return server;
  }

  /** Runs pebble, anew after `end`; it forgets everything then. */
  async begin() {
    this.#spawn(PEBBLE, this.#words);
    await until(() => this.root().catch(() => undefined), 'pebble answers');
  }

  /** Ends pebble: nobody answers there any more. */
  end() {
    this.#children.pop().kill('SIGKILL');
  }

  /** The authority that it signs with. */
  root() {
    return this.#get('/roots/0');
  }

  async stop() {
    for (const child of this.#children) child.kill('SIGKILL');
    await rm(this.#folder, { recursive: true, force: true });
  }

  #spawn(program, words) {
    // It need not pretend to be slow.
    const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, PEBBLE_VA_NOSLEEP: '1' } });
    for (const output of [child.stdout, child.stderr]) output.on('data', (text) => (this.said = (this.said + text).slice(-8000)));
    child.once('error', (error) => (this.said += error.message));
    this.#children.push(child);
  }

  async #get(path) {
    const ca = await readFile(this.ca);
    return new Promise((resolve, reject) => {
      const asked = request({ host: '127.0.0.1', port: this.#management, path, ca, timeout: 2_000 }, (answer) => {
        let text = '';
        answer.on('data', (piece) => (text += piece));
        answer.on('end', () => (answer.statusCode === 200 ? resolve(text) : reject(new Error(`${answer.statusCode}`))));
      });
      asked.on('error', reject);
      asked.end();
    });
  }
}

/** Of what the DNS server could do besides. */
const nothingElse = ['-http01', '', '-https01', '', '-tlsalpn01', '', '-doh', ''];

function certificate(key, cert) {
  const words = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', '/CN=localhost'];
  execFileSync('openssl', [...words, '-addext', 'subjectAltName=IP:127.0.0.1', '-addext', 'basicConstraints=critical,CA:FALSE', '-keyout', key, '-out', cert], { stdio: 'ignore' });
}
