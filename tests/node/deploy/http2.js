// A WebSocket inside a stream of HTTP/2 (RFC 8441) with the face of a browser's, over Node's own HTTP/2. Node knows extended
// CONNECT and no WebSocket: the frames are those of the npm library `ws`.

import { connect } from 'node:http2';

import { Receiver, Sender } from 'ws';

export class WebSocketInHttp2 {
  #connection;
  #stream;
  #sender;

  binaryType = 'arraybuffer';
  onopen;
  onmessage;
  onclose;
  onerror;

  constructor(url, protocols, { ca, localAddress, headers } = {}) {
    const { protocol, host, pathname, search } = new URL(url);
    const scheme = protocol === 'wss:' ? 'https' : 'http';
    this.#connection = connect(`${scheme}://${host}`, { ca, localAddress });
    this.#connection.on('error', (error) => this.#end(error));
    this.#connection.once('remoteSettings', ({ enableConnectProtocol }) => {
      if (!enableConnectProtocol) return this.#end(new Error('no extended CONNECT'));
      this.#stream = this.#connection.request({
        ':method': 'CONNECT',
        ':protocol': 'websocket',
        ':scheme': scheme,
        ':authority': host,
        ':path': pathname + search,
        'sec-websocket-version': '13',
        ...(protocols.length > 0 && { 'sec-websocket-protocol': [protocols].flat().join(', ') }),
        ...headers,
      });
      this.#begin();
    });
  }

  #begin() {
    this.#sender = new Sender(this.#stream);
    const receiver = new Receiver();
    this.#stream.on('error', (error) => this.#end(error));
    this.#stream.on('close', () => this.#end());
    this.#stream.on('response', (headers) => {
      if (headers[':status'] !== 200) return this.#end(new Error(`status ${headers[':status']}`));
      this.#stream.on('data', (chunk) => receiver.write(chunk));
      this.onopen?.({});
    });
    receiver.on('message', (data, isBinary) => this.onmessage?.({ data: isBinary ? data : data.toString() }));
    receiver.on('ping', (data) => this.#sender.pong(data, true));
    receiver.on('conclude', (code, reason) => this.#end(undefined, { code, reason: reason.toString() }));
    receiver.on('error', (error) => this.#end(error));
  }

  send(data) {
    this.#sender.send(data, { binary: typeof data !== 'string', fin: true, mask: true });
  }

  close(code = 1000, reason = '') {
    this.#sender?.close(code, reason, true);
    this.#end(undefined, { code, reason });
  }

  /** Once, whoever ends it. */
  #end(error, close = { code: 1006, reason: '' }) {
    if (this.#connection.isOver) return;
    this.#connection.isOver = true;
    if (error) this.onerror?.({ error, message: error.message });
    this.onclose?.(close);
    this.#stream?.end();
    this.#connection.close();
    setTimeout(() => this.#connection.destroy(), 1_000).unref();
  }
}
