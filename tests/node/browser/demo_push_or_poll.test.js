// The page at /demo/push-or-poll, as its visitors see it: the same values by four ways, and what each of them costs.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';

import { Proxy } from '../proxy.js';
import { Server } from '../server.js';
import { launch, openPage, picture } from './chromium.js';

const LANES = ['websocket', 'sse', 'long-poll', 'poll'];

let server;
let browser;

before(async () => {
  [server, browser] = await Promise.all([Server.start(), launch()]);
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

async function opened(t, { origin = server.origin, ...options } = {}) {
  const view = await openPage(browser, options);
  t.after(() => view.page.context().close());
  await view.page.goto(`${origin}/demo/push-or-poll/`);
  await live(view.page);
  return view;
}

const live = (page) => page.locator('.link[data-state="live"]').waitFor({ timeout: 30_000 });

/** A figure of a lane: "4 ms", "12, 3 for nothing", "1.2 kB". */
const figure = (page, lane, name) =>
  page.locator(`#lane-${lane} .lane-figures > div`).filter({ hasText: name }).locator('dd').first().textContent();

async function requests(page, lane) {
  const [all, vain] = (await figure(page, lane, 'Requests')).split(',');
  return { all: Number(all), vain: vain === undefined ? 0 : Number(/\d+/.exec(vain)[0]) };
}

async function lateMs(page, lane) {
  const [, number, unit] = /^(?:< )?([\d.]+) (ms|s)$/.exec(await figure(page, lane, 'Late by')) ?? [];
  return Number(number) * (unit === 's' ? 1_000 : 1);
}

async function set(page, slider, step) {
  await page.getByRole('slider', { name: slider }).fill(String(step));
}

/** Every lane has shown a value since the last change. */
async function valuesEverywhere(page) {
  for (const lane of LANES) await page.locator(`#lane-${lane} .lane-now`).getByText(/^\d/).waitFor({ timeout: 30_000 });
}

test('four ways bring the same values, and only who asks sends requests', { timeout: 90_000 }, async (t) => {
  const { page, faults, hosts } = await opened(t);
  await valuesEverywhere(page);
  await page.waitForTimeout(9_000);
  const found = {};
  for (const lane of LANES) {
    assert.equal(await figure(page, lane, 'Missed'), '0', lane);
    found[lane] = { late: await lateMs(page, lane), ...(await requests(page, lane)) };
  }
  t.diagnostic(JSON.stringify(found));
  assert.deepEqual([found.websocket.all, found.sse.all], [1, 1]);
  // Two values a second, and a poll every two seconds.
  assert.ok(found['long-poll'].all >= 10, 'a request for each value');
  assert.ok(found.poll.all >= 4 && found.poll.all <= 9, 'a request every two seconds');
  assert.ok(found.poll.late > 300, 'half of the values wait a second or more');
  for (const lane of ['websocket', 'sse', 'long-poll']) assert.ok(found[lane].late < 300, `${lane}: ${found[lane].late} ms`);
  await page.locator('#verdict').getByText(/^\d+\ss: Polling asked \d+ times/).waitFor();
  assert.deepEqual(faults, []);
  assert.deepEqual([...hosts], [new URL(server.origin).host]);
});

test('seldom values make polling ask for nothing, and many make it the one that is cheap and late', { timeout: 120_000 }, async (t) => {
  const { page, faults } = await opened(t);
  await set(page, 'New values', 1);
  await set(page, 'Polling asks', 0);
  await page.getByText('one every 2 s', { exact: true }).waitFor();
  await valuesEverywhere(page);
  await page.waitForTimeout(5_000);
  const { all, vain } = await requests(page, 'poll');
  assert.ok(vain >= 4 && vain < all, `${vain} of ${all} for nothing`);

  await set(page, 'New values', 5);
  await set(page, 'Polling asks', 3);
  await page.getByText('10 a second', { exact: true }).waitFor();
  await valuesEverywhere(page);
  await page.locator('#verdict').getByText(/fewer bytes, .* one answer brings many, all of them late\.$/).waitFor({ timeout: 40_000 });
  assert.ok((await lateMs(page, 'poll')) > 1_000);
  for (const lane of LANES) assert.equal(await figure(page, lane, 'Missed'), '0', lane);
  assert.deepEqual(faults, []);
});

test('with the keyboard alone: another pace, a new count, and offline by all four ways', { timeout: 90_000 }, async (t) => {
  const { page, faults } = await opened(t);
  await valuesEverywhere(page);
  await page.getByRole('slider', { name: 'New values' }).focus();
  await page.keyboard.press('ArrowRight');
  await page.getByText('5 a second', { exact: true }).waitFor();
  assert.equal(await page.getByRole('slider', { name: 'New values' }).getAttribute('aria-valuetext'), '5 a second');
  await valuesEverywhere(page);
  await page.waitForTimeout(2_000);
  const before = await requests(page, 'long-poll');
  await page.getByRole('button', { name: 'Count anew' }).press('Enter');
  await page.waitForTimeout(400);
  assert.ok((await requests(page, 'long-poll')).all < before.all);

  await page.getByRole('button', { name: 'Go offline' }).press('Enter');
  await page.getByText('Offline', { exact: true }).waitFor();
  const asked = [];
  page.on('request', (request) => asked.push(request.url()));
  await page.waitForTimeout(3_000);
  assert.deepEqual(asked, [], 'who is offline asks for nothing');
  await page.getByRole('button', { name: 'Connect' }).press('Enter');
  await live(page);
  await valuesEverywhere(page);
  assert.deepEqual(faults, []);
});

test('a line that is cut: each way comes back by itself', { timeout: 90_000 }, async (t) => {
  const proxy = await Proxy.start(server.port);
  t.after(() => proxy.stop());
  const { page } = await opened(t, { origin: new URL(proxy.endpoint.replace('ws:', 'http:')).origin });
  await valuesEverywhere(page);
  proxy.cut();
  await page.locator('#lane-long-poll .lane-trouble').getByText(/^Not now/).waitFor({ timeout: 20_000 });
  await page.locator('#lane-sse .lane-trouble').getByText(/^Not now/).waitFor({ timeout: 20_000 });
  proxy.restore();
  await live(page);
  await valuesEverywhere(page);
  for (const lane of LANES) await page.locator(`#lane-${lane} .lane-trouble`).getByText(/./).waitFor({ state: 'detached', timeout: 20_000 });
});

test('a server without polls and event streams says so, and the rest works', { timeout: 60_000 }, async (t) => {
  // With settings of its own it is not in the development profile, which has both.
  const environment = { WAVECAST_DEMO_ENABLED: 'true', WAVECAST_CLIENT_ALLOW_ANONYMOUS_CONNECT_WITHOUT_TOKEN: 'true' };
  const bare = await Server.start({ environment });
  t.after(() => bare.stop());
  const { page } = await opened(t, { origin: bare.origin });
  await page.locator('#lane-websocket .lane-now').getByText(/^\d/).waitFor();
  for (const lane of ['sse', 'long-poll', 'poll']) await page.locator(`#lane-${lane} .lane-trouble`).getByText(/^Not now/).waitFor();
});

test('nothing grave for axe', { timeout: 60_000 }, async (t) => {
  for (const colorScheme of ['light', 'dark']) {
    const { page } = await opened(t, { colorScheme });
    await valuesEverywhere(page);
    await page.locator('.legend summary').click();
    await page.locator('#how summary').click();
    await page.evaluate(await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8'));
    const { violations } = await page.evaluate(() => globalThis.axe.run());
    const grave = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
    assert.deepEqual(grave.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)]), [], colorScheme);
  }
});

test('it looks as it should: light, dark, narrow, wide, without motion, with forced colours', { timeout: 120_000 }, async (t) => {
  const phone = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true };
  const views = {
    light: { colorScheme: 'light' },
    dark: { colorScheme: 'dark' },
    'phone-light': { colorScheme: 'light', ...phone },
    narrow: { viewport: { width: 360, height: 740 }, colorScheme: 'dark' },
    tablet: { viewport: { width: 768, height: 1024 } },
    wide: { viewport: { width: 1600, height: 1000 }, reducedMotion: 'reduce' },
    forced: { forcedColors: 'active' },
  };
  for (const [name, options] of Object.entries(views)) {
    const { page, faults } = await opened(t, options);
    await valuesEverywhere(page);
    await page.waitForTimeout(6_000); // the curve grows
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    assert.ok(overflow <= 0, `${name}: ${overflow} px too wide`);
    await picture(page, `demo-push-or-poll-${name}`);
    assert.deepEqual(faults, []);
    await page.context().close();
  }
});
