// A server with every hook, and the application behind it.

import { BackEnd } from './backend.js';
import { Server } from './server.js';
import { SECRET } from './tokens.js';

const kept = { history_size: 10, history_ttl: '60s', allow_history_for_client: true, allow_history_for_anonymous: true };

function configuration(backEnd) {
  const hook = (name, more = {}) => ({ endpoint: backEnd.url(name), timeout: '1s', ...more });
  return {
    client: {
      token: { hmac_secret_key: SECRET },
      proxy: {
        connect: hook('connect', {
          enabled: true,
          http_headers: ['X-Forwarded-For', 'Cookie'],
          emulated_headers: ['X-Device'],
          http: {
            static_headers: { 'X-Static': 'yes' },
            status_to_code_transforms: [{ status_code: 418, to_disconnect: { code: 4518, reason: 'teapot' } }],
          },
        }),
        refresh: hook('refresh', { enabled: true, include_connection_meta: true }),
      },
      expired_close_delay: '1s',
      expired_sub_close_delay: '1s',
      // Some servers look after subscriptions at that pace.
      presence_update_interval: '1s',
    },
    http_api: { insecure: true },
    channel: {
      proxy: {
        subscribe: hook('subscribe', {
          include_connection_meta: true,
          http: { status_to_code_transforms: [{ status_code: 403, to_error: { code: 4030, message: 'not for you' } }] },
        }),
        publish: hook('publish', { include_connection_meta: true }),
        sub_refresh: hook('sub_refresh'),
      },
      without_namespace: { presence: true, allow_subscribe_for_client: true, allow_subscribe_for_anonymous: true },
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
        { name: 'news', ...kept, presence: true, force_recovery: true },
      ],
    },
    rpc: {
      proxy: hook('rpc', { include_connection_meta: true }),
      without_namespace: { proxy_enabled: true },
      namespaces: [{ name: 'closed' }, { name: 'named', proxy_enabled: true, proxy_name: 'second' }],
    },
    proxies: [{ name: 'second', endpoint: backEnd.url('second'), binary_encoding: true }],
  };
}

/** Both started; `reset` gives the answers that let everybody do everything. */
export async function hooked() {
  const backEnd = await BackEnd.start();
  const server = await Server.start({ config: configuration(backEnd) });
  const reset = () => {
    backEnd.forget();
    backEnd.answer('connect', { result: { user: 'ann' } });
    backEnd.answer('subscribe', { result: {} });
    backEnd.answer('publish', { result: {} });
    for (const name of ['refresh', 'sub_refresh', 'rpc', 'second']) backEnd.answer(name, undefined);
  };
  const stop = async () => {
    await server.stop();
    await backEnd.stop();
  };
  return { backEnd, server, reset, stop };
}
