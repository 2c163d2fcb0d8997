// The page at /demo/monitoring: wires the channels to what shows them.

import 'uplot/dist/uPlot.min.css';
import './monitoring.css';

import { Centrifuge } from 'centrifuge';

import { element } from '../../src/view/element.ts';
import { Frame, endpoint } from '../frame/frame.ts';
import { Board, capitalised } from './board.ts';
import { DeltaCard } from './delta-card.ts';
import type { Machine, Prices, Quotes, Weather } from './feed.ts';
import { ClockDifference } from './freshness.ts';
import { MachineView } from './machine-view.ts';
import { formatChange, formatPrice, Market } from './market.ts';
import { PriceChart, SHOWN_S } from './price-chart.ts';
import { SlowLine } from './relay.ts';
import { Savings } from './savings.ts';
import { SlowCard } from './slow-card.ts';
import { Trace } from './trace.ts';
import { Viewer } from './viewer.ts';
import { WeatherMap } from './weather-map.ts';
import backEnd from '../../../examples/demo_monitoring.rs?how';
import page from './monitoring.ts?how';
import relay from './relay.ts?how';
import viewer from './viewer.ts?how';

const QUOTES = 'quotes:board';
const WEATHER = 'weather:map';
const MACHINE = 'machine:now';
const MESSAGES_PER_S = 50;
const FIGURES_EVERY_MS = 250;
/** The protocol's code for what is not offered here. */
const NOT_AVAILABLE = 108;

const frame = new Frame('Live monitoring');
const market = new Market();
const savings = new Savings([QUOTES, WEATHER]);
const difference = new ClockDifference();
const chart = new PriceChart(element('price-chart', HTMLElement));
const board = new Board(element('board', HTMLElement), element('sector', HTMLSelectElement), market, showName);
const map = new WeatherMap(element('map', HTMLCanvasElement), element('stations', HTMLTableElement));
const machine = new MachineView(
  element('processors', HTMLElement),
  {
    memory: element('memory', HTMLElement),
    received: element('received', HTMLElement),
    sent: element('sent', HTMLElement),
    server: element('server', HTMLElement),
  },
  element('load-chart', HTMLElement),
);
const deltas = new DeltaCard();
const slowCard = new SlowCard((rate) => void changeLine(rate));

let traces: Trace[] = [];
let direct: Viewer | undefined;
let slow: SlowLine | undefined;
/** Counts the choices of a rate: an answer to an older one comes too late. */
let choice = 0;

const client = new Centrifuge(endpoint(), { ...frame.options(), websocket: countedSocket() });
frame.watch(client);
client.on('connected', () => {
  difference.reset();
  // Where the relay is has to be asked anew: another life of the server has another one.
  void changeLine(slowCard.rate);
});
// Who is offline is so on both lines.
for (const event of ['connecting', 'disconnected'] as const) client.on(event, leaveSlowLine);

// [how The page: whole states, sent as deltas
for (const channel of [QUOTES, WEATHER]) {
  const subscription = client.newSubscription(channel, { delta: 'fossil' });
  subscription.on('publication', ({ data }) => {
    savings.publication(channel, data);
    if (channel === QUOTES) quoted(data as Quotes);
    else map.show(data as Weather);
  });
  subscription.subscribe();
}
// how]

const machines = client.newSubscription(MACHINE);
frame.follow(machines, { complete: true });
machines.on('publication', ({ data }) => machine.show(data as Machine));
machines.once('subscribed', () => {
  void machines.history({ limit: 240 }).then(({ publications }) => machine.fill(publications.map(({ data }) => data as Machine)), () => {});
});
machines.subscribe();
client.connect();
frame.explain(
  [
    { name: 'market:<sector>', note: 'the prices of a whole sector, fifty times a second; who is behind gets the newest only' },
    { name: QUOTES, note: 'symbol, open, high and low of every instrument, as deltas' },
    { name: WEATHER, note: 'what every station measures, as deltas' },
    { name: MACHINE, note: 'processors, memory and network; an interruption is recovered from the history' },
  ],
  [
    { path: 'web/demo/monitoring/viewer.ts', excerpts: viewer },
    { path: 'web/demo/monitoring/monitoring.ts', excerpts: page },
    { path: 'web/demo/monitoring/relay.ts', excerpts: relay },
    { path: 'examples/demo_monitoring.rs', excerpts: backEnd },
  ],
);

setInterval(showFigures, FIGURES_EVERY_MS);
requestAnimationFrame(paint);

function quoted(quotes: Quotes): void {
  if (!market.quote(quotes)) return;
  const perSector = quotes.rows.length / quotes.sectors.length;
  traces = quotes.sectors.map(() => new Trace(perSector, SHOWN_S * MESSAGES_PER_S));
  board.rebuild();
  slowCard.enable();
  direct ??= new Viewer(client, quotes.sectors, (sector, prices) => {
    difference.take(prices.t, Date.now());
    if (slow === undefined) shown(sector, prices);
  });
}

/** What this viewer sees, over whichever line it has. */
function shown(sector: number, prices: Prices): void {
  market.take(sector, prices);
  traces[sector]?.push(prices.t / 1000, prices.p);
}

function leaveSlowLine(): void {
  choice += 1;
  slow?.close();
  slow = undefined;
  slowCard.tell(client.state === 'connected' ? 'direct' : 'none');
}

async function changeLine(rate: number): Promise<void> {
  leaveSlowLine();
  const mine = choice;
  // Without a connection nobody can be asked; it is done when there is one.
  if (rate === 0 || client.state !== 'connected') return;
  try {
    const opened = await SlowLine.open(client, frame.options(), rate, market.sectors, shown, (state) => slowCard.tell(state));
    if (mine === choice) slow = opened;
    else opened.close();
  } catch (error) {
    if (mine !== choice) return;
    const isMissing = (error as { code?: number }).code === NOT_AVAILABLE;
    slowCard.refuse(isMissing ? 'direct; there is no relay beside a server with TLS' : 'direct; the relay could not be asked for', isMissing);
  }
}

function paint(frameMs: number): void {
  requestAnimationFrame(paint);
  board.paint(frameMs);
  const { first } = market.range(sectorOfChosen());
  const trace = traces[sectorOfChosen()];
  if (trace === undefined) return;
  chart.draw(trace.seconds(), trace.prices(board.chosen - first), (Date.now() - difference.ms) / 1000, frameMs);
}

function sectorOfChosen(): number {
  const sector = market.instruments[board.chosen]?.sector ?? '';
  return Math.max(0, market.sectors.indexOf(sector));
}

function showName(instrument: number): void {
  const { symbol, sector } = market.instruments[instrument] ?? { symbol: '', sector: '' };
  element('chosen', HTMLElement).textContent = symbol;
  element('chosen-sector', HTMLElement).textContent = `${capitalised(sector)}, ${MESSAGES_PER_S} prices a second`;
  showPrice();
}

function showFigures(): void {
  if (direct === undefined) return;
  const nowMs = Date.now();
  const other = direct.freshness.figures(nowMs, difference);
  slowCard.show(slow?.viewer.freshness.figures(nowMs, difference) ?? other, other);
  deltas.show({ [QUOTES]: savings.of(QUOTES), [WEATHER]: savings.of(WEATHER) });
  showPrice();
}

function showPrice(): void {
  const change = market.change(board.chosen);
  element('price', HTMLElement).textContent = formatPrice(market.price(board.chosen));
  const shown = element('change', HTMLElement);
  shown.textContent = formatChange(change);
  shown.dataset.way = change < 0 ? 'down' : 'up';
}

/** The page's WebSocket, with the savings listening. */
function countedSocket(): typeof WebSocket {
  return class extends frame.options().websocket {
    constructor(url: string | URL, protocols?: string | string[]) {
      super(url, protocols);
      this.addEventListener('message', ({ data }) => savings.frame(data));
    }
  };
}
