// Certificates that the server fetches itself, from a real ACME server: ordered, renewed, kept, and in use when that server is
// gone.

import assert from 'node:assert/strict';
import { copyFile, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { connect } from 'node:tls';

import WebSocket from 'ws';

import { Server } from '../server.js';
import { listen, newClient } from '../subscriber.js';
import { next, until } from '../patience.js';
import { freePort } from '../ports.js';
import { AcmeServer } from './authority.js';

const NAMES = ['a.wavecast.test', 'b.wavecast.test'];
/** What a certificate is good for: short enough to see it renewed, when two thirds are over. */
const SECONDS = 24;

const port = await freePort();
const cache = join(await mkdtemp(join(tmpdir(), 'wavecast-certificates-')), 'kept');
const authority = await AcmeServer.start({ tlsPort: port, seconds: SECONDS });

const autocert = {
  enabled: true,
  host_whitelist: NAMES,
  cache_dir: cache,
  email: 'operator@wavecast.test',
  directory_url: authority.directoryUrl,
  server_ca_pem: authority.ca,
};
const start = () => Server.start({ port, config: { client: { insecure: true }, http_server: { tls_autocert: autocert } } });
let server = await start();

after(async () => {
  await server.stop();
  await authority.stop();
  await rm(join(cache, '..'), { recursive: true, force: true });
});

/** The certificate that a client gets to see under a name; `undefined` without one. */
function shown(name, protocols = ['http/1.1']) {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', servername: name, rejectUnauthorized: false, ALPNProtocols: protocols }, () => {
      resolve(socket.getPeerCertificate());
      socket.destroy();
    });
    socket.once('error', () => resolve(undefined));
  });
}

/** A client that trusts the authority and nobody else. */
async function client(name) {
  const ca = await authority.root();
  class Trusting extends WebSocket {
    constructor(url, protocols) {
      super(url, protocols, { ca, servername: name, lookup: (_, options, done) => (options.all ? done(null, [{ address: '127.0.0.1', family: 4 }]) : done(null, '127.0.0.1', 4)) });
    }
  }
  return newClient(`wss://${name}:${port}/connection/websocket`, { websocket: Trusting });
}

const serial = async (name) => (await shown(name))?.serialNumber;

test('each name has a certificate of its own, and a client connects', async (t) => {
  for (const name of NAMES) {
    const own = async () => {
      const certificate = await shown(name);
      return certificate?.subjectaltname === `DNS:${name}` ? certificate : undefined;
    };
    const certificate = await until(own, `a certificate of ${name}`, 60_000).catch((error) => {
      throw new Error(`${error.message}\n${server.log.join('\n')}\n${authority.said}`);
    });
    assert.match(certificate.issuer.CN, /^Pebble Intermediate/);
  }
  assert.equal((await shown('unknown.test')).subjectaltname, `DNS:${NAMES[0]}`, 'who asks for another name is shown the first');
  assert.equal(await shown(NAMES[0], ['acme-tls/1']), undefined, 'nothing is to be proved any more');
  const one = await client(NAMES[1]);
  t.after(() => one.disconnect());
  const came = next(one, 'connected');
  one.connect();
  await came;
  const files = await until(async () => (await readdir(cache)).length === 3 && readdir(cache), 'both certificates and the account are kept');
  assert.deepEqual(files.sort(), [...NAMES, 'wavecast_account.json']);
  for (const file of files) assert.equal((await stat(join(cache, file))).mode & 0o777, 0o600, file);
});

test('it is renewed before its time is over, and who is connected stays', async (t) => {
  const before = await serial(NAMES[0]);
  const one = await client(NAMES[0]);
  t.after(() => one.disconnect());
  const came = next(one, 'connected');
  one.connect();
  await came;
  const events = listen(one);
  await until(async () => (await serial(NAMES[0])) !== before, 'another certificate', 2 * SECONDS * 1000);
  assert.equal((await shown(NAMES[0])).subjectaltname, `DNS:${NAMES[0]}`);
  assert.deepEqual(events, []);
  assert.equal(one.state, 'connected');
});

test('an authority that is gone takes nothing away, and the next start has what was kept', async () => {
  const fetched = () => server.log.filter((line) => line.includes('a certificate is in use') && line.includes(NAMES[0])).length;
  const before = fetched();
  await until(() => fetched() > before, 'a fresh certificate', 2 * SECONDS * 1000);
  const last = await serial(NAMES[0]);
  authority.end();
  await until(() => server.log.some((line) => line.includes('no certificate could be fetched') && line.includes(NAMES[0])), 'a renewal that fails', 2 * SECONDS * 1000);
  assert.equal(await serial(NAMES[0]), last, 'the one in use stays');
  await server.stop();
  server = await start();
  assert.equal(await serial(NAMES[0]), last, 'and is there at once after a start');
  assert.ok(!server.log.some((line) => /PRIVATE KEY|key_pkcs8/.test(line)));
});

test('an account that the authority has forgotten is made anew, and files of no use are replaced', async () => {
  await authority.begin();
  await server.stop();
  const account = await readFile(join(cache, 'wavecast_account.json'), 'utf8');
  await copyFile(join(cache, NAMES[1]), join(cache, NAMES[0]));
  await writeFile(join(cache, NAMES[1]), 'half a file');
  server = await start();
  for (const name of NAMES) {
    await until(async () => (await shown(name))?.subjectaltname === `DNS:${name}`, `a certificate of ${name}`, 60_000).catch((error) => {
      throw new Error(`${error.message}\n${server.log.join('\n')}\n${authority.said}`);
    });
  }
  for (const [name, why] of [[NAMES[0], 'the certificate is not for a.wavecast.test'], [NAMES[1], 'the certificate is not well-formed PEM']]) {
    assert.ok(server.log.some((line) => line.includes('is of no use') && line.includes(name) && line.includes(why)), server.log.join('\n'));
  }
  assert.notEqual(await readFile(join(cache, 'wavecast_account.json'), 'utf8'), account);
});
