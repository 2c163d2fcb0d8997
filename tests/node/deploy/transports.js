// The ways of the npm client through a proxy, a row each: what the server has to have switched on, which proxies and which
// ports it goes through, and the client's options.

import WebSocket from 'ws';

import { WebSocketInHttp2 } from './http2.js';

/** `origin(scheme)` is the proxy's address with that scheme, `ca` its certificate, `from` the address of this machine to connect from. */
export const TRANSPORTS = [
  {
    name: 'WebSocket over HTTP/1.1',
    config: {},
    proxies: ['nginx', 'haproxy'],
    client: ({ secure, host, ...socket }) => ({
      endpoint: `${secure ? 'wss' : 'ws'}://${host}/connection/websocket`,
      websocket: withOptions(WebSocket, socket),
    }),
  },
  {
    // nginx knows no WebSocket inside HTTP/2 (RFC 8441); browsers take HTTP/1.1 there.
    name: 'WebSocket inside HTTP/2',
    config: {},
    proxies: ['haproxy'],
    client: ({ secure, host, ...socket }) => ({
      endpoint: `${secure ? 'wss' : 'ws'}://${host}/connection/websocket`,
      websocket: withOptions(WebSocketInHttp2, socket),
    }),
  },
];

/** A class that the client can call with an address alone. */
function withOptions(Socket, { ca, from, headers }) {
  return class extends Socket {
    constructor(url, protocols) {
      super(url, protocols ?? [], { ca, localAddress: from, headers });
    }
  };
}
