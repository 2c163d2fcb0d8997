// A server as the pages in deploy/ want it configured, and one of the proxies before it.

import { readFile } from 'node:fs/promises';
import { after } from 'node:test';

import { Server } from '../server.js';
import { ReverseProxy } from './proxies.js';

/** A connection may be silent for so long, and is pinged so often. */
export const SILENCE_MS = 2_500;
export const PING = { ping_interval: '1s', pong_timeout: '500ms' };

/** What the pages tell an operator to configure, and channels to look at. */
const CONFIG = {
  client: { insecure: true },
  http_server: { trusted_proxies: ['127.0.0.1'] },
  http_api: { insecure: true },
  log: { level: 'debug' },
  channel: { without_namespace: { history_size: 100, history_ttl: '300s', force_recovery: true } },
};

/** A server with a proxy before it, until the tests of the moment are over. */
export async function behind(name, config = {}, options = {}) {
  const merged = { ...CONFIG, ...config, client: { ...CONFIG.client, ...config.client } };
  const server = await Server.start({ config: merged });
  after(() => server.stop());
  const proxy = await ReverseProxy.start(name, server, options);
  after(() => proxy.stop());
  return { server, proxy, ca: await readFile(proxy.ca) };
}
