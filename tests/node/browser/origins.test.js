// The unmodified library on pages of other origins than the server's, forced onto each of its transports.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { until } from '../patience.js';
import { Server } from '../server.js';
import { launch } from './chromium.js';
import { arrival, begin, elsewhere, libraryPage, publications, subscribe } from './visitor.js';

const TEST = { timeout: 180_000 };

let browser;

before(async () => {
  browser = await launch();
});

after(async () => {
  await browser?.close();
});

describe('a page of another origin is let in if it is on the list', { concurrency: 3 }, () => {
  for (const transport of ['websocket', 'http_stream', 'sse']) {
    test(transport, TEST, async (t) => {
      const [friend, stranger] = await Promise.all([elsewhere(t), elsewhere(t)]);
      const server = await Server.start({
        config: {
          client: { insecure: true, allowed_origins: [friend] },
          http_stream: { enabled: true },
          sse: { enabled: true },
        },
      });
      t.after(() => server.stop());

      const { page } = await libraryPage(t, browser, friend);
      await begin(page, server.origin, [transport]);
      assert.equal((await arrival(page)).transport, transport);
      await subscribe(page, 'across');
      await page.evaluate(() => window.subscription.publish('from elsewhere'));
      assert.deepEqual(await publications(page, 1), ['from elsewhere']);

      const other = await libraryPage(t, browser, stranger);
      await begin(other.page, server.origin, [transport]);
      await other.page.waitForFunction(() => window.told.filter(({ name }) => name === 'error').length >= 2);
      assert.ok(await other.page.evaluate(() => window.told.every(({ name }) => name !== 'connected')));
      await until(() => other.faults.length > 0, 'the browser says why');
    });
  }
});
