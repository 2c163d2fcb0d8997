// A server with every hook, and the application behind it, for all the tests of a file.

import { after, before, beforeEach } from 'node:test';

import { BackEnd } from './backend.js';
import { Server } from './server.js';
import { guest } from './subscriber.js';
import { SECRET } from './tokens.js';
import { TRANSPORT } from './transport.js';

export let backEnd;
export let server;

/** Starts both. Before each test nothing has been asked, and the answers let everybody do everything. */
export function hooked() {
  before(async () => {
    backEnd = await BackEnd.start();
    server = await Server.start({ config: configuration() });
  });
  beforeEach(() => {
    backEnd.forget();
    backEnd.answer('connect', { result: { user: 'ann' } });
    for (const name of ['subscribe', 'publish', ...EVENTS]) backEnd.answer(name, { result: {} });
    for (const name of ['refresh', 'sub_refresh', 'rpc', 'second']) backEnd.answer(name, undefined);
  });
  after(async () => {
    await server?.stop();
    await backEnd?.stop();
  });
}

/** Somebody who is connected until the test ends. */
export function person(t, encoding, options = {}) {
  return guest(t, server.endpoint, { encoding, ...options });
}

/** What a hook is told of the connection. */
export function from(encoding) {
  return { transport: TRANSPORT, protocol: encoding.name, encoding: 'json' };
}

/** The events that these hooks have been told of, in order. */
export function told(names, fits = () => true) {
  return backEnd.calls
    .filter(({ path }) => names.includes(path.slice(1)))
    .flatMap(({ body }) => body.events)
    .filter(fits);
}

/** Hooks that are told of events. */
const EVENTS = ['disconnected', 'unsubscribed', 'state'];

/** How long a channel is empty before the application is told. */
export const VACATED_DELAY_MS = 1_000;

const anyone = { allow_subscribe_for_client: true, allow_subscribe_for_anonymous: true };
const kept = { history_size: 10, history_ttl: '60s', allow_history_for_client: true, allow_history_for_anonymous: true };

function configuration() {
  // Calls are counted, and this process may stall for longer than the usual second.
  const hook = (name, more = {}) => ({ endpoint: backEnd.url(name), timeout: '10s', ...more });
  return {
    client: {
      token: { hmac_secret_key: SECRET },
      proxy: {
        connect: hook('connect', {
          enabled: true,
          http_headers: ['X-Forwarded-For', 'Cookie', 'User-Agent'],
          emulated_headers: ['X-Device'],
          http: {
            static_headers: { 'X-Static': 'yes' },
            status_to_code_transforms: [{ status_code: 418, to_disconnect: { code: 4518, reason: 'teapot' } }],
          },
        }),
        refresh: hook('refresh', { enabled: true, include_connection_meta: true }),
        disconnected: hook('disconnected', { enabled: true, include_connection_meta: true }),
      },
      // Some servers look after subscriptions at that pace.
      presence_update_interval: '1s',
    },
    http_api: { insecure: true },
    events: { retry_delay_min: '10ms', retry_delay_max: '100ms' },
    channel: {
      vacated_delay: `${VACATED_DELAY_MS}ms`,
      proxy: {
        subscribe: hook('subscribe', {
          include_connection_meta: true,
          http: { status_to_code_transforms: [{ status_code: 403, to_error: { code: 4030, message: 'not for you' } }] },
        }),
        publish: hook('publish', { include_connection_meta: true }),
        sub_refresh: hook('sub_refresh'),
        unsubscribed: hook('unsubscribed', { include_connection_meta: true }),
        state: hook('state'),
      },
      without_namespace: { ...anyone, presence: true },
      namespaces: [
        {
          name: 'hooked',
          ...kept,
          presence: true,
          join_leave: true,
          subscribe_proxy_enabled: true,
          publish_proxy_enabled: true,
          sub_refresh_proxy_enabled: true,
        },
        { name: 'other', presence: true, subscribe_proxy_enabled: true, subscribe_proxy_name: 'second' },
        { name: 'hurried', subscribe_proxy_enabled: true, subscribe_proxy_name: 'hurried' },
        { name: 'news', ...kept, presence: true, force_recovery: true },
        {
          name: 'busy',
          presence: true,
          subscribe_proxy_enabled: true,
          unsubscribed_proxy_enabled: true,
          state_proxy_enabled: true,
        },
        { name: 'watched', ...anyone, unsubscribed_proxy_enabled: true },
        { name: 'rooms', ...anyone, state_proxy_enabled: true },
      ],
    },
    rpc: {
      proxy: hook('rpc', { include_connection_meta: true }),
      without_namespace: { proxy_enabled: true },
      namespaces: [{ name: 'closed' }, { name: 'named', proxy_enabled: true, proxy_name: 'second' }],
    },
    proxies: [
      { name: 'second', ...hook('second', { binary_encoding: true }) },
      { name: 'hurried', ...hook('subscribe', { timeout: '1s' }) },
    ],
  };
}
