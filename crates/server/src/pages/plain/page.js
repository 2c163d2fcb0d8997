// The plain page: wires the protocol to the elements of index.html.

import { Client } from './protocol.js';

const ROWS_MAX = 200;
const SUMMARY_EVERY_MS = 10_000;

const byId = (id) => document.getElementById(id);
const messages = byId('messages');
const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
const client = new Client(`${scheme}://${location.host}/connection/websocket`, {
  state: showState,
  channel(sentence, bad) {
    say(byId('channel-state'), sentence, bad);
    addRow(sentence, '', true);
  },
  publication({ data }, recovered) {
    unannounced += 1;
    addRow(textOf(data), recovered ? 'recovered' : latencyOf(data), false);
  },
});

let ended = false;
let countdown;
let waitingRows = [];
let unannounced = 0;

byId('switch').addEventListener('click', () => (ended ? client.connect() : client.disconnect()));
byId('clear').addEventListener('click', () => {
  waitingRows = [];
  messages.replaceChildren();
});
byId('join-form').addEventListener('submit', (event) => {
  event.preventDefault();
  join();
});
byId('publish-form').addEventListener('submit', async (event) => {
  event.preventDefault();
  const text = byId('text').value;
  if (text === '') return say(byId('publish-result'), 'There is nothing to send yet.', true);
  const problem = await client.publish({ text, sent_ms: Date.now() });
  if (problem === undefined) byId('text').value = '';
  say(byId('publish-result'), problem === undefined ? 'The server has it.' : `Not published: ${problem}`, problem !== undefined);
});
// Messages are summed up for screen readers: a list that moves all the time cannot be read aloud.
setInterval(() => {
  if (unannounced > 0) byId('announcer').textContent = `${unannounced} new message${unannounced === 1 ? '' : 's'}`;
  unannounced = 0;
}, SUMMARY_EVERY_MS);

join();
client.connect();

function join() {
  const channel = byId('channel').value.trim();
  if (channel === '') return say(byId('channel-state'), 'Give the channel a name.', true);
  client.join(channel);
}

function showState(name, { reason = '', retryMs = 0, client: id }) {
  clearInterval(countdown);
  ended = name === 'ended';
  byId('switch').textContent = ended ? 'Connect' : 'Disconnect';
  byId('state-detail').textContent = id === undefined ? reason : `WebSocket · client ${id}`;
  const titles = { connecting: 'Connecting…', connected: 'Connected', waiting: 'Not connected', ended: 'Disconnected' };
  byId('state').textContent = titles[name];
  if (name !== 'waiting') return;
  // The seconds stand outside of the live region: they would be read out one by one.
  const until = Date.now() + retryMs;
  const tick = () => {
    const seconds = Math.max(1, Math.ceil((until - Date.now()) / 1000));
    byId('state-detail').textContent = `${reason} · trying again in ${seconds} s`;
  };
  tick();
  countdown = setInterval(tick, 250);
}

/** Rows wait for the next frame; of more than fit only the newest are kept. */
function addRow(text, right, notice) {
  if (waitingRows.length === 0) requestAnimationFrame(flush);
  waitingRows.push({ text, right, notice, time: new Date().toLocaleTimeString('en-GB') });
  if (waitingRows.length > ROWS_MAX) waitingRows.shift();
}

function flush() {
  const rows = waitingRows.map(({ text, right, notice, time }) => {
    const row = document.createElement('li');
    row.classList.toggle('notice', notice);
    row.append(cell(time), cell(text), cell(right));
    return row;
  });
  waitingRows = [];
  messages.prepend(...rows.reverse());
  while (messages.childElementCount > ROWS_MAX) messages.lastElementChild.remove();
}

function cell(text) {
  const span = document.createElement('span');
  span.textContent = text;
  return span;
}

function textOf(data) {
  const own = data !== null && typeof data === 'object' && typeof data.text === 'string';
  const others = own && Object.keys(data).some((name) => name !== 'text' && name !== 'sent_ms');
  return own && !others ? data.text : JSON.stringify(data);
}

/** From the sender's clock to ours, in whole milliseconds; nothing where the two cannot both be right. */
function latencyOf(data) {
  const latencyMs = Date.now() - data?.sent_ms;
  return latencyMs >= 0 && latencyMs < 60_000 ? `${Math.round(latencyMs)} ms` : '';
}

function say(target, sentence, bad) {
  target.textContent = sentence;
  target.classList.toggle('bad', bad);
}
