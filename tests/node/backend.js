// The application behind the server: it answers the server's hooks and keeps what it was asked.

import { createServer } from 'node:http';

import { until } from './patience.js';

/** Longer than the server keeps an idle connection: none may be closed here just as the server asks by it. */
const KEEP_ALIVE_MS = 120_000;

export class BackEnd {
  #server;
  #isAway = false;
  #answers = new Map();

  /** Each call: `{ path, headers, body }`, the body parsed. */
  calls = [];

  /** Connections that were refused while it was away. */
  turnedAway = 0;

  static async start() {
    const backEnd = new BackEnd();
    backEnd.#server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, (request, response) => backEnd.#serve(request, response));
    backEnd.#server.on('connection', (socket) => {
      if (!backEnd.#isAway) return;
      backEnd.turnedAway += 1;
      socket.resetAndDestroy();
    });
    await new Promise((resolve) => backEnd.#server.listen(0, '127.0.0.1', resolve));
    return backEnd;
  }

  /** Where the server finds the hook of that name. */
  url(name) {
    return `http://127.0.0.1:${this.#server.address().port}/${name}`;
  }

  /**
   * What the hook answers: a value, or a function of the body and the headers, which may take its time.
   * A number is an HTTP status; text is sent as it is.
   */
  answer(name, answer) {
    this.#answers.set(`/${name}`, answer);
  }

  /** The bodies that one hook was called with. */
  asked(name) {
    return this.calls.filter(({ path }) => path === `/${name}`).map(({ body }) => body);
  }

  /** The body of the first call of that hook that fits. */
  async awaited(name, fits = () => true, ms = 10_000) {
    return until(() => this.asked(name).find(fits), `the hook ${name}`, ms);
  }

  forget() {
    this.calls.length = 0;
  }

  /** From now on every connection to it is reset. */
  goAway() {
    this.#isAway = true;
    this.#server.closeAllConnections();
  }

  comeBack() {
    this.#isAway = false;
  }

  async stop() {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(request, response) {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString();
    const body = text === '' ? undefined : JSON.parse(text);
    this.calls.push({ path: request.url, headers: request.headers, body });
    const answer = this.#answers.get(request.url);
    const value = typeof answer === 'function' ? await answer(body, request.headers) : answer;
    if (value === undefined || typeof value === 'number') {
      response.writeHead(value ?? 404).end();
    } else {
      response.writeHead(200, { 'Content-Type': 'application/json' });
      response.end(typeof value === 'string' ? value : JSON.stringify(value));
    }
  }
}
