// The monitoring demo in a browser: prices that flash, a chart that costs little, and a viewer that is made slow.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';

import { Proxy } from '../proxy.js';
import { Server } from '../server.js';
import { launch, openPage, picture } from './chromium.js';

/** Main-thread task time, of wall time, at most. */
const BUSY_MAX = 0.5;
const MEASURED_MS = 2_000;
/** What is busy beside the test only makes a measurement worse: the best of so many counts. */
const ROUNDS = 4;
/** A viewer of 6,000 bytes a second is behind by what the kernel holds for it: 16 KiB unsent, and the relay's buffer. */
const LATE_MAX_MS = 8_000;
const SLOW_FOR_MS = 14_000;
/** How old the prices of a viewer may be whom nothing slows, half of the time. */
const UNHARMED_MS = 500;

let server;
let browser;

before(async () => {
  [server, browser] = await Promise.all([Server.start(), launch()]);
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

async function openBoard(options, origin = server.origin) {
  const opened = await openPage(browser, options);
  opened.page.setDefaultTimeout(45_000);
  await opened.page.goto(`${origin}/demo/monitoring`);
  await opened.page.locator('.tile').nth(199).waitFor({ state: 'attached' });
  await opened.page.waitForFunction(() => document.querySelector('.tile .price')?.textContent !== '–');
  return opened;
}

/** "12 ms" and "1.2 s" in milliseconds. */
async function ageOf(page, viewer) {
  const text = await page.locator(`#${viewer}-age`).textContent();
  const found = /^([\d.]+) (ms|s)$/.exec(text);
  assert.ok(found, `${viewer}: ${text}, ${await page.locator('#line-state').textContent()}`);
  return Number(found[1]) * (found[2] === 's' ? 1000 : 1);
}

async function skippedOf(page, viewer) {
  return Number((await page.locator(`#${viewer}-skipped`).textContent()).split(' ')[0].replaceAll(',', ''));
}

/** How old a viewer's prices are over some time, and how many messages it is spared. */
async function watch(page, viewer, ms) {
  const [begin, skipped] = [performance.now(), await skippedOf(page, viewer)];
  const ages = [];
  while (performance.now() - begin < ms) {
    ages.push(await ageOf(page, viewer));
    await page.waitForTimeout(250);
  }
  const seconds = (performance.now() - begin) / 1000;
  ages.sort((a, b) => a - b);
  return {
    medianMs: ages[Math.floor(ages.length / 2)],
    oldestMs: ages.at(-1),
    skippedPerS: Math.round(((await skippedOf(page, viewer)) - skipped) / seconds),
  };
}

async function setRate(page, step) {
  const slider = page.getByRole('slider', { name: 'Your line' });
  await slider.focus();
  await slider.press('Home');
  for (let pressed = 0; pressed < step; pressed += 1) await slider.press('ArrowRight');
}

test('prices, weather and machine arrive and change, and nobody but the server is asked', async () => {
  const { page, faults, hosts } = await openBoard();
  const tile = page.locator('.tile').first();
  const before = await tile.textContent();
  await page.waitForFunction((text) => document.querySelector('.tile').textContent !== text, before);
  await page.getByRole('img', { name: /20 weather stations/ }).waitFor();
  await page.getByText(/% of a core/).waitFor();
  assert.ok((await page.locator('#processors meter').count()) > 0);
  await page.waitForFunction(() => Number.parseInt(document.getElementById('saved-percent').textContent, 10) >= 50);
  assert.deepEqual([...hosts], [new URL(server.origin).host]);
  assert.deepEqual(faults, []);
  await page.context().close();
});

test('any instrument can be chosen, by mouse and by keyboard, and has a past at once', async () => {
  const { page } = await openBoard();
  const tile = page.locator('.tile').nth(30);
  const symbol = (await tile.locator('.symbol').textContent()).trim();
  await tile.click();
  assert.equal(await tile.getAttribute('aria-pressed'), 'true');
  await page.getByRole('heading', { name: symbol }).waitFor();
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('Enter');
  assert.equal(await page.locator('.tile').nth(31).getAttribute('aria-pressed'), 'true');
  assert.equal(await page.locator('.tile[aria-pressed="true"]').count(), 1);
  await page.context().close();
});

test('fifty updates a second leave the main thread at least half of its time', async () => {
  const { page, faults } = await openBoard();
  const session = await page.context().newCDPSession(page);
  await session.send('Performance.enable', { timeDomain: 'timeTicks' });
  await page.waitForTimeout(2_000);
  const shares = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const begin = [performance.now(), await busyS(session)];
    await page.waitForTimeout(MEASURED_MS);
    shares.push((1000 * ((await busyS(session)) - begin[1])) / (performance.now() - begin[0]));
  }
  console.log(`main-thread tasks, of wall time: ${shares.map(percent).join(', ')}`);
  const least = Math.min(...shares);
  assert.ok(least > 0 && least <= BUSY_MAX, `tasks took ${percent(least)} of wall time at least`);
  assert.deepEqual(faults, []);
  await page.context().close();
});

async function busyS(session) {
  const { metrics } = await session.send('Performance.getMetrics');
  return metrics.find(({ name }) => name === 'TaskDuration').value;
}

function percent(share) {
  return `${(100 * share).toFixed(1)} %`;
}

test('a slow viewer sees the newest prices, late but never stale, and another notices nothing', { timeout: 240_000 }, async () => {
  const [slow, other] = [await openBoard(), await openBoard()];
  await setRate(slow.page, 6);
  await slow.page.getByText('connected through the relay', { exact: true }).waitFor();
  await slow.page.getByText(/late, never stale/).waitFor();
  let isUnharmed = false;
  for (let round = 0; round < ROUNDS && !isUnharmed; round += 1) {
    const [late, meanwhile] = await Promise.all([watch(slow.page, 'mine', SLOW_FOR_MS), watch(other.page, 'mine', SLOW_FOR_MS)]);
    console.log('the slow viewer', late, 'the other', meanwhile);
    // Without the policy it would be later by the second: the line takes a twentieth of what is published.
    assert.ok(late.oldestMs < LATE_MAX_MS, `${late.oldestMs} ms old`);
    assert.ok(late.skippedPerS > 20, `${late.skippedPerS} skipped a second`);
    isUnharmed = meanwhile.medianMs <= UNHARMED_MS && meanwhile.skippedPerS === 0;
  }
  assert.ok(isUnharmed, 'in each round the other was late or was spared messages');
  await picture(slow.page, 'monitoring-slow');
  await setRate(slow.page, 0);
  await slow.page.getByText('Both viewers are on the direct line.').waitFor();
  assert.deepEqual([...slow.faults, ...other.faults], []);
  await slow.page.context().close();
  await other.page.context().close();
});

test('the link cut and back: the page says so, and the machine’s measurements come after', { timeout: 120_000 }, async () => {
  const proxy = await Proxy.start(server.port);
  const origin = new URL(proxy.endpoint.replace('ws:', 'http:')).origin;
  const { page } = await openBoard({}, origin);
  await page.getByText('Live', { exact: true }).waitFor();
  proxy.cut();
  await page.getByText(/Offline, retry/).first().waitFor();
  await page.waitForTimeout(2_000);
  proxy.restore();
  const caughtUp = await page.getByText(/Caught up: \d+ missed/).first().textContent();
  const missed = Number(/: (\d+) missed/.exec(caughtUp)[1]);
  // Two measurements a second, and all of them came afterwards.
  assert.ok(missed >= 3, caughtUp);
  await page.getByText('Live', { exact: true }).waitFor();
  await page.context().close();
  await proxy.stop();
});

test('axe finds nothing serious, in light and dark, with all of it open', { timeout: 240_000 }, async () => {
  const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
  for (const colorScheme of ['light', 'dark']) {
    const { page, faults } = await openBoard({ colorScheme });
    await page.locator('summary').evaluateAll((summaries) => summaries.forEach((summary) => summary.click()));
    await page.getByRole('row', { name: /Ashavik/ }).waitFor();
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() => globalThis.axe.run());
    const grave = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
    assert.deepEqual(grave.map(({ id, nodes }) => [id, nodes.slice(0, 3).map(({ html, failureSummary }) => [html, failureSummary])]), []);
    assert.deepEqual(faults, []);
    await page.context().close();
  }
});

test('it looks as it should: light and dark, desktop, wide and phone', { timeout: 240_000 }, async () => {
  const phone = { viewport: { width: 360, height: 740 }, deviceScaleFactor: 2, isMobile: true };
  const views = {
    light: { colorScheme: 'light' },
    dark: { colorScheme: 'dark' },
    wide: { colorScheme: 'light', viewport: { width: 1600, height: 1000 } },
    'phone-light': { colorScheme: 'light', ...phone },
    'phone-dark': { colorScheme: 'dark', ...phone },
  };
  for (const [name, options] of Object.entries(views)) {
    const { page, faults } = await openBoard(options);
    await page.waitForTimeout(4_000); // the chart fills
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    await picture(page, `monitoring-${name}`);
    assert.ok(overflow <= 0, `${name}: ${overflow} px too wide`);
    assert.deepEqual(faults, []);
    await page.context().close();
  }
});
