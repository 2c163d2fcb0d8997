// The page at `/`: wires the connection and its channels to the parts of the screen.

import './style/base.css';
import './style/layout.css';
import './style/parts.css';

import { addressWith, channelsIn } from './address.ts';
import { Channels, type Message, type Tone } from './channels.ts';
import { clock } from './clock.ts';
import { Connection, endpointFor, type Phase } from './connection.ts';
import { latencyOf } from './latency.ts';
import { Announcer } from './view/announcer.ts';
import { ChannelList } from './view/channel-list.ts';
import { Composer } from './view/composer.ts';
import { Events } from './view/events.ts';
import { showDemos } from './view/demos.ts';
import { Feed } from './view/feed.ts';
import { Status, sentenceOf } from './view/status.ts';
import { Terminal } from './view/terminal.ts';
import { Traffic } from './view/traffic.ts';

let outage = false;

const announcer = new Announcer();
const status = new Status();
const channelList = new ChannelList();
const composer = new Composer();
const terminal = new Terminal();
const traffic = new Traffic();
const feed = new Feed();
const events = new Events();

const connection = new Connection(endpointFor(location), phaseChanged);
const channels = new Channels(connection.client, { changed: channelsChanged, message: messageArrived, event: tell });

status.attach(connection);
channelList.attach(channels);
composer.attach(connection.client, () => terminal.showChannel(composer.channel));
terminal.attach();
traffic.attach();
feed.attach();
attachToken();
void showDemos();

for (const name of channelsIn(location.search)) channels.join(name);
connection.connect();
// Counts of messages a channel has had are worth one update a second, not one a message.
setInterval(() => channelList.show(channels.list()), 1_000);

function phaseChanged(phase: Phase): void {
  status.show(phase);
  const sentence = sentenceOf(phase);
  if (sentence === undefined) return;
  // Of an outage the first failure is told; the status line counts down to each further attempt.
  if (phase.name === 'waiting' && outage) return;
  outage = phase.name === 'waiting';
  tell('', sentence, toneOf(phase));
}

function toneOf(phase: Phase): Tone {
  if (phase.name === 'connected') return 'good';
  return phase.name === 'waiting' || (phase.name === 'ended' && !phase.asked) ? 'bad' : 'plain';
}

function channelsChanged(): void {
  const list = channels.list();
  channelList.show(list);
  composer.showChannels(list);
  terminal.showChannel(composer.channel);
  const address = addressWith(location.pathname, list.map(({ name }) => name));
  // Browsers count these calls and refuse too many.
  if (address !== location.pathname + location.search) history.replaceState(null, '', address);
}

function messageArrived(message: Message): void {
  const receivedMs = clock.nowMs();
  // A recovered message waited for this page to come back: that is no latency of delivery.
  const latencyMs = message.recovered ? undefined : latencyOf(message.data, receivedMs);
  traffic.count(latencyMs);
  feed.add(message, receivedMs, latencyMs);
  announcer.message(message);
}

function tell(channel: string, sentence: string, tone: Tone): void {
  events.add(channel, sentence, tone);
  announcer.say(channel === '' ? sentence : `${channel}: ${sentence}`);
}

function attachToken(): void {
  const form = document.getElementById('token-form');
  const box = document.getElementById('token');
  form?.addEventListener('submit', (event) => {
    event.preventDefault();
    if (box instanceof HTMLInputElement) connection.useToken(box.value.trim());
  });
}
