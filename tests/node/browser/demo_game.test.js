// The game at /demo/game: two windows in one arena, the link cut and restored, the server started anew.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';

import { until } from '../patience.js';
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

async function watch({ origin = server.origin, ...options } = {}) {
  const opened = await openPage(browser, options);
  await opened.page.goto(`${origin}/demo/game`);
  await live(opened.page);
  return opened;
}

async function play(name, options) {
  const opened = await watch(options);
  await opened.page.getByRole('textbox', { name: 'Your name' }).fill(name);
  await opened.page.getByRole('button', { name: 'Fly' }).click();
  await own(opened.page).waitFor();
  return opened;
}

const live = (page, options) => page.locator('.link[data-state="live"]').waitFor(options);
const scores = (page) => page.locator('#scores li');
const own = (page) => page.locator('#scores li.own');

/** A ship as the page draws it next, by its player's name. */
function drawn(page, name) {
  return page.evaluate(
    (name) =>
      new Promise((resolve, reject) => {
        const canvas = document.getElementById('arena');
        const giveUp = setTimeout(() => reject(new Error(`${name} is not drawn`)), 10_000);
        canvas.addEventListener('drawn', function look({ detail }) {
          const ship = detail.find((ship) => ship.name === name);
          if (ship === undefined) return;
          clearTimeout(giveUp);
          canvas.removeEventListener('drawn', look);
          resolve(ship);
        });
      }),
    name,
  );
}

test('who only watches sees an arena with bots in it, and asks nobody but this server', async () => {
  const { page, faults, hosts } = await watch();
  await scores(page).nth(9).waitFor();
  await page.getByText('0 of 50 players, 10 bots').waitFor();
  const before = await drawn(page, 'Kestrel');
  await page.waitForTimeout(1_000);
  const after = await drawn(page, 'Kestrel');
  assert.ok(Math.hypot(after.x - before.x, after.y - before.y) > 5, 'it flies');
  assert.deepEqual([...hosts], [new URL(server.origin).host]);
  assert.deepEqual(faults, []);
  await page.context().close();
});

test('two windows see each other’s ships fly, and how long an input takes', async () => {
  const [ada, bo] = [await play('Ada'), await play('Bo')];
  await ada.page.getByText('2 of 50 players, 8 bots').waitFor();
  await scores(ada.page).filter({ hasText: 'Bo' }).waitFor();
  await scores(bo.page).filter({ hasText: 'Ada' }).waitFor();
  for (const [key, dx, dy] of [['ArrowRight', 1, 0], ['KeyW', 0, -1], ['ArrowLeft', -1, 0], ['ArrowDown', 0, 1]]) {
    await ada.page.locator('#arena').focus();
    await ada.page.keyboard.down(key);
    const isSeenByBoth = async () => {
      const [here, there] = await Promise.all([drawn(ada.page, 'Ada'), drawn(bo.page, 'Ada')]);
      return (here.vx * dx + here.vy * dy > 2 || isAtWall(here)) && Math.hypot(here.x - there.x, here.y - there.y) < 250;
    };
    await until(isSeenByBoth, `${key}: it flies that way, and both show one ship`);
    await ada.page.keyboard.up(key);
  }
  await ada.page.locator('#delay').filter({ hasText: /^\d+ ms$/ }).waitFor();
  await bo.page.context().close();
  await ada.page.getByText('1 of 50 players, 9 bots').waitFor({ timeout: 20_000 });
  assert.deepEqual([...ada.faults, ...bo.faults], []);
  await ada.page.context().close();
});

const isAtWall = ({ x, y }) => x < 40 || x > 2360 || y < 40 || y > 1460;

test('the mouse draws the ship to it', async () => {
  const { page } = await play('Mia');
  const box = await page.locator('#arena').boundingBox();
  const before = await drawn(page, 'Mia');
  await page.mouse.move(box.x + (before.x < 1200 ? box.width - 30 : 30), box.y + box.height / 2);
  const isDrawn = async () => {
    const { x, y } = await drawn(page, 'Mia');
    return Math.hypot(x - before.x, y - before.y) > 60;
  };
  await until(isDrawn, 'the ship comes');
  await page.context().close();
});

test('a finger pushes the ship, from wherever it came down', async () => {
  const { page } = await play('Tom', { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true });
  const box = await page.locator('#arena').boundingBox();
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  const finger = await page.context().newCDPSession(page);
  const touch = (type, ...touchPoints) => finger.send('Input.dispatchTouchEvent', { type, touchPoints });
  for (const dx of [80, -80]) {
    await touch('touchStart', { x, y });
    await touch('touchMove', { x: x + dx, y });
    const isPushed = async () => {
      const ship = await drawn(page, 'Tom');
      return ship.vx * Math.sign(dx) > 2 || isAtWall(ship);
    };
    await until(isPushed, `the ship flies to the ${dx > 0 ? 'right' : 'left'}`);
    await touch('touchEnd');
  }
  assert.equal(await page.evaluate(() => window.scrollY), 0, 'it steers and does not scroll');
  await page.context().close();
});

test('the link cut and restored: the page says so, and the ship is still there', { timeout: 60_000 }, async () => {
  const proxy = await Proxy.start(server.port);
  const origin = `http://${new URL(proxy.endpoint).host}`;
  const { page } = await play('Cy', { origin });
  const { number } = await drawn(page, 'Cy');
  proxy.cut();
  await page.locator('.link[data-state="waiting"]').waitFor();
  await page.getByText('No word from the server').waitFor();
  await picture(page, 'game-cut');
  proxy.restore();
  await live(page);
  await page.getByText('No word from the server').waitFor({ state: 'hidden' });
  await own(page).waitFor();
  assert.equal((await drawn(page, 'Cy')).number, number);
  await page.context().close();
  await proxy.stop();
});

test('on a server that has started anew the page gets a ship anew', { timeout: 60_000 }, async () => {
  const { page } = await play('Dee');
  server.signal('SIGKILL');
  await server.ended;
  await page.locator('.link[data-state="waiting"]').waitFor();
  server = await Server.start({ port: server.port });
  await live(page, { timeout: 30_000 });
  await page.getByText('1 of 50 players, 9 bots').waitFor();
  await own(page).filter({ hasText: 'Dee (you)' }).waitFor();
  await page.context().close();
});

test('the panel shows the bytes in words, and the lines of code', async () => {
  const { page, faults } = await play('Eve');
  await page.locator('#how summary').click();
  await page.getByText(/arena:main: step \d+, \d+ ships, 30 sparks/).first().waitFor();
  await page.getByText(/game\.steer: input \d+/).first().waitFor();
  await page.getByText('slow_consumer: "latest"').first().waitFor();
  await picture(page, 'game-how');
  assert.deepEqual(faults, []);
  await page.context().close();
});

test('nothing stands in the way of who cannot see, or wants no motion', async () => {
  const { page, faults } = await play('Flo', { reducedMotion: 'reduce' });
  await page.locator('#arena').focus();
  await page.keyboard.press('n');
  await page.getByText(/^Nearest spark: [a-z ]+, \d+ units\.$/).waitFor();
  const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run());
  const grave = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
  assert.deepEqual(grave.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)]), []);
  assert.deepEqual(faults, []);
  await page.context().close();
});

test('it looks as it should: light, dark, on a phone', { timeout: 120_000 }, async () => {
  const phone = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true };
  const views = {
    light: { colorScheme: 'light' },
    dark: { colorScheme: 'dark' },
    'phone-light': { colorScheme: 'light', ...phone },
    'phone-dark': { colorScheme: 'dark', ...phone },
    narrow: { colorScheme: 'light', viewport: { width: 360, height: 700 } },
    wide: { colorScheme: 'dark', viewport: { width: 1600, height: 900 } },
  };
  for (const [name, options] of Object.entries(views)) {
    const { page, faults } = await watch(options);
    await scores(page).nth(9).waitFor();
    await page.waitForTimeout(800); // wakes have their length
    await picture(page, `game-watch-${name}`);
    await page.getByRole('textbox', { name: 'Your name' }).fill('Grace');
    await page.getByRole('button', { name: 'Fly' }).click();
    await own(page).waitFor();
    await page.keyboard.down('ArrowRight');
    await page.waitForTimeout(1_500);
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    assert.ok(overflow <= 0, `${name}: ${overflow} px too wide`);
    await picture(page, `game-${name}`);
    assert.deepEqual(faults, []);
    await page.context().close();
  }
});
