// How much a browser loads before a demo page stands: what the server sends, as it sends it.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Server } from '../server.js';
import { launch, openPage } from './chromium.js';

const BYTES_MAX = 150_000;

let server;
let browser;

before(async () => {
  [server, browser] = await Promise.all([Server.start(), launch()]);
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

for (const path of ['/demo/', '/demo/chat', '/demo/monitoring', '/demo/game', '/demo/notifications', '/demo/push-or-poll']) {
  test(`the first view of ${path} is small`, async (t) => {
    const { page } = await openPage(browser);
    t.after(() => page.context().close());
    await page.goto(`${server.origin}${path}`);
    await page.getByText('Live', { exact: true }).waitFor();
    const loaded = await page.evaluate(() =>
      ['navigation', 'resource']
        .flatMap((type) => performance.getEntriesByType(type))
        .map(({ name, encodedBodySize, decodedBodySize }) => ({ name, encodedBodySize, decodedBodySize })),
    );
    const sum = (size) => loaded.reduce((bytes, entry) => bytes + entry[size], 0);
    const [sent, whole] = [sum('encodedBodySize'), sum('decodedBodySize')];
    t.diagnostic(`${loaded.length} files, ${sent} bytes, of ${whole}`);
    assert.ok(loaded.length >= 3, 'a page, a script and a style sheet');
    assert.ok(sent > 10_000 && sent < BYTES_MAX, `${sent} bytes`);
    assert.ok(sent < whole / 2, `${sent} of ${whole} bytes: not compressed`);
  });
}
