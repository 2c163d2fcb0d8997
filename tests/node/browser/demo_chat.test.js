// The chat demo in a browser: people in windows of their own, and links that fail.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';

import { ask, publish } from '../api.js';
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

/** Each test has a room of its own, so that none reads what another has written. */
async function reading(t, room, { origin = server.origin, ...options } = {}) {
  const opened = await openPage(browser, options);
  t.after(() => opened.page.context().close());
  await opened.page.goto(`${origin}/demo/chat/?room=${room}`);
  await live(opened.page);
  return opened;
}

async function taking(t, room, name, options) {
  const opened = await reading(t, room, options);
  await opened.page.getByRole('textbox', { name: /Choose a name/ }).fill(name);
  await opened.page.getByRole('button', { name: 'Enter' }).click();
  await people(opened.page).getByText(name, { exact: true }).waitFor();
  await live(opened.page);
  return opened;
}

const live = (page) => page.getByText('Live', { exact: true }).waitFor();
const messages = (page) => page.locator('#messages');
const people = (page) => page.getByRole('list').and(page.locator('#people'));
const field = (page) => page.getByRole('textbox', { name: 'Message' });
const roomButton = (page, room) => page.getByRole('navigation', { name: 'Rooms' }).getByRole('button', { name: new RegExp(`^${room}`) });
/** What stands in the room, in its order; with what is still on its way. */
const said = (page) => messages(page).locator('.bubble').allTextContents();

async function say(page, text) {
  await field(page).fill(text);
  await field(page).press('Enter');
}

async function history(room) {
  const { publications } = await ask(server, 'history', { channel: `chat:${room}`, limit: 300 });
  return publications.map(({ data }) => data.text);
}

test('two windows talk, see each other come, type and go', { timeout: 90_000 }, async (t) => {
  const ann = await taking(t, 'two', 'Ann');
  const bob = await taking(t, 'two', 'Bob');
  await messages(ann.page).getByText('Bob came in').waitFor();
  await people(bob.page).getByText('Ann', { exact: true }).waitFor();

  await field(bob.page).pressSequentially('Hel');
  await ann.page.getByText('Bob is typing…').waitFor();
  await say(bob.page, 'Hello <b>Ann</b>');
  await messages(ann.page).getByText('Hello <b>Ann</b>').waitFor();
  await until(async () => (await ann.page.locator('#typing').textContent()) === '', 'who has spoken is not typing');
  await say(ann.page, 'Hello Bob');
  await messages(bob.page).getByText('Hello Bob').waitFor();
  assert.deepEqual(await history('two'), ['Hello <b>Ann</b>', 'Hello Bob'], 'typing is kept nowhere');

  await bob.page.close();
  await messages(ann.page).getByText('Bob left').waitFor();
  assert.deepEqual(ann.faults, []);
  assert.deepEqual([...ann.hosts], [new URL(server.origin).host]);
});

test('who comes in reads the last hundred, and may read without a name', { timeout: 60_000 }, async (t) => {
  for (let n = 1; n <= 120; n += 1) await publish(server, 'chat:hundred', { id: `n${n}`, text: `number ${n}`, at: Date.now() });
  const { page, faults } = await reading(t, 'hundred');
  await messages(page).getByText('number 120', { exact: true }).waitFor();
  assert.deepEqual(await said(page), Array.from({ length: 100 }, (_, at) => `number ${at + 21}`));
  assert.ok(await field(page).isHidden(), 'without a name nothing can be written');
  await page.getByText(/reading along/).last().waitFor();
  assert.deepEqual(faults, []);
});

test('a lost link loses nothing, on either side: in order and once', { timeout: 90_000 }, async (t) => {
  const proxy = await Proxy.start(server.port);
  t.after(() => proxy.stop());
  const ann = await taking(t, 'lost', 'Ann');
  const bob = await taking(t, 'lost', 'Bob', { origin: `http://${new URL(proxy.endpoint).host}` });
  await say(bob.page, 'before');
  await messages(ann.page).getByText('before').waitFor();

  proxy.cut();
  await bob.page.getByText(/^Offline, retry in \d+ s$/).waitFor();
  for (const word of ['one', 'two', 'three']) await say(ann.page, `missed ${word}`);
  for (const word of ['four', 'five']) await say(bob.page, `unsent ${word}`);
  await messages(bob.page).getByText('Waits for the link').first().waitFor();
  await messages(ann.page).getByText('missed three').waitFor();
  await picture(bob.page, 'chat-offline');
  proxy.restore();

  await bob.page.getByText(/^Caught up: [345] missed$/).waitFor();
  await messages(ann.page).getByText('unsent five').waitFor();
  await until(async () => (await bob.page.locator('.draft').count()) === 0, 'everything is confirmed');
  const all = ['before', 'missed one', 'missed two', 'missed three', 'unsent four', 'unsent five'];
  assert.deepEqual(await said(bob.page), all);
  assert.deepEqual(await said(ann.page), all);
  assert.deepEqual(await history('lost'), all);
});

test('a message whose answer was lost is sent again, and stands in the room once', { timeout: 90_000 }, async (t) => {
  const proxy = await Proxy.start(server.port);
  t.after(() => proxy.stop());
  const bob = await taking(t, 'once', 'Bob', { origin: `http://${new URL(proxy.endpoint).host}` });
  proxy.pause();
  await say(bob.page, 'did you get this?');
  await until(async () => (await history('once')).length === 1, 'the server has it');
  await messages(bob.page).getByText('Sending…').waitFor();
  proxy.cut();
  await bob.page.getByText(/^Offline, retry in \d+ s$/).waitFor();
  proxy.restore();
  await live(bob.page);
  await say(bob.page, 'and this?');
  await until(async () => (await history('once')).length === 2, 'the next one is there');
  await until(async () => (await bob.page.locator('.draft').count()) === 0, 'both are confirmed');
  assert.deepEqual(await history('once'), ['did you get this?', 'and this?']);
  assert.deepEqual(await said(bob.page), ['did you get this?', 'and this?']);
});

test('the hook refuses what it should, says why, and gives the text back', { timeout: 60_000 }, async (t) => {
  const { page, faults } = await taking(t, 'refused', 'Ann');
  await say(page, 'Buy SPAM now');
  await messages(page).getByText('The word “spam” is not said here.').waitFor();
  await page.getByRole('button', { name: 'Write it differently' }).click();
  assert.equal(await field(page).inputValue(), 'Buy SPAM now');
  await say(page, 'Buy spaniels now');
  await say(page, 'x'.repeat(501));
  await messages(page).getByText('A message has 1 to 500 characters, and this one 501.').waitFor();
  await page.getByRole('button', { name: 'Write it differently' }).click();
  // By script, since a busy machine's keyboard may be slow enough for the hook.
  await page.evaluate(() => {
    for (let n = 1; n <= 12; n += 1) {
      document.getElementById('text').value = `quick ${n}`;
      document.getElementById('write-form').requestSubmit();
    }
  });
  await messages(page).getByText(/^Too fast/).first().waitFor();
  await picture(page, 'chat-refused');
  await until(async () => (await page.locator('.draft:not(.refused)').count()) === 0, 'all are answered');
  await page.waitForTimeout(2_000);
  await page.getByRole('button', { name: 'Try again' }).last().click();
  await until(async () => (await history('refused')).includes('quick 12'), 'tried again, it is taken');
  assert.ok((await history('refused')).every((text) => !/^x+$|SPAM/.test(text)), 'nothing refused was published');
  assert.deepEqual(faults, []);
});

test('unread marks count by room, and two devices of one user keep in step', { timeout: 90_000 }, async (t) => {
  const bob = await taking(t, 'coffee', 'Bob');
  const desk = await taking(t, 'lobby', 'Ann');
  const link = await desk.page.getByRole('link', { name: 'Open a second device' }).getAttribute('href');
  const phone = await openPage(browser);
  t.after(() => phone.page.context().close());
  await phone.page.goto(link);
  await people(phone.page).getByText('2 devices').waitFor();
  assert.equal(new URL(phone.page.url()).hash, '', 'the token does not stay in the address');
  await people(desk.page).getByText('2 devices').waitFor();

  const unread = (page) => roomButton(page, 'coffee').locator('.badge');
  await roomButton(desk.page, 'coffee').click();
  await roomButton(desk.page, 'lobby').click();
  await unread(phone.page).waitFor({ state: 'hidden' });
  for (const word of ['black', 'white']) await say(bob.page, word);
  for (const { page } of [desk, phone]) await unread(page).filter({ hasText: '2' }).waitFor();
  await picture(phone.page, 'chat-unread');

  await roomButton(phone.page, 'coffee').click();
  await messages(phone.page).getByText('New', { exact: true }).waitFor();
  await unread(desk.page).waitFor({ state: 'hidden' });

  const third = await openPage(browser);
  t.after(() => third.page.context().close());
  await third.page.goto(link);
  await people(third.page).getByText('2 devices').waitFor();
  await unread(third.page).waitFor({ state: 'hidden' });
  for (const { faults } of [bob, desk, phone, third]) assert.deepEqual(faults, []);
});

test('rooms can be opened by name, and a reload finds the room and the person again', { timeout: 60_000 }, async (t) => {
  const { page, faults } = await taking(t, 'lobby', 'Ann');
  await page.getByRole('textbox', { name: 'Room to open' }).fill('Rust & Go');
  await page.getByRole('button', { name: 'Open', exact: true }).click();
  await page.getByRole('heading', { name: 'rust-go' }).waitFor();
  await say(page, 'first here');
  await messages(page).getByText('first here').waitFor();
  await page.reload();
  await page.getByRole('heading', { name: 'rust-go' }).waitFor();
  await messages(page).getByText('first here').waitFor();
  await people(page).getByText('Ann', { exact: true }).waitFor();
  assert.equal(await messages(page).locator('.mine').count(), 1, 'it is still mine');
  assert.deepEqual(faults, []);
});

test('nothing grave for axe', { timeout: 60_000 }, async (t) => {
  const { page } = await taking(t, 'axe', 'Ann');
  await say(page, 'this is spam');
  await page.getByRole('button', { name: 'Try again' }).waitFor();
  await page.locator('#how summary').click();
  await page.evaluate(await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8'));
  const { violations } = await page.evaluate(() => globalThis.axe.run());
  const grave = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
  assert.deepEqual(grave.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)]), []);
});

test('its own commands copy it, and the changed copy works', { timeout: 300_000 }, async (t) => {
  const { page } = await reading(t, 'copied');
  const commands = await page.getByRole('region', { name: 'Commands to copy this chat' }).textContent();
  const folder = await mkdtemp(join(tmpdir(), 'wavecast-copy-'));
  // A group of its own: npm starts a shell, and that one Vite.
  const shell = spawn('sh', ['-e', '-c', commands], { cwd: folder, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  t.after(async () => {
    if (shell.exitCode === null) process.kill(-shell.pid, 'SIGKILL');
    // What is being ended may still write.
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  });
  let output = '';
  for (const stream of [shell.stdout, shell.stderr]) stream.on('data', (text) => (output += text));
  const ended = new Promise((_, reject) => shell.on('exit', (code) => reject(new Error(`the commands ended with ${code}:\n${output}`))));
  const served = until(() => /http:\/\/localhost:\d+/.exec(stripVTControlCharacters(output))?.[0], 'the copy is served', 240_000);
  const origin = await Promise.race([served, ended]);
  ended.catch(() => {});

  const ann = await taking(t, 'copied', 'Ann', { origin });
  await ann.page.getByRole('heading', { name: 'Chat', exact: true }).waitFor();
  // The other demos have stayed behind: nothing leads to them.
  assert.equal(await ann.page.locator('a[href^="/demo/"]:visible').count(), 0);
  const source = join(folder, 'my-chat/web/demo/chat/index.html');
  await writeFile(source, (await readFile(source, 'utf8')).replace('<h1>Chat</h1>', '<h1>Kitchen talk</h1>'));
  await ann.page.getByRole('heading', { name: 'Kitchen talk' }).waitFor();
  await people(ann.page).getByText('Ann', { exact: true }).waitFor();
  await say(ann.page, 'from a copy');
  await messages(page).getByText('from a copy').waitFor();
  assert.deepEqual(ann.faults, []);
});

test('one click copies the commands', async (t) => {
  const { page } = await reading(t, 'clipboard', { permissions: ['clipboard-read', 'clipboard-write'] });
  await page.getByRole('region', { name: 'Make it yours' }).getByRole('button', { name: 'Copy' }).click();
  await page.getByRole('button', { name: 'Copied' }).waitFor();
  const commands = await page.getByRole('region', { name: 'Commands to copy this chat' }).textContent();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), commands);
});

test('it looks as it should: light, dark, on a phone', { timeout: 120_000 }, async (t) => {
  const phone = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true };
  const bob = await taking(t, 'harbour', 'Bob Marlow');
  const views = {
    light: { colorScheme: 'light' },
    dark: { colorScheme: 'dark' },
    'phone-light': { colorScheme: 'light', ...phone },
    'phone-dark': { colorScheme: 'dark', ...phone },
    narrow: { viewport: { width: 360, height: 740 } },
    wide: { viewport: { width: 1600, height: 1000 } },
  };
  for (const [name, options] of Object.entries(views)) {
    const ann = await taking(t, 'harbour', 'Ann Larsen', options);
    await say(bob.page, 'The ferry is late again. Shall we meet at the café?');
    await say(ann.page, 'Yes! Ten minutes, the table by the window.');
    await messages(bob.page).getByText('the table by the window').last().waitFor();
    await field(bob.page).pressSequentially('See');
    await ann.page.getByText('Bob Marlow is typing…').waitFor();
    const overflow = await ann.page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    const width = await ann.page.evaluate(() => window.innerWidth);
    assert.ok(overflow <= 0, `${name}: ${overflow} px too wide`);
    assert.equal(width, options.viewport?.width ?? 1280, `${name}: the page has widened the view`);
    await ann.page.evaluate(() => window.scrollTo(0, 0));
    await picture(ann.page, `chat-${name}`);
    assert.deepEqual(ann.faults, []);
    await field(bob.page).fill('');
    await ann.page.context().close();
  }
});

test('a restarted server knows nobody: the page comes back as somebody new of the same name', { timeout: 90_000 }, async (t) => {
  const { page } = await taking(t, 'restart', 'Ann');
  await say(page, 'before');
  await messages(page).getByText('before').waitFor();
  await field(page).fill('half a sen');
  server.signal('SIGKILL');
  await server.ended;
  await page.getByText(/^Offline, retry in \d+ s$/).waitFor();
  server = await Server.start({ port: server.port });
  await messages(page).getByText(/The server was started anew/).waitFor({ timeout: 30_000 });
  await people(page).getByText('Ann', { exact: true }).waitFor();
  assert.equal(await field(page).inputValue(), 'half a sen', 'what was being written is still there');
  await say(page, 'after');
  await until(async () => (await history('restart')).includes('after'), 'it is taken');
  assert.deepEqual(await said(page), ['after']);
});
