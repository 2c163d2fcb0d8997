// The page at /, in a browser, as somebody sees it who has just started the server.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';

import { curlPublish, publish } from '../api.js';
import { Server } from '../server.js';
import { launch, openPage, picture } from './chromium.js';

const run = promisify(execFile);

let server;
let browser;

before(async () => {
  [server, browser] = await Promise.all([Server.start(), launch()]);
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

async function connectedPage(options) {
  const opened = await openPage(browser, options);
  await opened.page.goto(`${server.origin}/`);
  await opened.page.getByText('Connected', { exact: true }).waitFor();
  await opened.page.getByText('Joined.').first().waitFor();
  return opened;
}

const feed = (page) => page.getByRole('list', { name: 'Messages, newest first' });

test('it connects, and asks nobody but its own server', async () => {
  const { page, faults, hosts } = await connectedPage();
  assert.deepEqual([...hosts], [new URL(server.origin).host]);
  assert.deepEqual(faults, []);
  await page.context().close();
});

test('what curl publishes is seen, and what the page publishes too', async () => {
  const { page, faults } = await connectedPage();
  await curlPublish(server, 'demo', { text: 'Hello from curl' });
  await feed(page).getByText('Hello from curl').waitFor();
  await page.getByRole('textbox', { name: 'Message' }).fill('Hello from the page');
  await page.getByRole('button', { name: 'Publish' }).click();
  await feed(page).getByText('Hello from the page').waitFor();
  await page.getByText(/The server confirmed it after/).waitFor();
  assert.deepEqual(faults, []);
  await page.context().close();
});

test('the command it shows works as it stands', async () => {
  const { page } = await connectedPage();
  const command = await page.getByRole('region', { name: 'Command to publish with curl' }).textContent();
  await run('sh', ['-c', command], { timeout: 10_000 });
  await feed(page).getByText('Hello from a terminal').waitFor();
  await page.context().close();
});

test('another channel can be joined, and markup in a message stays text', async () => {
  const { page, faults } = await connectedPage();
  await page.getByRole('textbox', { name: 'Channel to join' }).fill('weather');
  await page.getByRole('button', { name: 'Join' }).click();
  await page.getByText('Joined.').nth(1).waitFor();
  const text = '<img src=x onerror="document.title=`owned`"> 21 °C';
  await publish(server, 'weather', { text });
  await feed(page).getByText(text).waitFor();
  assert.equal(await page.title(), 'Wavecast');
  assert.deepEqual(faults, []);
  await page.context().close();
});

test('it looks as it should: light, dark, on a phone', async () => {
  const views = {
    light: { colorScheme: 'light' },
    dark: { colorScheme: 'dark' },
    phone: { colorScheme: 'light', viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true },
  };
  for (const [name, options] of Object.entries(views)) {
    const { page, faults } = await connectedPage(options);
    await page.getByRole('button', { name: 'Send 100' }).click();
    await page.getByText('The server confirmed 100 of 100.').waitFor();
    await feed(page).getByText('Message 100 of 100').first().waitFor();
    await page.waitForTimeout(1_500); // the chart draws a whole second
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    assert.ok(overflow <= 0, `${name}: ${overflow} px too wide`);
    await picture(page, name);
    assert.deepEqual(faults, []);
    await page.context().close();
  }
});

test('the server killed and back: the page says what it knows', { timeout: 90_000 }, async () => {
  const { page } = await connectedPage();
  await publish(server, 'demo', { text: 'before the restart' });
  await feed(page).getByText('before the restart').waitFor();
  server.signal('SIGKILL');
  await server.ended;
  await page.getByText(/Trying again in/).first().waitFor();
  await picture(page, 'waiting');
  server = await Server.start({ port: server.port });
  await page.getByText('Connected', { exact: true }).waitFor({ timeout: 30_000 });
  // In the list: what is read aloud says it, too, a moment later.
  await page.getByRole('list', { name: 'What happened' }).getByText(/Gap: the stream was started anew/).waitFor();
  await publish(server, 'demo', { text: 'after the restart' });
  await feed(page).getByText('after the restart').waitFor();
  await picture(page, 'restarted');
  await page.context().close();
});
