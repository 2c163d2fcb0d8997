// Somebody in a browser with the unmodified library, on a bare page of some origin.

import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

import { openPage } from './chromium.js';

const PATIENCE_MS = 60_000;
const LIBRARY = join(dirname(createRequire(import.meta.url).resolve('centrifuge')), '../dist/centrifuge.js');

/** A page of that origin, with nothing of its own in it; it is closed when the test ends. */
export async function barePage(t, browser, origin) {
  const opened = await openPage(browser, { bypassCSP: true });
  t.after(() => opened.page.context().close());
  opened.page.setDefaultTimeout(PATIENCE_MS);
  await opened.page.goto(`${origin}/health/live`);
  return opened;
}

/** The same with the library. */
export async function libraryPage(t, browser, origin) {
  const opened = await barePage(t, browser, origin);
  await opened.page.addScriptTag({ path: LIBRARY });
  return opened;
}

/**
 * Makes a client there, `window.client`, and connects it by the first of the transports that opens. What it is told is kept in
 * `window.told`: `{ name, context }`, in order.
 */
export async function begin(page, origin, transports, options = {}) {
  await page.evaluate(
    ({ origin, transports, options }) => {
      const at = (transport) => `${transport === 'websocket' ? origin.replace('http', 'ws') : origin}/connection/${transport}`;
      const ways = transports.map((transport) => ({ transport, endpoint: at(transport) }));
      const quick = { minReconnectDelay: 50, maxReconnectDelay: 300, timeout: 20_000, emulationEndpoint: `${origin}/emulation` };
      window.client = new window.Centrifuge(ways, { ...quick, ...options });
      window.told = [];
      for (const name of ['connecting', 'connected', 'disconnected', 'error']) {
        window.client.on(name, (context) => window.told.push({ name, context }));
      }
      window.client.connect();
    },
    { origin, transports, options },
  );
}

/** The context of the client's `connected`. */
export async function arrival(page) {
  const handle = await page.waitForFunction(() => window.told.find(({ name }) => name === 'connected')?.context);
  return handle.jsonValue();
}

/** Subscribes, and keeps what comes: payloads in `window.publications`, each `subscribed` in `window.places`. */
export function subscribe(page, channel) {
  return page.evaluate((channel) => {
    window.publications = [];
    window.places = [];
    const subscription = window.client.newSubscription(channel, { minResubscribeDelay: 20, maxResubscribeDelay: 200 });
    window.subscription = subscription;
    subscription.on('publication', ({ data }) => window.publications.push(data));
    return new Promise((resolve, reject) => {
      subscription.on('subscribed', ({ wasRecovering, recovered }) => {
        window.places.push({ wasRecovering, recovered });
        resolve();
      });
      subscription.on('unsubscribed', ({ reason }) => reject(new Error(reason)));
      subscription.subscribe();
    });
  }, channel);
}

/** Waits until `count` publications are there, and returns the payloads of all. */
export async function publications(page, count) {
  await page.waitForFunction((count) => window.publications.length >= count, count);
  return page.evaluate(() => window.publications);
}

/** An origin whose pages are empty. */
export async function elsewhere(t) {
  const server = createServer((_, response) => response.setHeader('Content-Type', 'text/html').end('<!doctype html><title>elsewhere</title>'));
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  return `http://127.0.0.1:${server.address().port}`;
}
