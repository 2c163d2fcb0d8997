// The ways of the npm client through a proxy, a row each: what the server has to have switched on, what the proxy needs to be
// able to, at which ports the client goes that way, and its options.

import { EventSource } from 'eventsource';
import { Agent, fetch } from 'undici';
import WebSocket from 'ws';

import { WebSocketInHttp2 } from './http2.js';

/**
 * A client is made with `secure` (TLS or not), `host` (the proxy's host and port), `ca` (its certificate), `from` (the address
 * of this machine to connect from) and `headers` (to send besides).
 */
export const TRANSPORTS = [
  { name: 'WebSocket over HTTP/1.1', config: {}, ports: ['plain', 'tls'], client: webSocket(WebSocket) },
  { name: 'WebSocket inside HTTP/2', config: {}, needs: 'webSocketInHttp2', ports: ['plain', 'tls'], client: webSocket(WebSocketInHttp2) },
  { name: 'SSE over HTTP/1.1', config: { sse: { enabled: true } }, ports: ['plain', 'tls'], client: fallBack('sse') },
  { name: 'SSE over HTTP/2', config: { sse: { enabled: true } }, ports: ['tls'], client: fallBack('sse', true) },
  { name: 'HTTP stream over HTTP/1.1', config: { http_stream: { enabled: true } }, ports: ['plain', 'tls'], client: fallBack('http_stream') },
  { name: 'HTTP stream over HTTP/2', config: { http_stream: { enabled: true } }, ports: ['tls'], client: fallBack('http_stream', true) },
];

const anyone = { allow_anonymous_connect_without_token: true };

/**
 * The ways that need no library, which `open` goes: `hear` is called with each push, `lost` when the way ends by itself. What
 * `open` returns ends it.
 */
export const ONE_WAY = [
  { name: 'EventSource over HTTP/1.1', config: { uni_sse: { enabled: true } }, client: anyone, ports: ['plain', 'tls'], open: eventSource(false) },
  { name: 'EventSource over HTTP/2', config: { uni_sse: { enabled: true } }, client: anyone, ports: ['tls'], open: eventSource(true) },
  { name: 'one-way HTTP stream over HTTP/1.1', config: { uni_http_stream: { enabled: true } }, client: anyone, ports: ['plain', 'tls'], open: lines(false) },
  { name: 'one-way HTTP stream over HTTP/2', config: { uni_http_stream: { enabled: true } }, client: anyone, ports: ['tls'], open: lines(true) },
  { name: 'one-way WebSocket', config: { uni_websocket: { enabled: true } }, client: anyone, ports: ['plain', 'tls'], open: bareWebSocket },
];

function eventSource(allowH2) {
  return ({ secure, host, ca, channel, hear, lost }) => {
    const address = `${secure ? 'https' : 'http'}://${host}/connection/uni_sse?channels=${channel}`;
    const source = new EventSource(address, { fetch: fetchWith({ ca, allowH2 }) });
    source.onmessage = ({ data }) => hear(JSON.parse(data));
    source.onerror = (error) => lost(error.message);
    return () => source.close();
  };
}

function lines(allowH2) {
  return ({ secure, host, ca, channel, hear, lost }) => {
    const abort = new AbortController();
    const read = async () => {
      const address = `${secure ? 'https' : 'http'}://${host}/connection/uni_http_stream?channels=${channel}`;
      const { body } = await fetchWith({ ca, allowH2 })(address, { signal: abort.signal });
      let rest = '';
      for await (const piece of body.pipeThrough(new TextDecoderStream())) {
        const whole = (rest + piece).split('\n');
        rest = whole.pop();
        whole.filter(Boolean).forEach((line) => hear(JSON.parse(line)));
      }
      throw new Error('ended');
    };
    read().catch((error) => abort.signal.aborted || lost(error.message));
    return () => abort.abort();
  };
}

function bareWebSocket({ secure, host, ca, channel, hear, lost }) {
  const socket = new WebSocket(`${secure ? 'wss' : 'ws'}://${host}/connection/uni_websocket?channels=${channel}`, { ca });
  socket.on('message', (text) => hear(JSON.parse(text)));
  socket.on('error', (error) => lost(error.message));
  const ended = (code) => lost(`closed with ${code}`);
  socket.on('close', ended);
  return () => socket.off('close', ended).close();
}

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
