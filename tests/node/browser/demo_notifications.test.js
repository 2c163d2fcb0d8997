// The page at /demo/notifications, as its visitors see it: in step over windows, replayed after an absence, honest about gaps.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { after, afterEach, before, test } from 'node:test';
import { promisify } from 'node:util';

import { publish } from '../api.js';
import { Proxy } from '../proxy.js';
import { Server } from '../server.js';
import { launch, openPage, picture } from './chromium.js';

const run = promisify(execFile);

/** What the server keeps of a channel. */
const HISTORY_SIZE = 100;

let server;
let browser;
let contexts = [];
let users = 0;

before(async () => {
  [server, browser] = await Promise.all([Server.start(), launch()]);
});

afterEach(async () => {
  await Promise.all(contexts.map((context) => context.close()));
  contexts = [];
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

/** Each test has users of its own: the server goes on between tests. */
function somebody() {
  users += 1;
  return `user-${process.pid}-${users}`;
}

/** A window of its own browser profile; `origin` may be a proxy's. */
async function opened(user, { origin = server.origin, ...options } = {}) {
  const found = await openPage(browser, options);
  contexts.push(found.page.context());
  await visit(found.page, user, origin);
  return found;
}

async function visit(page, user, origin = server.origin) {
  await page.goto(`${origin}/demo/notifications/?user=${user}`);
  await page.locator('#who-name').getByText(user).waitFor();
  // What goes to everybody has been said at the start of the server, so the list is never empty.
  await page.locator('.note').first().waitFor();
}

const inbox = (page) => page.getByRole('list', { name: /Inbox/ });
const note = (page, title) => inbox(page).locator('.note').filter({ hasText: title });
const unread = async (page) => Number(await page.locator('#unread-count').textContent());

async function unreadIs(page, count) {
  await page.locator(`#unread-count[data-unread="${count}"]`).waitFor();
}

async function markAllRead(page) {
  const button = page.getByRole('button', { name: 'Mark all read' });
  if (await button.isEnabled()) await button.click();
  await unreadIs(page, 0);
}

/** Waits until the browser has kept a notification for the next visit, and that it was read. */
function kept(page, title, { isRead = false } = {}) {
  return page.waitForFunction(
    ({ title, isRead }) => {
      const entry = Object.values(localStorage).find((text) => text.includes(title));
      if (entry === undefined) return false;
      const { notes, read } = JSON.parse(entry);
      return !isRead || read.includes(notes.find((note) => note.title === title).id);
    },
    { title, isRead },
  );
}

test('two windows of one user are in step, and another user is not disturbed', async () => {
  const [ann, bob] = [somebody(), somebody()];
  const one = await opened(ann);
  const two = await opened(ann);
  const other = await opened(bob);
  await markAllRead(one.page);
  await unreadIs(two.page, 0);
  const before = await unread(other.page);

  await one.page.getByLabel('Title').fill('The kettle is on');
  await one.page.getByLabel('Text').fill('Come to the kitchen.');
  await one.page.getByRole('button', { name: 'Send', exact: true }).click();
  for (const { page } of [one, two]) {
    await note(page, 'The kettle is on').waitFor();
    await unreadIs(page, 1);
    assert.match(await page.title(), /^\(1\) /);
    assert.match(await page.locator('link[rel="icon"]').getAttribute('href'), /1-[\w-]+\.svg$/);
  }
  await note(two.page, 'The kettle is on').getByRole('button', { name: /Mark read/ }).click();
  await unreadIs(one.page, 0);
  await unreadIs(two.page, 0);
  assert.doesNotMatch(await one.page.title(), /^\(/);

  // To everybody: that is for the other user as well, and the first thing that comes there.
  await one.page.getByRole('radio', { name: 'everybody', exact: true }).check();
  await one.page.getByLabel('Title').fill(`Tea for all ${ann}`);
  await one.page.getByRole('button', { name: 'Send', exact: true }).click();
  await note(other.page, `Tea for all ${ann}`).waitFor();
  await unreadIs(other.page, before + 1);
  assert.equal(await note(other.page, 'The kettle is on').count(), 0);
  await markAllRead(two.page);
  await unreadIs(one.page, 0);
  assert.equal(await unread(other.page), before + 1, 'what one user has read is unread for another');
  for (const { faults, hosts } of [one, two, other]) {
    assert.deepEqual(faults, []);
    assert.deepEqual([...hosts], [new URL(server.origin).host]);
  }
});

test('a device that comes new knows what was read on others', async () => {
  const ann = somebody();
  const { page } = await opened(ann);
  await publish(server, `notify:user#${ann}`, { title: 'Read long ago' });
  await note(page, 'Read long ago').waitFor();
  await markAllRead(page);
  const fresh = await opened(ann);
  await note(fresh.page, 'Read long ago').waitFor();
  await unreadIs(fresh.page, 0);
});

test('what came while the tab was closed is replayed when it is opened again', async () => {
  const ann = somebody();
  const { page, faults } = await opened(ann);
  await publish(server, `notify:user#${ann}`, { title: 'Before' });
  await note(page, 'Before').waitFor();
  await markAllRead(page);
  await kept(page, 'Before', { isRead: true });
  const context = page.context();
  await page.close();
  for (const title of ['First missed', 'Second missed']) await publish(server, `notify:user#${ann}`, { title });
  await publish(server, 'notify:all', { title: `Third missed ${ann}` });

  const again = await context.newPage();
  await visit(again, ann);
  await again.getByText('3 notifications came while you were away. Nothing is missing.').first().waitFor();
  await unreadIs(again, 3);
  for (const title of ['First missed', 'Second missed', 'Third missed']) {
    assert.equal(await note(again, title).count(), 1, title);
    await note(again, title).getByText('while you were away').waitFor();
  }
  assert.equal(await note(again, 'Before').getByText('while you were away').count(), 0);
  await markAllRead(again);
  await again.locator('#replayed').waitFor({ state: 'hidden' });
  assert.deepEqual(faults, []);
});

test('where the history no longer reaches back, the page says how many are lost', async () => {
  const ann = somebody();
  const { page } = await opened(ann);
  await publish(server, `notify:user#${ann}`, { title: 'Seen' });
  await note(page, 'Seen').waitFor();
  await kept(page, 'Seen');
  const context = page.context();
  await page.close();
  for (let n = 1; n <= HISTORY_SIZE + 7; n += 1) await publish(server, `notify:user#${ann}`, { title: `Number ${n}` });
  const again = await context.newPage();
  await visit(again, ann);
  await again.getByText(`Gap: 7 notifications are lost; the history no longer reaches back that far. The ${HISTORY_SIZE} that it still has are here.`).first().waitFor();
  await note(again, `Number ${HISTORY_SIZE + 7}`).waitFor();
  assert.equal(await note(again, /Number 7(?!\d)/).count(), 0, 'the last that is lost');
  assert.equal(await note(again, /Number 8(?!\d)/).count(), 1, 'the first that is there');
  assert.ok(await note(again, /Number 8(?!\d)/).isHidden(), 'a long inbox does not push all else away');
  await again.getByRole('button', { name: /^Show all \d+$/ }).click();
  await note(again, /Number 8(?!\d)/).waitFor();
});

test('the command on the page does what the form does, word for word', async () => {
  const ann = somebody();
  const { page } = await opened(ann);
  await page.getByLabel('Title').fill(`It's "quoted" & $HOME`);
  await page.getByLabel('Text').fill('Back\\slash, ünïcödé');
  const command = await page.getByRole('region', { name: 'Command that sends a notification' }).textContent();
  assert.ok(command.includes(server.origin), command);
  await run('sh', ['-c', command], { timeout: 10_000 });
  await note(page, `It's "quoted" & $HOME`).getByText('Back\\slash, ünïcödé').waitFor();
});

test('an order moves from step to step, also while the tab is closed', { timeout: 150_000 }, async () => {
  const ann = somebody();
  const { page, faults } = await opened(ann);
  const progress = () => page.getByRole('progressbar').evaluate((bar) => Number(bar.style.getPropertyValue('--progress')));
  await page.getByLabel('What to order').selectOption('A bicycle bell');
  await page.getByRole('button', { name: 'Order', exact: true }).click();
  await note(page, 'Order received: A bicycle bell').waitFor();
  await note(page, 'Paid: A bicycle bell').waitFor();
  const before = await progress();
  await page.waitForFunction((seen) => Number(document.querySelector('.track').style.getPropertyValue('--progress')) > seen, before);
  assert.ok((await progress()) < 1);
  const context = page.context();
  await page.close();
  await new Promise((resolve) => setTimeout(resolve, 5_500));
  const again = await context.newPage();
  again.setDefaultTimeout(20_000);
  await visit(again, ann);
  // A slow machine may have closed the tab after the first of the two only.
  await note(again, /(Packed|On its way): A bicycle bell/).getByText('while you were away').first().waitFor();
  await note(again, 'Delivered: A bicycle bell').waitFor();
  assert.equal(await again.getByRole('progressbar').getAttribute('aria-valuetext'), 'Delivered');
  assert.equal(await inbox(again).locator('.note[data-kind="order"]').count(), 5, 'each step once');
  assert.deepEqual(faults, []);
});

test('the link cut and restored: nothing is lost, and what was read meanwhile is known afterwards', { timeout: 120_000 }, async () => {
  const ann = somebody();
  const proxy = await Proxy.start(server.port);
  try {
    const away = await opened(ann, { origin: new URL(proxy.endpoint.replace('ws', 'http')).origin });
    const here = await opened(ann);
    await publish(server, `notify:user#${ann}`, { title: 'To be read offline' });
    await note(away.page, 'To be read offline').waitFor();
    proxy.cut();
    await away.page.getByText(/Offline, retry/).first().waitFor();
    await markAllRead(away.page);
    assert.ok((await unread(here.page)) > 0, 'nobody can know yet');
    for (let n = 1; n <= 5; n += 1) await publish(server, `notify:user#${ann}`, { title: `Cut off ${n}` });
    proxy.restore();
    await away.page.getByText('5 notifications came while you were away. Nothing is missing.').first().waitFor();
    await unreadIs(away.page, 5);
    await unreadIs(here.page, 5);
    const titles = await inbox(away.page).locator('h3').allTextContents();
    assert.deepEqual(titles.slice(0, 5), [5, 4, 3, 2, 1].map((n) => `Cut off ${n}`), 'in order, once');
  } finally {
    await proxy.stop();
  }
});

test('filters show what they say', async () => {
  const ann = somebody();
  const { page } = await opened(ann);
  await publish(server, `notify:user#${ann}`, { title: 'For me' });
  await note(page, 'For me').waitFor();
  await page.getByText('To everybody', { exact: true }).click();
  await note(page, 'Welcome').waitFor();
  assert.equal(await note(page, 'For me').count(), 0);
  await page.getByText('To me', { exact: true }).click();
  await note(page, 'For me').waitFor();
  assert.equal(await note(page, 'Welcome').count(), 0);
  await markAllRead(page);
  await page.getByText('Unread', { exact: true }).click();
  await page.getByText('All read.').waitFor();
});

test('what the desktop shows is asked for upon a click only', async () => {
  const ann = somebody();
  const { page } = await opened(ann, { permissions: ['notifications'] });
  await page.getByText('On your desktop, too').waitFor();
  const plain = await opened(ann);
  await plain.page.addInitScript(() => {
    globalThis.asked = 0;
    globalThis.shown = [];
    globalThis.Notification = class extends EventTarget {
      static get permission() {
        return globalThis.asked === 0 ? 'default' : 'granted';
      }
      static async requestPermission() {
        globalThis.asked += 1;
        return 'granted';
      }
      constructor(title, { tag }) {
        super();
        globalThis.shown.push([title, tag]);
      }
    };
  });
  await visit(plain.page, ann);
  assert.equal(await plain.page.evaluate(() => globalThis.asked), 0);
  await plain.page.getByRole('button', { name: 'Allow' }).click();
  await plain.page.getByText('On your desktop, too').waitFor();
  assert.equal(await plain.page.evaluate(() => globalThis.asked), 1);
  // Who looks at the page needs no notice on the desktop; who does not look gets one, and none of what was there before.
  await publish(server, `notify:user#${ann}`, { title: 'In sight' });
  await note(plain.page, 'In sight').waitFor();
  await plain.page.evaluate(() => Object.defineProperty(document, 'hidden', { get: () => true }));
  await publish(server, `notify:user#${ann}`, { title: 'Out of sight' });
  await note(plain.page, 'Out of sight').waitFor();
  const shown = await plain.page.evaluate(() => globalThis.shown);
  assert.deepEqual(shown.map(([title]) => title), ['Out of sight']);
  assert.match(shown[0][1], /^user\/[\w-]+\/\d+$/, 'the same tag in every window');
});

test('a screen reader and a keyboard find their way, in both colour schemes', { timeout: 180_000 }, async () => {
  const ann = somebody();
  const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
  for (const colorScheme of ['light', 'dark']) {
    const { page } = await opened(ann, { colorScheme });
    await page.getByRole('button', { name: 'Order', exact: true }).click();
    await page.getByRole('progressbar').first().waitFor();
    await page.locator('#how summary').click();
    await page.getByRole('region', { name: /from examples\/demo_notifications.rs/ }).first().waitFor();
    // What is looked at stands still meanwhile.
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() => globalThis.axe.run({ resultTypes: ['violations'] }));
    const grave = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
    assert.deepEqual(grave.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`), [], colorScheme);
    // By keyboard alone: a notification is marked read, and the focus does not fall to the top of the page.
    await note(page, 'Order received').getByRole('button', { name: /Mark read/ }).first().focus();
    await page.keyboard.press('Enter');
    assert.equal(await page.evaluate(() => document.activeElement?.id), 'notes');
    if (colorScheme === 'light') await picture(page, 'demo-notifications-how');
  }
});

test('it looks as it should: light and dark, desktop and phone', { timeout: 150_000 }, async () => {
  const ann = 'ann';
  const desktop = { viewport: { width: 1280, height: 900 } };
  const phone = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true };
  const views = { light: { colorScheme: 'light', ...desktop }, dark: { colorScheme: 'dark', ...desktop }, phone: { colorScheme: 'light', ...phone }, 'phone-dark': { colorScheme: 'dark', ...phone } };
  const first = await opened(ann);
  await first.page.getByRole('button', { name: 'Order', exact: true }).click();
  await publish(server, `notify:user#${ann}`, { title: 'Dinner is ready', text: 'And it is your favourite.', from: 'bob', at: Date.now() });
  await publish(server, 'notify:all', { title: 'Lift 2 works again', text: 'Thank you for taking the stairs.', at: Date.now() });
  await note(first.page, 'On its way').waitFor({ timeout: 20_000 });
  for (const [name, options] of Object.entries(views)) {
    const { page, faults } = await opened(ann, options);
    await page.waitForTimeout(1_200);
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    assert.ok(overflow <= 0, `${name}: ${overflow} px too wide`);
    await picture(page, `demo-notifications-${name}`);
    assert.deepEqual(faults, []);
  }
});

test('the server started anew: the page says what nobody can know, and goes on', { timeout: 150_000 }, async () => {
  const ann = somebody();
  const { page } = await opened(ann);
  await publish(server, `notify:user#${ann}`, { title: 'Before the restart' });
  await note(page, 'Before the restart').waitFor();
  await page.getByRole('button', { name: 'Order', exact: true }).click();
  await note(page, 'Order received').waitFor();
  await markAllRead(page);
  await page.getByLabel('Title').fill('Half a ti');
  server.signal('SIGKILL');
  await server.ended;
  await page.getByText(/Offline, retry/).first().waitFor();
  server = await Server.start({ port: server.port });
  await page.getByText(/Gap: the server was started anew, so nobody can say what you missed/).first().waitFor({ timeout: 30_000 });
  await publish(server, `notify:user#${ann}`, { title: 'After the restart' });
  await note(page, 'After the restart').waitFor();
  assert.equal(await note(page, 'Before the restart').getAttribute('data-read'), 'true');
  assert.equal(await page.getByLabel('Title').inputValue(), 'Half a ti', 'what was being written is still there');
  // The server has forgotten the order, which would else be on its way for ever.
  await page.locator('.order-state').getByText(/, and no word since$/).waitFor({ timeout: 40_000 });
  await note(page, 'After the restart').getByRole('button', { name: /Mark read/ }).click();
  // A device that comes new learns from this one.
  const fresh = await opened(ann);
  await note(fresh.page, 'After the restart').waitFor();
  await fresh.page.locator('.note[data-read="true"]').filter({ hasText: 'After the restart' }).waitFor();
});
