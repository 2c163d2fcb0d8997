// A frame with the library in one of its browser builds: what is said to the clients there, and what they say.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

import { IS_WEBSOCKET } from '../transport.js';
import { Page } from './page.js';
import { SCRIPT } from './script.js';
import { fromText, toText } from './wire.js';

/**
 * How many clients share a frame, and a page. Of the six connections that a frame has the stream of each client takes one, and
 * commands want some. WebSockets are not counted so, but where sixteen of a page open together others are made to wait for seconds.
 */
const [FRAME_MAX, PAGE_MAX] = IS_WEBSOCKET ? [12, 12] : [4, 24];

const DIST = join(dirname(createRequire(import.meta.url).resolve('centrifuge')), '../dist');
/** By the encodings of the builds. */
const HTML = { json: html('centrifuge.js'), protobuf: html('centrifuge.protobuf.js') };

function html(build) {
  return `<!doctype html><script>${readFileSync(join(DIST, build))}\n${SCRIPT}</script>`;
}

/** The frames of each page. The first page is there before the tests begin, as the browser is. */
const pages = new Map([[await Page.opened(), []]]);

export class Frame {
  #page;
  #encoding;
  #port;
  /** Its execution context, once it is there. */
  #context;
  #outbox = [];
  #clients = [];
  /** What both sides know by number: clients and subscriptions, which live there, and callbacks, which live here. */
  #objects = new Map();
  #numbers = new Map();
  #calls = new Map();
  #count = 0;

  /** Name and port, as the clients there have to call the server. */
  host;

  /** A frame with room for one more client of that server; one that is disconnected takes none. */
  static withRoom(encoding, port) {
    const occupied = (frames) => frames.reduce((sum, frame) => sum + frame.#occupied, 0);
    const [page, frames] = [...pages].find(([, frames]) => occupied(frames) < PAGE_MAX) ?? [new Page(), []];
    pages.set(page, frames);
    const fits = (frame) => frame.#encoding === encoding && frame.#port === port && frame.#occupied < FRAME_MAX;
    const found = frames.find(fits);
    if (found !== undefined) return found;
    const frame = new Frame(page, encoding, port);
    frames.push(frame);
    return frame;
  }

  constructor(page, encoding, port) {
    this.#page = page;
    this.#encoding = encoding;
    this.#port = port;
    const { host, context } = page.frame(port, HTML[encoding], (text) => fromText(text).forEach((message) => this.#hear(message)));
    this.host = host;
    this.#context = context;
  }

  get #occupied() {
    return this.#clients.filter((client) => !client.isAtRest).length;
  }

  /** Makes a client there; `client` hears what it does. */
  create(client, args) {
    this.#clients.push(client);
    this.#post({ verb: 'create', number: this.#number(client), args });
  }

  /** Calls a method that makes a subscription; `subscription` hears what that does. */
  allocate(client, method, args, subscription) {
    this.#post({ verb: 'allocate', of: this.#number(client), method, args, number: this.#number(subscription) });
  }

  /** Somebody listens to the publications of a subscription, from now on. */
  listen(subscription) {
    this.#post({ verb: 'listen', of: this.#number(subscription), since: Date.now() });
  }

  call(object, method, args) {
    this.#post({ verb: 'call', of: this.#number(object), method, args });
  }

  /** A call whose promise settles here as it does there. */
  ask(object, method, args) {
    return new Promise((resolve, reject) => {
      this.#count += 1;
      this.#calls.set(this.#count, { resolve, reject });
      this.#post({ verb: 'ask', of: this.#number(object), method, args, call: this.#count });
    });
  }

  #number(object) {
    if (!this.#numbers.has(object)) {
      const number = this.#numbers.size + 1;
      this.#numbers.set(object, number);
      this.#objects.set(number, object);
    }
    return this.#numbers.get(object);
  }

  /** Written at once, as the library would read it at once; what a test does in one turn is done there in one turn. */
  #post(operation) {
    this.#outbox.push(
      toText(operation, (plain) => {
        if (typeof plain === 'function') return { $function: this.#number(plain) };
        return this.#numbers.has(plain) ? { $object: this.#number(plain) } : undefined;
      }),
    );
    if (this.#outbox.length === 1) queueMicrotask(() => this.#send());
  }

  async #send() {
    const context = await this.#context;
    const texts = this.#outbox.splice(0);
    await this.#page.run(context, `carryOut(${JSON.stringify(texts)})`);
  }

  #hear({ about, name, context, deltaStats, call, value, error, question, callback }) {
    if (about !== undefined) {
      this.#objects.get(about).hear(name, context, deltaStats);
    } else if (question !== undefined) {
      this.#answer(question, () => this.#objects.get(callback)(context));
    } else {
      const { resolve, reject } = this.#calls.get(call);
      this.#calls.delete(call);
      if (error === undefined) resolve(value);
      else reject(error);
    }
  }

  async #answer(question, answer) {
    try {
      this.#post({ verb: 'answer', question, value: await answer() });
    } catch (error) {
      this.#post({ verb: 'answer', question, error });
    }
  }
}
