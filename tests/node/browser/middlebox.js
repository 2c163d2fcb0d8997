// HTTP proxies as some networks have them: between a browser and a server, and in the way of one thing or another.

import { createServer, request as ask } from 'node:http';
import { connect } from 'node:net';

/** How much a body that is held back may grow before it goes on. */
const HELD_MAX = 64 * 1024;

/** What becomes of a request to upgrade. */
export const UPGRADES = {
  pass: (box, request, socket, head) => {
    const far = connect(box.target, '127.0.0.1', () => {
      const fields = [];
      for (let at = 0; at < request.rawHeaders.length; at += 2) fields.push(`${request.rawHeaders[at]}: ${request.rawHeaders[at + 1]}`);
      far.write(`GET ${request.url} HTTP/1.1\r\n${fields.join('\r\n')}\r\n\r\n`);
      far.write(head);
      socket.pipe(far).pipe(socket);
    });
    far.on('error', () => socket.destroy());
    far.on('close', () => socket.destroy());
    socket.on('close', () => far.destroy());
  },
  refuse400: (box, request, socket) => socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n'),
  refuse501: (box, request, socket) => socket.end('HTTP/1.1 501 Not Implemented\r\nConnection: close\r\nContent-Length: 0\r\n\r\n'),
  /** The handshake goes through, and that was all: the end comes with the first frame. */
  cut: (box, request, socket) => {
    const fields = Object.entries(request.headers).map(([name, value]) => `${name}: ${value}`);
    const far = connect(box.target, '127.0.0.1', () => far.write(`GET ${request.url} HTTP/1.1\r\n${fields.join('\r\n')}\r\n\r\n`));
    let answer = '';
    far.on('data', (bytes) => {
      answer += bytes.toString('latin1');
      const end = answer.indexOf('\r\n\r\n');
      if (end < 0) return;
      far.destroy();
      socket.end(answer.slice(0, end + 4), 'latin1');
    });
    far.on('error', () => socket.destroy());
    // Read to the end, or it would not be told of one.
    socket.resume();
  },
};

/** Which answers are held back until they end, or are large. */
export const HOLDS = {
  nothing: () => false,
  /** Many that look at what goes by know what an event stream is. */
  allButEvents: ({ headers }) => !headers['content-type']?.startsWith('text/event-stream'),
  everything: () => true,
};

export class Middlebox {
  #server;
  #sockets = new Set();
  #upgrade;
  #holds;

  /** The port of the server. */
  target;
  /** What it was asked for, in order: methods and paths without queries. */
  asked = [];

  static async start(target, { upgrade = UPGRADES.pass, holds = HOLDS.nothing } = {}) {
    const box = new Middlebox();
    box.target = target;
    box.#upgrade = upgrade;
    box.#holds = holds;
    box.#server = createServer((request, response) => box.#forward(request, response));
    box.#server.on('upgrade', (request, socket, head) => {
      box.#note(request);
      socket.on('error', () => socket.destroy());
      box.#upgrade(box, request, socket, head);
    });
    box.#server.on('connection', (socket) => {
      box.#sockets.add(socket);
      socket.once('close', () => box.#sockets.delete(socket));
    });
    await new Promise((resolve) => box.#server.listen(0, '127.0.0.1', resolve));
    return box;
  }

  get origin() {
    return `http://127.0.0.1:${this.#server.address().port}`;
  }

  /** How often it was asked for that path. */
  count(path) {
    return this.asked.filter((asked) => asked.endsWith(` ${path}`)).length;
  }

  async stop() {
    const stopped = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await stopped;
  }

  #note({ method, url }) {
    this.asked.push(`${method} ${url.split('?')[0]}`);
  }

  #forward(request, response) {
    this.#note(request);
    const { method, url: path, headers } = request;
    const far = ask({ host: '127.0.0.1', port: this.target, method, path, headers, agent: false }, (answer) => {
      if (!this.#holds(answer)) {
        response.writeHead(answer.statusCode, answer.headers);
        // Before the first byte of a body: a stream may have none for a while.
        response.flushHeaders();
        answer.pipe(response);
        return;
      }
      hold(answer, response);
    });
    far.on('error', () => response.destroy());
    response.on('close', () => far.destroy());
    request.pipe(far);
  }
}

/** Head and body wait until there is enough of it. */
function hold(answer, response) {
  let held = [];
  let size = 0;
  const go = () => {
    if (held === undefined) return;
    response.writeHead(answer.statusCode, answer.headers);
    for (const bytes of held) response.write(bytes);
    held = undefined;
  };
  answer.on('data', (bytes) => {
    if (held === undefined) return response.write(bytes);
    held.push(bytes);
    size += bytes.length;
    if (size >= HELD_MAX) go();
  });
  answer.on('end', () => {
    go();
    response.end();
  });
  answer.on('error', () => response.destroy());
}
