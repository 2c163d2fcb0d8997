// The ways of the npm client through a proxy, a row each: what the server has to have switched on, which proxies and which
// ports it goes through, and the client's options.

import { EventSource } from 'eventsource';
import { Agent, fetch } from 'undici';
import WebSocket from 'ws';

import { WebSocketInHttp2 } from './http2.js';

const BOTH = ['nginx', 'haproxy'];

/**
 * A client is made with `secure` (TLS or not), `host` (the proxy's host and port), `ca` (its certificate), `from` (the address
 * of this machine to connect from) and `headers` (to send besides).
 */
export const TRANSPORTS = [
  { name: 'WebSocket over HTTP/1.1', config: {}, proxies: BOTH, ports: ['plain', 'tls'], client: webSocket(WebSocket) },
  // nginx knows no WebSocket inside HTTP/2 (RFC 8441); browsers take HTTP/1.1 there.
  { name: 'WebSocket inside HTTP/2', config: {}, proxies: ['haproxy'], ports: ['plain', 'tls'], client: webSocket(WebSocketInHttp2) },
  { name: 'SSE over HTTP/1.1', config: { sse: { enabled: true } }, proxies: BOTH, ports: ['plain', 'tls'], client: fallBack('sse') },
  { name: 'SSE over HTTP/2', config: { sse: { enabled: true } }, proxies: BOTH, ports: ['tls'], client: fallBack('sse', true) },
  { name: 'HTTP stream over HTTP/1.1', config: { http_stream: { enabled: true } }, proxies: BOTH, ports: ['plain', 'tls'], client: fallBack('http_stream') },
  { name: 'HTTP stream over HTTP/2', config: { http_stream: { enabled: true } }, proxies: BOTH, ports: ['tls'], client: fallBack('http_stream', true) },
];

function webSocket(Socket) {
  return ({ secure, host, ca, from, headers }) => ({
    endpoint: `${secure ? 'wss' : 'ws'}://${host}/connection/websocket`,
    // The client calls it with an address alone.
    websocket: class extends Socket {
      constructor(url, protocols) {
        super(url, protocols ?? [], { ca, localAddress: from, headers });
      }
    },
  });
}

function fallBack(transport, allowH2 = false) {
  return ({ secure, host, ...options }) => {
    const at = (path) => `${secure ? 'https' : 'http'}://${host}${path}`;
    const fetch = fetchWith({ ...options, allowH2 });
    return {
      endpoint: [{ transport, endpoint: at(`/connection/${transport}`) }],
      emulationEndpoint: at('/emulation'),
      fetch,
      eventsource: class extends EventSource {
        constructor(url, init) {
          super(url, { ...init, fetch });
        }
      },
    };
  };
}

/** `fetch` over connections as told: HTTP/2 where both ends offer it in TLS. */
export function fetchWith({ ca, from, headers, allowH2 = false }) {
  const dispatcher = new Agent({ allowH2, connect: { ca }, localAddress: from, bodyTimeout: 0 });
  return (url, init = {}) => fetch(url, { ...init, headers: { ...init.headers, ...headers }, dispatcher });
}
