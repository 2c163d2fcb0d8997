// The page at /demo/push-or-poll: the same values by four ways, side by side, from the moment that a slider was moved last.

import '../frame/frame.css';
import './push-or-poll.css';

import { Centrifuge, type Subscription } from 'centrifuge';

import backEnd from '../../../examples/demo_push_or_poll.rs?how';
import { element } from '../../src/view/element.ts';
import { endpoint, Frame } from '../frame/frame.ts';
import { ClockDifference } from '../monitoring/freshness.ts';
import { askerOf, watchAnswers } from './answers.ts';
import { Asking } from './asking.ts';
import asking from './asking.ts?how';
import { Events } from './event-source.ts';
import events from './event-source.ts?how';
import { Lane } from './lane.ts';
import code from './push-or-poll.ts?how';
import { UPGRADE_BYTES } from './sizes.ts';
import { countedSocket } from './socket.ts';
import { channelOf, intervalAt, intervalWords, rateAt, rateWords, RATES } from './steps.ts';
import { verdict } from './words.ts';

const SHOWN_EVERY_MS = 250;

const frame = new Frame('Push or poll');
const clock = new ClockDifference();
const rate = element('rate', HTMLInputElement);
const interval = element('interval', HTMLInputElement);

const websocket = new Lane('websocket', { title: 'WebSocket', what: 'One connection. The server speaks when there is something to say.' }, clock);
const sse = new Lane('sse', { title: 'SSE', what: 'One request, and an answer that never ends.' }, clock, websocket.trace);
const longPoll = new Lane('long-poll', { title: 'Long-poll', what: 'Ask, and be answered when there is something. Then ask again.' }, clock, websocket.trace);
const poll = new Lane('poll', { title: 'Polling', what: 'Ask again and again, whether there is something or not.' }, clock, websocket.trace);
const lanes = [websocket, sse, longPoll, poll];

let channel = channelOf(rateAt(rate.valueAsNumber));
let subscription: Subscription | undefined;
let others: { end(): void }[] = [];
let begunMs = performance.now();

const { websocket: socket, ...options } = frame.options();
const client = new Centrifuge(endpoint(), {
  ...options,
  websocket: countedSocket(socket, {
    opened: () => upgraded(),
    passed: (bytes) => websocket.passed(bytes),
  }),
});
frame.watch(client);
client.on('connected', begin);
// Who goes offline does so by all four ways. A link that was lost comes back by itself, each way in its own time.
client.on('disconnected', stop);
watchAnswers((address, received) => {
  const asker = askerOf(address, channel);
  if (asker !== undefined) (asker === 'poll' ? poll : longPoll).passed(received);
});
document.addEventListener('visibilitychange', () => {
  // A browser lets timers of a hidden page sleep, and a server need not answer who does not look.
  if (document.hidden) stop();
  else if (client.state === 'connected') begin();
});
for (const slider of [rate, interval]) {
  slider.addEventListener('input', showSteps);
  slider.addEventListener('change', () => {
    if (client.state === 'connected') begin();
  });
}
element('again', HTMLButtonElement).addEventListener('click', () => {
  if (client.state === 'connected') begin();
});

frame.explain(
  RATES.map((each) => ({ name: channelOf(each), note: `the curve, ${rateWords(each)}; the last three hundred values are kept for two minutes` })),
  [
    { path: 'web/demo/push-or-poll/push-or-poll.ts', excerpts: code },
    { path: 'web/demo/push-or-poll/event-source.ts', excerpts: events },
    { path: 'web/demo/push-or-poll/asking.ts', excerpts: asking },
    { path: 'examples/demo_push_or_poll.rs', excerpts: backEnd },
  ],
);
showSteps();
setInterval(show, SHOWN_EVERY_MS);
client.connect();

/** All ways at once, and every count from nothing. */
function begin(): void {
  stop();
  if (document.hidden) return;
  channel = channelOf(rateAt(rate.valueAsNumber));
  clock.reset();
  for (const lane of lanes) {
    lane.reset();
    lane.isStopped = false;
  }
  // The connection is there already; it cost this once, as that of the others does now.
  upgraded();
  begunMs = performance.now();
  subscription = follow(channel);
  others = [
    new Events(channel, sse),
    new Asking(channel, longPoll).longPoll(),
    new Asking(channel, poll).poll(intervalAt(interval.valueAsNumber)),
  ];
}

// [how WebSocket: one connection, and the server speaks
function follow(channel: string): Subscription {
  const made = client.newSubscription(channel);
  made.on('publication', ({ data, offset }) => websocket.value(data, offset ?? 0));
  frame.follow(made, { complete: true });
  made.subscribe();
  return made;
}
// how]

function stop(): void {
  if (subscription !== undefined) client.removeSubscription(subscription);
  subscription = undefined;
  for (const way of others) way.end();
  others = [];
  for (const lane of lanes) lane.isStopped = true;
}

function upgraded(): void {
  websocket.request(UPGRADE_BYTES.sent);
  websocket.passed(UPGRADE_BYTES.received);
}

function showSteps(): void {
  const words = [rateWords(rateAt(rate.valueAsNumber)), intervalWords(intervalAt(interval.valueAsNumber))] as const;
  element('rate-name', HTMLElement).textContent = words[0];
  element('interval-name', HTMLElement).textContent = words[1];
  rate.setAttribute('aria-valuetext', words[0]);
  interval.setAttribute('aria-valuetext', words[1]);
}

function show(): void {
  if (subscription === undefined || document.hidden) return;
  for (const lane of lanes) lane.show();
  const figures = { websocket: websocket.figures, sse: sse.figures, 'long-poll': longPoll.figures, poll: poll.figures };
  element('verdict', HTMLElement).textContent = verdict(figures, (performance.now() - begunMs) / 1_000);
}
