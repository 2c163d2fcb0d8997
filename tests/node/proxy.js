// A TCP proxy whose link can be cut, in the two ways links fail, or held up.

import { createServer, connect } from 'node:net';

export class Proxy {
  #server;
  #target;
  #links = new Set();
  #state = 'open';

  /** Connections that were accepted since the start. */
  accepted = 0;

  static async start(targetPort) {
    const proxy = new Proxy();
    proxy.#target = targetPort;
    proxy.#server = createServer((near) => proxy.#accept(near));
    await new Promise((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get host() {
    return `127.0.0.1:${this.#server.address().port}`;
  }

  get origin() {
    return `http://${this.host}`;
  }

  get endpoint() {
    return `ws://${this.host}/connection/websocket`;
  }

  /** Every connection is reset, and new ones are refused at once. */
  cut() {
    this.#state = 'cut';
    for (const link of this.#links) link.destroy();
  }

  /** Nothing passes any more, and nobody is told: neither end gets a byte, an end or an error. */
  freeze() {
    this.#state = 'frozen';
    for (const link of this.#links) link.freeze();
  }

  /** What the server sends waits, as if its client did not read; what clients send passes. */
  pause() {
    for (const link of this.#links) link.pause();
  }

  /** What waits passes again. */
  resume() {
    for (const link of this.#links) link.resume();
  }

  /** New connections pass again. What was frozen stays so: those packets are lost. */
  restore() {
    this.#state = 'open';
  }

  async stop() {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #accept(near) {
    this.accepted += 1;
    if (this.#state === 'cut') {
      near.on('error', () => {});
      near.resetAndDestroy();
      return;
    }
    const link = new Link(near, this.#target, () => this.#links.delete(link));
    this.#links.add(link);
    if (this.#state === 'frozen') link.freeze();
  }
}

/** One connection through the proxy. */
class Link {
  #near;
  #far;

  constructor(near, targetPort, gone) {
    this.#near = near;
    this.#far = connect(targetPort, '127.0.0.1');
    near.setNoDelay(true);
    this.#far.setNoDelay(true);
    near.pipe(this.#far);
    this.#far.pipe(near);
    for (const socket of [near, this.#far]) {
      socket.on('error', () => this.destroy());
      socket.on('close', () => {
        this.destroy();
        gone();
      });
    }
  }

  freeze() {
    this.#near.unpipe(this.#far).pause();
    this.#far.unpipe(this.#near).pause();
  }

  pause() {
    this.#far.unpipe(this.#near).pause();
  }

  resume() {
    this.#far.pipe(this.#near);
  }

  destroy() {
    this.#near.resetAndDestroy();
    this.#far.resetAndDestroy();
  }
}
