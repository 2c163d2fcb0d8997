// Takes the pictures of the demo pages that are kept in docs/pictures/: each page with something going on in it, light and
// dark, on a desktop and on a phone.
//
//     node pictures.js             writes docs/pictures/demo-<page>-<light|dark>-<desktop|phone>.webp
//     node pictures.js --review    whole pages in five widths, as PNG, below target/reports/pictures/
//
// Names of pages after that take those alone. The program and the browser are found as the tests find them.

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { publish } from './api.js';
import { launch, openPage } from './browser/chromium.js';
import { pause } from './patience.js';
import { Server } from './server.js';

const KEPT = fileURLToPath(new URL('../../docs/pictures', import.meta.url));
const REVIEWED = fileURLToPath(new URL('../../target/reports/pictures', import.meta.url));
/** The best of these that is small enough. */
const WEBP_QUALITIES = [82, 74, 66];
const KEPT_BYTES_MAX = 60_000;

const touch = { isMobile: true, hasTouch: true };
const DESKTOP = { name: 'desktop', viewport: { width: 1280, height: 800 } };
const PHONE = { name: 'phone', viewport: { width: 390, height: 844 }, ...touch };
const SCREENS = {
  kept: [DESKTOP, PHONE],
  reviewed: [
    DESKTOP,
    PHONE,
    { name: 'small', viewport: { width: 360, height: 740 }, ...touch },
    { name: 'tablet', viewport: { width: 768, height: 1024 }, ...touch },
    { name: 'wide', viewport: { width: 1600, height: 1000 } },
  ],
};

const SHOWS = { front, chat, monitoring, game, notifications, 'push-or-poll': pushOrPoll };

const words = process.argv.slice(2);
const isReview = words.includes('--review');
const wanted = words.filter((word) => !word.startsWith('--'));
let server;
let browser;

/** Opens the page in each screen, lets `prepare` make it busy, and takes it light and dark. */
async function take(name, path, prepare) {
  for (const { name: size, ...screen } of isReview ? SCREENS.reviewed : SCREENS.kept) {
    const { page, faults } = await openPage(browser, { colorScheme: 'light', ...screen });
    await page.goto(`${server.origin}${path}`);
    await live(page);
    const again = await prepare(page, size);
    const width = await page.evaluate(() => Math.max(window.innerWidth, document.documentElement.scrollWidth));
    if (width > screen.viewport.width) throw new Error(`${name}, ${size}: ${width} px wide`);
    for (const colorScheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme });
      await again?.();
      await page.mouse.move(0, 0);
      await pause(700);
      await keep(page, `demo-${name}-${colorScheme}-${size}`);
    }
    if (faults.length > 0) throw new Error(`${name}: ${faults.join('\n')}`);
    await page.context().close();
  }
}

async function keep(page, name) {
  if (isReview) {
    await page.screenshot({ path: join(REVIEWED, `${name}.png`), fullPage: true });
    await page.screenshot({ path: join(REVIEWED, `${name}-first.png`) });
    return;
  }
  const cdp = await page.context().newCDPSession(page);
  let bytes;
  for (const quality of WEBP_QUALITIES) {
    const { data } = await cdp.send('Page.captureScreenshot', { format: 'webp', quality });
    bytes = Buffer.from(data, 'base64');
    if (bytes.length <= KEPT_BYTES_MAX) break;
  }
  await cdp.detach();
  await writeFile(join(KEPT, `${name}.webp`), bytes);
  console.log(`${name}.webp ${(bytes.length / 1000).toFixed(0)} kB`);
}

function live(page) {
  return page.locator('.link[data-state="live"]').waitFor({ timeout: 30_000 });
}

async function front(name) {
  const player = await pilot('Ada');
  const people = await talkers('lobby', ['Mia', 'Jonas', 'Ruth']);
  await converse(people, LOBBY_TALK.slice(0, 4));
  await publishNews();
  await take(name, '/demo/', async (page) => {
    await page.locator('#bell-picture .headlines li').first().waitFor();
    // The line of the market grows over eight seconds.
    await pause(9_000);
    return () => player.turn();
  });
  await closeAll([player.page, ...people.map(({ page }) => page)]);
}

async function chat(name) {
  const people = await talkers('lobby', ['Mia', 'Jonas', 'Ruth']);
  const elsewhere = await talkers('coffee', ['Tom']);
  await converse(people, LOBBY_TALK);
  let isFirst = true;
  await take(name, '/demo/chat/', async (page) => {
    await page.getByRole('textbox', { name: /Choose a name/ }).fill('Ada');
    await page.getByRole('button', { name: 'Enter' }).click();
    await page.locator('#people').getByText('Ada', { exact: true }).waitFor();
    if (isFirst) await say(page, 'Merged. It is live, and nobody had to reload.');
    isFirst = false;
    await say(elsewhere[0].page, 'The kettle is on');
    await page.locator('#rooms .badge:visible').first().waitFor();
    return () => people[1].page.getByRole('textbox', { name: 'Message' }).pressSequentially('So');
  });
  await closeAll([...people, ...elsewhere].map(({ page }) => page));
}

async function monitoring(name) {
  await take(name, '/demo/monitoring/', async (page) => {
    await page.locator('.tile').nth(199).waitFor({ state: 'attached' });
    await pause(15_000);
  });
}

async function game(name) {
  const others = [await pilot('Mia'), await pilot('Jonas')];
  await take(name, '/demo/game/', async (page) => {
    await page.getByRole('textbox', { name: 'Your name' }).fill('Ada');
    await page.getByRole('button', { name: 'Fly' }).click();
    await page.locator('#scores li.own').waitFor();
    const me = steersman(page);
    for (let turn = 0; turn < 8; turn += 1) {
      await Promise.all([me(), ...others.map((other) => other.turn())]);
      await pause(600);
    }
    return async () => {
      for (let turn = 0; turn < 20; turn += 1) {
        await Promise.all([me(), ...others.map((other) => other.turn())]);
        await pause(400);
        if ((await shipsAround(page, 'Ada')) >= 3) return;
      }
    };
  });
  await closeAll(others.map(({ page }) => page));
}

async function notifications(name) {
  const user = 'ada';
  await publishNews();
  for (const [title, text, from] of PERSONAL) {
    await publish(server, `notify:user#${user}`, { title, text, from, at: Date.now() });
  }
  await take(name, `/demo/notifications/?user=${user}`, async (page) => {
    await page.locator('.note').nth(4).waitFor();
    // Who has read some has something to read on.
    for (const title of ['Welcome', 'Maintenance on Sunday', 'Your report is ready']) {
      const mark = page.locator('.note').filter({ hasText: title }).getByRole('button', { name: /Mark read/ });
      if (await mark.isVisible()) await mark.click();
    }
    await page.getByLabel('What to order').selectOption(ORDERS[orders % ORDERS.length]);
    orders += 1;
    await page.getByRole('button', { name: 'Order', exact: true }).click();
    await page.locator('.note').filter({ hasText: 'Packed' }).first().waitFor({ timeout: 20_000 });
    await pause(2_000);
  });
}

async function pushOrPoll(name) {
  await take(name, '/demo/push-or-poll/', async (page) => {
    await page.locator('#lane-poll .lane-delay').getByText(/ms|s$/).waitFor();
    // The curve grows over twelve seconds.
    await pause(14_000);
  });
}

const LOBBY_TALK = [
  ['Mia', 'Morning! Did the new price feed go out last night?'],
  ['Jonas', 'It did, at ten past nine. Two hundred symbols, fifty times a second.'],
  ['Ruth', 'I was on the train with it. Lost the line in the tunnel, and afterwards it said “Caught up: 212 missed”.'],
  ['Mia', 'And were they all there?'],
  ['Ruth', 'In order, each once.'],
  ['Jonas', 'Then I can take the refresh button away.'],
];

const NEWS = [
  ['Maintenance on Sunday', 'From 7 to 8 in the morning. Open pages come back by themselves.'],
  ['Lift 2 works again', 'Thank you for taking the stairs.'],
];

const PERSONAL = [
  ['Your report is ready', 'Visitors in November, 14 pages.', ''],
  ['Mia invited you to “Road map”', 'Thursday at 10, in the room with the plant.', 'mia'],
];

const ORDERS = ['A bicycle bell', 'A pot of coffee', 'A book of maps', 'A pair of boots'];

let orders = 0;

async function publishNews() {
  for (const [title, text] of NEWS) await publish(server, 'notify:all', { title, text, at: Date.now() });
}

/** People in windows of their own. */
function talkers(room, names) {
  return Promise.all(
    names.map(async (name) => {
      const { page } = await openPage(browser);
      await page.goto(`${server.origin}/demo/chat/?room=${room}`);
      await live(page);
      await page.getByRole('textbox', { name: /Choose a name/ }).fill(name);
      await page.getByRole('button', { name: 'Enter' }).click();
      await page.locator('#people').getByText(name, { exact: true }).waitFor();
      return { name, page };
    }),
  );
}

async function converse(people, talk) {
  for (const [who, text] of talk) {
    await say(people.find(({ name }) => name === who).page, text);
    await pause(400);
  }
}

async function say(page, text) {
  const field = page.getByRole('textbox', { name: 'Message' });
  await field.fill(text);
  await field.press('Enter');
  await page.locator('#messages').getByText(text).last().waitFor();
}

async function pilot(name) {
  const { page } = await openPage(browser, { viewport: { width: 800, height: 700 } });
  await page.goto(`${server.origin}/demo/game/`);
  await live(page);
  await page.getByRole('textbox', { name: 'Your name' }).fill(name);
  await page.getByRole('button', { name: 'Fly' }).click();
  await page.locator('#scores li.own').waitFor();
  return { page, turn: steersman(page) };
}

/** How many ships are drawn near the one of that name. */
function shipsAround(page, name) {
  return page.evaluate(
    (name) =>
      new Promise((resolve) => {
        const count = ({ detail }) => {
          const own = detail.find((ship) => ship.name === name);
          if (own === undefined) return resolve(0);
          resolve(detail.filter(({ x, y }) => Math.hypot(x - own.x, y - own.y) < 420).length - 1);
        };
        document.getElementById('arena').addEventListener('drawn', count, { once: true });
      }),
    name,
  );
}

/** Each call holds another key: a round course through the arena. */
function steersman(page) {
  const keys = ['ArrowRight', 'ArrowDown', 'ArrowLeft', 'ArrowUp'];
  let turns = 0;
  return async () => {
    await page.locator('#arena').focus();
    if (turns > 0) await page.keyboard.up(keys[(turns - 1) % keys.length]);
    await page.keyboard.down(keys[turns % keys.length]);
    turns += 1;
  };
}

function closeAll(pages) {
  return Promise.all(pages.map((page) => page.context().close()));
}

browser = await launch();
try {
  await mkdir(isReview ? REVIEWED : KEPT, { recursive: true });
  for (const [name, show] of Object.entries(SHOWS)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    // Each has a server of its own, so that what one has said stands in no picture of another.
    server = await Server.start();
    await show(name);
    await server.stop();
  }
} finally {
  await browser.close();
  await server?.stop();
}
