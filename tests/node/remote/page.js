// The pages of one Chromium in which the clients of a test file live. A client has to come from the origin that it connects to, and
// to one host a browser opens six connections of HTTP/1.1 only: so a page has frames, each on a host name of its own, which take a
// fifth of the time that pages take. No server is asked for any of this.

import { after } from 'node:test';

import { launch } from '../browser/chromium.js';

/** All are of one site, so that frames are in the process of their page, and in reach of one session. It is this machine. */
const SITE = 'clients.localhost';
/** Where page and frames are, on whatever origin; behind it their number. */
const PATH = '/page-of-a-test-';
/** What no server gave counts as from the public network, which needs leave to open a WebSocket to this machine. */
const LEAVE = 'local-network-access';
/** The last script of a frame: which one it is, and that the others have run. */
const SAY_READY = '<script>tell(location.pathname)</script>';

let isOver = false;
/** Each page's session: none may be on its way when the browser is closed. */
const sessions = [];

/** Launched before the tests begin, so that none of them waits for it. */
const browser = await launch();

after(async () => {
  isOver = true;
  await Promise.allSettled(sessions);
  await browser.close();
});

/** A page in a context of its own. */
export class Page {
  /** A session of the DevTools protocol, once the page is there. */
  #session = this.#open();
  /** What each is made of, by its number, and who hears what it tells; the page itself is 0. */
  #frames = [{ html: '<!doctype html><link rel="icon" href="data:,">' }];
  /** The frames by their execution contexts. */
  #contexts = new Map();

  constructor() {
    sessions.push(this.#session);
  }

  /** One that is there already. */
  static async opened() {
    const page = new Page();
    await page.#session;
    return page;
  }

  /**
   * Makes a frame whose origin has that port, and whose scripts have `tell(text)`. Returns its host, and a promise of its execution
   * context, which is there when they have run.
   */
  frame(port, html, hear) {
    const number = this.#frames.length;
    const host = `${number}.${SITE}:${port}`;
    const frame = { html: html + SAY_READY, hear };
    this.#frames.push(frame);
    const context = new Promise((resolve, reject) => {
      frame.ready = resolve;
      this.#append(`http://${host}${PATH}${number}`).catch((error) => isOver || reject(error));
    });
    return { host, context };
  }

  /** Runs that in an execution context, and throws what it throws there. */
  async run(contextId, expression) {
    try {
      const session = await this.#session;
      const { exceptionDetails } = await session.send('Runtime.evaluate', { expression, contextId });
      if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    } catch (error) {
      // Nobody waits for it any more.
      if (!isOver) throw error;
    }
  }

  async #append(src) {
    const session = await this.#session;
    const attributes = JSON.stringify({ src, allow: LEAVE });
    const expression = `document.body.append(Object.assign(document.createElement('iframe'), ${attributes}))`;
    await session.send('Runtime.evaluate', { expression });
  }

  async #open() {
    const context = await browser.newContext({ permissions: [LEAVE] });
    const page = await context.newPage();
    const session = await context.newCDPSession(page);
    session.on('Fetch.requestPaused', ({ requestId, request }) => {
      const { html } = this.#frames[request.url.split(PATH)[1]];
      const responseHeaders = [{ name: 'Content-Type', value: 'text/html; charset=utf-8' }];
      const body = Buffer.from(html).toString('base64');
      // It fails where the browser is closed meanwhile; whoever waits for the frame sees to it that no test ends well without one.
      session.send('Fetch.fulfillRequest', { requestId, responseCode: 200, responseHeaders, body }).catch(() => {});
    });
    session.on('Runtime.bindingCalled', ({ name, payload, executionContextId }) => {
      if (name === 'tell') this.#hear(executionContextId, payload);
    });
    await session.send('Fetch.enable', { patterns: [{ urlPattern: `*${PATH}*` }] });
    await session.send('Runtime.enable');
    await session.send('Runtime.addBinding', { name: 'tell' });
    await page.goto(`http://${SITE}${PATH}0`);
    return session;
  }

  #hear(context, text) {
    if (this.#contexts.has(context)) {
      this.#contexts.get(context).hear(text);
      return;
    }
    const frame = this.#frames[text.split(PATH)[1]];
    this.#contexts.set(context, frame);
    frame.ready(context);
  }
}
