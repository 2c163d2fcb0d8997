// The front page of the demos: live pictures over one connection, and the frame that all demo pages have.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';

import { publish } from '../api.js';
import { Proxy } from '../proxy.js';
import { Server } from '../server.js';
import { launch, openPage, picture } from './chromium.js';

let server;
let browser;

before(async () => {
  [server, browser] = await Promise.all([Server.start(), launch()]);
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

const state = (page, name) => page.locator(`.link[data-state="${name}"]`).waitFor({ timeout: 30_000 });

async function opened(t, { origin = server.origin, ...options } = {}) {
  const view = await openPage(browser, options);
  t.after(() => view.page.context().close());
  await view.page.goto(`${origin}/demo/`);
  await state(view.page, 'live');
  return view;
}

test('the pictures live, and nobody but the server is asked', { timeout: 60_000 }, async (t) => {
  const { page, faults, hosts } = await opened(t);
  await page.locator('#chat-picture li').first().waitFor();
  await page.locator('#market-picture').getByText(/^\d+ updates a second$/).waitFor();
  await page.locator('#arena-picture').getByText(/player/).waitFor();
  await page.locator('#bell-picture .headlines li').first().waitFor();
  await publish(server, 'chat:lobby', { id: 'x', text: 'A word from the back end', at: 0 });
  await page.locator('#chat-picture').getByText('A word from the back end').waitFor();
  await publish(server, 'notify:all', { title: 'News for everybody', text: '', at: 0 });
  await page.locator('#bell-picture').getByText('News for everybody').waitFor();
  assert.deepEqual([...hosts], [new URL(server.origin).host]);
  assert.deepEqual(faults, []);
});

test('each picture leads to its demo', async (t) => {
  const { page } = await opened(t);
  for (const name of ['Chat', 'Live monitoring', 'Game', 'Notifications', 'Push or poll']) {
    const address = await page.getByRole('link', { name, exact: true }).getAttribute('href');
    assert.equal((await fetch(server.origin + address)).status, 200, address);
  }
});

test('the start page leads here where there are demos, and does not where there are none', async (t) => {
  const quiet = await Server.start({ environment: { WAVECAST_DEMO_ENABLED: 'false' } });
  t.after(() => quiet.stop());
  assert.equal((await fetch(`${quiet.origin}/demo/`)).status, 404);
  for (const [origin, leads] of [[server.origin, true], [quiet.origin, false]]) {
    const { page, faults } = await openPage(browser);
    t.after(() => page.context().close());
    await page.goto(`${origin}/`);
    await page.getByText('Connected', { exact: true }).waitFor();
    await page.waitForLoadState('networkidle');
    assert.equal(await page.getByRole('link', { name: 'Demos' }).isVisible(), leads);
    assert.deepEqual(faults, []);
  }
});

test('the panel shows what passes, and keeps still when it is told to', async (t) => {
  const { page } = await opened(t);
  await page.locator('#how summary').click();
  const messages = page.getByRole('list', { name: /^The last 30 messages/ });
  await messages.getByText('publication · market:software').first().waitFor();
  assert.ok((await messages.getByRole('listitem').count()) <= 30);
  assert.match(await page.locator('.how-code pre').first().textContent(), /follow\(client, 'chat:lobby'/);
  await page.getByRole('button', { name: 'Pause' }).click();
  const before = await messages.textContent();
  await page.waitForTimeout(700);
  assert.equal(await messages.textContent(), before);
});

test('the link cut and restored: it waits, catches up, and says how much it missed', { timeout: 90_000 }, async (t) => {
  const proxy = await Proxy.start(server.port);
  t.after(() => proxy.stop());
  const { page } = await opened(t, { origin: new URL(proxy.endpoint.replace('ws:', 'http:')).origin });
  await page.locator('#chat-picture li').first().waitFor();
  proxy.cut();
  await state(page, 'waiting');
  await picture(page, 'demo-front-waiting');
  for (const text of ['missed one', 'missed two']) await publish(server, 'chat:lobby', { id: text, text, at: 0 });
  proxy.restore();
  await page.getByText(/^Caught up: \d+ missed$/).waitFor({ timeout: 30_000 });
  await page.locator('#chat-picture').getByText('missed two').waitFor();
  assert.equal(await page.locator('#chat-picture').getByText('missed one').count(), 1, 'once');
  await state(page, 'live');
});

test('the link cut by the visitor: the page says so, what it shows looks old, and it catches up', { timeout: 60_000 }, async (t) => {
  const { page, faults } = await opened(t);
  await page.locator('#chat-picture li').first().waitFor();
  const filter = () => page.locator('#market-picture').evaluate((picture) => getComputedStyle(picture).filter);
  assert.equal(await filter(), 'none');
  await page.getByRole('button', { name: 'Go offline' }).focus();
  await page.keyboard.press('Enter');
  await page.getByText('Offline', { exact: true }).waitFor();
  assert.equal(await filter(), 'grayscale(1)');
  await publish(server, 'chat:lobby', { id: 'gone', text: 'said meanwhile', at: 0 });
  // The same button leads back, and the keyboard is still there.
  assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Connect');
  await page.keyboard.press('Enter');
  await page.getByText(/^Caught up: \d+ missed$/).waitFor();
  await page.locator('#chat-picture').getByText('said meanwhile').waitFor();
  assert.equal(await filter(), 'none');
  assert.deepEqual(faults, []);
});

test('the first sentence leads to the panel, and Escape closes it', async (t) => {
  const { page } = await opened(t);
  await page.getByRole('link', { name: 'How it works' }).click();
  const pause = page.getByRole('button', { name: 'Pause' });
  await pause.waitFor();
  await page.keyboard.press('Tab');
  await page.keyboard.press('Escape');
  await pause.waitFor({ state: 'hidden' });
  assert.equal(await page.evaluate(() => document.activeElement.tagName), 'SUMMARY');
});

test('nothing grave for axe', { timeout: 60_000 }, async (t) => {
  const view = await openPage(browser);
  t.after(() => view.page.context().close());
  await view.page.goto(`${server.origin}/demo/`);
  await state(view.page, 'live');
  await view.page.locator('#how summary').click();
  await view.page.evaluate(await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8'));
  const { violations } = await view.page.evaluate(() => globalThis.axe.run());
  const grave = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
  assert.deepEqual(grave.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)]), []);
});

test('it looks as it should: light, dark, on a phone', { timeout: 120_000 }, async (t) => {
  const phone = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true };
  const views = {
    light: { colorScheme: 'light' },
    dark: { colorScheme: 'dark' },
    'phone-light': { colorScheme: 'light', ...phone },
    'phone-dark': { colorScheme: 'dark', ...phone },
    narrow: { viewport: { width: 360, height: 740 } },
    wide: { viewport: { width: 1600, height: 1000 } },
  };
  for (const [name, options] of Object.entries(views)) {
    const { page, faults } = await opened(t, options);
    await page.locator('#bell-picture .headlines li').first().waitFor();
    await page.waitForTimeout(4_000); // the line of the market grows
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    assert.ok(overflow <= 0, `${name}: ${overflow} px too wide`);
    await picture(page, `demo-front-${name}`);
    assert.deepEqual(faults, []);
  }
});
