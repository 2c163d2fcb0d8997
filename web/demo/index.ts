// The page at /demo: the applications, each with a live picture from its own channels.

import { Centrifuge, type PublicationContext, type Subscription } from 'centrifuge';

import { endpoint, Frame } from './frame/frame.ts';
import { logIn } from './frame/login.ts';

import './index.css';

import { ArenaPicture } from './front/arena-picture.ts';
import { BellPicture } from './front/bell-picture.ts';
import { ChatPicture } from './front/chat-picture.ts';
import { headlineOf, indexOf, lineOf, miniatureOf } from './front/feeds.ts';
import { MarketPicture } from './front/market-picture.ts';
import { PacePicture } from './front/pace-picture.ts';
import { valueOf } from './push-or-poll/way.ts';
import code from './index.ts?how';

const SECTOR = 'software';
/** More of the lobby than the picture shows is not asked for. */
const LINES = 4;
const HEADLINES = 3;
const PACE = 'pace:120';
const INVALID_TOKEN = 3500;

const frame = new Frame('Demos');
const chat = new ChatPicture(element('chat-picture'));
const market = new MarketPicture(element('market-picture'), `Sector “${SECTOR}”`);
const arena = new ArenaPicture(element('arena-picture'));
const pace = new PacePicture(element('pace-picture'));
const bell = new BellPicture(element('bell-picture'), svg('bell'));

frame.explain(
  [
    { name: 'chat:lobby', note: 'what is said in the lobby' },
    { name: `market:${SECTOR}`, note: 'all prices of a sector, fifty times a second' },
    { name: 'arena:main', note: 'the arena, thirty times a second' },
    { name: 'notify:all', note: 'what concerns everybody' },
    { name: PACE, note: 'a curve, twice a second' },
  ],
  [{ path: 'web/demo/index.ts', excerpts: code }],
);
void open();

/** What concerns everybody is told to users only, so a visitor gets a name; where there is no login, none is needed. */
async function open(): Promise<void> {
  const name = `visitor-${Math.random().toString(36).slice(2, 8)}`;
  const pass = await logIn('notify.login', { name }, frame.options().websocket).catch(() => undefined);
  show(new Centrifuge(endpoint(), { ...frame.options(), token: pass?.token ?? '' }));
}

function show(client: Centrifuge): void {
  frame.watch(client);
  // A server that was started anew may have a new secret.
  client.on('disconnected', ({ code: why }) => {
    if (why === INVALID_TOKEN) void open();
  });

  // [how One connection, five channels
  const lobby = follow(client, 'chat:lobby', said);
  follow(client, `market:${SECTOR}`, ({ data }) => {
    const price = indexOf(data);
    if (price !== undefined) market.add(price);
  });
  follow(client, 'arena:main', ({ data }) => {
    const state = miniatureOf(data);
    if (state !== undefined) arena.show(state);
  });
  const news = follow(client, 'notify:all', told);
  follow(client, PACE, ({ data }) => {
    const value = valueOf(data);
    if (value !== undefined) pace.add(value.v);
  });
  client.connect();
  // how]

  // What was there before this page came, once: afterwards the client recovers what it misses. What arrives while the history
  // is asked for is in its answer, so that takes the place of what is shown.
  lobby.once('subscribed', () => void showPast(lobby, LINES, () => chat.clear(), said));
  news.once('subscribed', () => void showPast(news, HEADLINES, () => bell.clear(), told));
}

function said({ data, info }: PublicationContext): void {
  const line = lineOf(data, info?.connInfo?.name);
  if (line !== undefined) chat.add(line);
}

function told({ data }: PublicationContext): void {
  const headline = headlineOf(data);
  if (headline !== undefined) bell.add(headline);
}

function follow(client: Centrifuge, channel: string, take: (publication: PublicationContext) => void): Subscription {
  const subscription = client.newSubscription(channel);
  subscription.on('publication', take);
  frame.follow(subscription);
  subscription.subscribe();
  return subscription;
}

/** Where a channel keeps no history, or keeps it from this visitor, there is no past. */
async function showPast(
  subscription: Subscription,
  limit: number,
  clear: () => void,
  take: (publication: PublicationContext) => void,
): Promise<void> {
  const past = await subscription.history({ limit, reverse: true }).catch(() => undefined);
  if (past === undefined) return;
  clear();
  for (const publication of past.publications.reverse()) take(publication);
}

function element(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no #${id}`);
  return found;
}

function svg(id: string): SVGElement {
  const found = document.getElementById(id) as Element | null;
  if (found instanceof SVGElement) return found;
  throw new Error(`the page has no drawing #${id}`);
}
