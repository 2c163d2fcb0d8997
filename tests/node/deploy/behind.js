// A server as the pages in deploy/ tell an operator to configure it, with a proxy before it.

import { readFile } from 'node:fs/promises';
import { after } from 'node:test';

import { Server } from '../server.js';
import { ReverseProxy } from './proxies.js';

/** With channels to look at, and everybody let in. */
const CONFIG = {
  client: { insecure: true },
  http_server: { trusted_proxies: ['127.0.0.1'] },
  http_api: { insecure: true },
  log: { level: 'debug' },
  channel: { without_namespace: { history_size: 100, history_ttl: '300s', force_recovery: true, presence: true } },
};

/** Until the tests of the moment are over. `options` are those of the proxy. */
export async function behind(name, config = {}, options = {}) {
  const merged = { ...CONFIG, ...config, client: { ...CONFIG.client, ...config.client } };
  const server = await Server.start({ config: merged });
  after(() => server.stop());
  const proxy = await ReverseProxy.start(name, server, options);
  after(() => proxy.stop());
  return { server, proxy, ca: await readFile(proxy.ca) };
}
