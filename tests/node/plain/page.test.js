// The plain page: at /plain/ always, and at / where the server was built without Node.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { curlPublish, publish } from '../api.js';
import { until } from '../patience.js';
import { Server } from '../server.js';
import { connected, subscribed } from '../subscriber.js';
import { launch, openPage, picture } from '../browser/chromium.js';

let browser;

before(async () => {
  browser = await launch();
});

after(async () => {
  await browser?.close();
});

/** The whole round: connect, join, see what curl publishes, publish, be seen. */
async function useThePage(t, server, path) {
  t.after(() => server.stop());
  const { page, faults, hosts } = await openPage(browser);
  await page.goto(`${server.origin}${path}`);
  await page.getByText('Connected', { exact: true }).waitFor();
  assert.deepEqual([...hosts], [new URL(server.origin).host]);

  await page.getByRole('textbox', { name: 'Channel' }).fill('plain-talk');
  await page.getByRole('button', { name: 'Join' }).click();
  const { client } = await connected(server.endpoint);
  t.after(() => client.disconnect());
  const { publications } = await subscribed(client, 'plain-talk');
  const messages = page.getByRole('list', { name: 'Messages' });
  await until(async () => {
    await curlPublish(server, 'plain-talk', { text: 'Hello from curl' });
    return (await messages.getByText('Hello from curl').count()) > 0;
  }, 'the page has joined and shows what curl publishes');

  await page.getByRole('textbox', { name: 'Message' }).fill('Hello from the plain page');
  await page.getByRole('button', { name: 'Publish' }).click();
  await messages.getByText('Hello from the plain page').waitFor();
  await until(() => publications.some(({ data }) => data.text === 'Hello from the plain page'), 'others see it');
  assert.deepEqual(faults, []);
  return page;
}

test('beside the full page', { timeout: 60_000 }, async (t) => {
  await useThePage(t, await Server.start(), '/plain/');
});

const program = process.env.TESTED_WAVECAST_PLAIN;
test('in the place of the full page, saying how to get that one', { timeout: 60_000, skip: !program }, async (t) => {
  const page = await useThePage(t, await Server.start({ program }), '/');
  await page.getByText(/install Node\.js/).waitFor();
  await picture(page, 'plain');
});

test('after an interruption it gets what it missed, once', { timeout: 60_000 }, async (t) => {
  const server = await Server.start();
  const page = await useThePage(t, server, '/plain/');
  await page.getByRole('button', { name: 'Disconnect' }).click();
  await page.getByText('Disconnected', { exact: true }).waitFor();
  for (const word of ['first', 'second']) await publish(server, 'plain-talk', { text: `missed ${word}` });
  await page.getByRole('button', { name: 'Connect', exact: true }).click();
  const messages = page.getByRole('list', { name: 'Messages' });
  await messages.getByText('missed second').waitFor();
  const shown = await messages.getByText(/^missed (first|second)$/).allTextContents();
  assert.deepEqual(shown, ['missed second', 'missed first'], 'newest first, each once');
});
