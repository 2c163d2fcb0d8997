// The monitoring demo's slow line, when the server behind it goes away and comes back: another life of it has another relay.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Server } from '../server.js';
import { launch, openPage } from './chromium.js';

let server;
let browser;

before(async () => {
  [server, browser] = await Promise.all([Server.start(), launch()]);
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

async function slowed(t) {
  const opened = await openPage(browser);
  t.after(() => opened.page.context().close());
  opened.page.setDefaultTimeout(45_000);
  await opened.page.goto(`${server.origin}/demo/monitoring/`);
  const slider = opened.page.getByRole('slider', { name: 'Your line' });
  await opened.page.locator('#rate:enabled').waitFor();
  await slider.focus();
  for (let step = 0; step < 3; step += 1) await opened.page.keyboard.press('ArrowRight');
  await byRelay(opened.page);
  return opened;
}

const byRelay = (page) => page.locator('#line-state').getByText('connected through the relay').waitFor();
const withoutLine = (page) => page.locator('#line-state').getByText('none').waitFor();

test('a server that was started anew is asked for its relay anew', { timeout: 120_000 }, async (t) => {
  const { page } = await slowed(t);
  server.signal('SIGKILL');
  await server.ended;
  await withoutLine(page);
  server = await Server.start({ port: server.port });
  await byRelay(page);
  await page.waitForFunction(() => /^[\d.]+ m?s$/.test(document.getElementById('mine-age').textContent));
});

test('who goes offline is so on the slow line too, and the page says that its prices are old', { timeout: 120_000 }, async (t) => {
  const { page, faults } = await slowed(t);
  await page.getByRole('button', { name: 'Go offline' }).click();
  await withoutLine(page);
  await page.getByText('No prices come at the moment: what you see are the last ones.').waitFor();
  const prices = () => page.locator('#board').textContent();
  await page.waitForTimeout(500); // what had come is drawn
  const before = await prices();
  await page.waitForTimeout(1_000);
  assert.equal(await prices(), before);
  await page.getByRole('button', { name: 'Connect' }).click();
  await byRelay(page);
  assert.deepEqual(faults, []);
});
