// The page at /demo/chat: wires rooms, people, devices and the screen to one client.

import './chat.css';

import { element } from '../../src/view/element.ts';
import { attachCopy } from '../frame/copy-button.ts';
import type { Message } from './conversation.ts';
import { copyCommands } from './copy.ts';
import { Devices } from './devices.ts';
import { Here } from './here.ts';
import { linkFor, suggestedName } from './identity.ts';
import { Login } from './login.ts';
import { Outbox } from './outbox.ts';
import { openPage } from './page.ts';
import { Room } from './room.ts';
import { FIRST_ROOMS, hereChannel, ownChannel, roomChannel, roomIn, roomNameFrom, ROOMS_MAX } from './rooms.ts';
import { rowsOf } from './rows.ts';
import { typingSentence } from './typing.ts';
import { Aloud } from './view/aloud.ts';
import { PeopleList, RoomList } from './view/sides.ts';
import { Talk } from './view/talk.ts';
import { Writing } from './view/writing.ts';

const { client, follow, name: nameChannels } = openPage();
const rooms = new Map<string, Room>();
let open = roomIn(location.search);
/** Behind this offset the open room was unread when it was entered. */
let divider: number | undefined;
let hasEntered = false;

const aloud = new Aloud();
const devices = new Devices(client, epochs, changed);
const here = new Here(client, {
  changed,
  came: (room, user, name) => user !== login.user && rooms.get(room)?.notice(`${name} came in`),
  went: (room, user, name) => user !== login.user && rooms.get(room)?.notice(`${name} left`),
});
// [how Sending: shown at once, settled by the answer
const outbox = new Outbox({
  publish: (room, message) => client.publish(roomChannel(room), message),
  changed,
  pause: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  nowMs: () => Date.now(),
  newId: () => crypto.getRandomValues(new Uint32Array(3)).join('-'),
});
client.on('connected', () => outbox.online(login.user !== ''));
client.on('connecting', () => outbox.online(false));
client.on('disconnected', () => outbox.online(false));
// how]

const login = new Login(client, (identity) => {
  if (identity === undefined) devices.forget();
  else devices.use(identity.user);
  hasEntered = false;
  nameThem();
  changed();
});

const talk = new Talk({
  again: (id) => outbox.again(id),
  rewrite: (id) => writing.rewrite(outbox.drop(id)),
  scrolled: changed,
});
const roomList = new RoomList(enter);
const peopleList = new PeopleList();
const writing = new Writing(
  {
    enter: (name) => login.enter(name),
    pressed: () => here.pressed(),
    write(text) {
      const problem = outbox.write(open, text);
      if (problem === undefined) divider = undefined;
      here.sent();
      talk.goToEnd();
      return problem;
    },
  },
  suggestedName(Math.random),
);

const roomObserver = { opened: follow, changed, spoke };

function roomOf(name: string): Room {
  let room = rooms.get(name);
  if (room === undefined) {
    room = new Room(client, name, roomObserver);
    rooms.set(name, room);
  }
  return room;
}

function enter(name: string): void {
  open = name;
  roomOf(name);
  here.enter(name);
  hasEntered = false;
  talk.goToEnd();
  const search = new URLSearchParams(name === 'lobby' ? {} : { room: name }).toString();
  history.replaceState(null, '', location.pathname + (search === '' ? '' : `?${search}`));
  nameThem();
  changed();
}

/** For the panel: the channels of this very page. */
function nameThem(): void {
  nameChannels([
    { name: roomChannel(open), note: 'what is said: a history of 300, recovery, a hook that reads along' },
    { name: hereChannel(open), note: 'who is here, who comes and goes, who is typing: nothing is kept' },
    { name: ownChannel(login.user === '' ? 'USER' : login.user), note: 'your devices: up to where you have read' },
  ]);
}

function spoke(room: Room, message: Message, isLive: boolean): void {
  if (message.user === login.user) outbox.published(room.name, message.id);
  if (room.name !== open) return;
  here.spoke(message.user);
  if (isLive && message.user !== login.user) aloud.say(`${message.name}: ${message.text}`);
}

function epochs(): Record<string, string> {
  return Object.fromEntries([...rooms.values()].map(({ name, conversation }) => [name, conversation.epoch]));
}

function unreadIn({ name, conversation }: Room): number {
  return conversation.unread(devices.readUpTo(name, conversation.epoch), login.user);
}

let isScheduled = false;

/** Something is to be drawn: once a frame, however much has changed. In a tab that is not seen, where there are no frames, now and then. */
function changed(): void {
  if (isScheduled) return;
  isScheduled = true;
  if (document.visibilityState === 'visible') requestAnimationFrame(draw);
  else setTimeout(draw, 250);
}

function draw(): void {
  isScheduled = false;
  for (const name of devices.rooms()) if (!rooms.has(name) && rooms.size < ROOMS_MAX) roomOf(name);
  const room = roomOf(open);
  const { conversation, notices } = room;
  const isRead = document.visibilityState === 'visible' && talk.isAtEnd;
  if (!hasEntered || !isRead) divider ??= dividerOf(room);
  hasEntered ||= conversation.messages.length > 0;
  talk.draw(rowsOf({ conversation, notices, drafts: outbox.of(open), divider, me: login.user }));
  if (isRead) devices.read(open, conversation.epoch, conversation.latest);
  drawSides();
}

function dividerOf(room: Room): number | undefined {
  // A first visit has read nothing, which is no news.
  const mark = devices.readUpTo(room.name, room.conversation.epoch);
  return mark > 0 && unreadIn(room) > 0 ? mark : undefined;
}

function drawSides(): void {
  const lines = [...rooms.values()].map((room) => ({ name: room.name, unread: unreadIn(room), isOpen: room.name === open }));
  roomList.draw(lines);
  const people = here.people.list(login.user);
  peopleList.draw(people, here.people.guests, login.user, client.state !== 'connected');
  element('room-heading', HTMLElement).textContent = open;
  element('room-facts', HTMLElement).textContent = client.state !== 'connected' ? 'no link' : people.length === 0 ? 'nobody here yet' : `${people.length} here`;
  element('typing', HTMLElement).textContent = typingSentence(here.typing());
  writing.show(login.identity, open);
  element('you', HTMLElement).hidden = login.identity === undefined;
  element('you-name', HTMLElement).textContent = login.identity?.name ?? '';
  if (login.identity !== undefined) element('second-device', HTMLAnchorElement).href = linkFor(location.href, login.identity);
  const unread = lines.reduce((sum, line) => sum + line.unread, 0);
  document.title = `${unread > 0 ? `(${unread}) ` : ''}Chat · Wavecast`;
}

element('room-form', HTMLFormElement).addEventListener('submit', (event) => {
  event.preventDefault();
  const field = element('room-name', HTMLInputElement);
  const name = roomNameFrom(field.value);
  const isFull = !rooms.has(name) && rooms.size >= ROOMS_MAX;
  const problem = name === '' ? 'A room’s name has letters or digits.' : isFull ? `This page has at most ${ROOMS_MAX} rooms.` : '';
  element('room-problem', HTMLElement).textContent = problem;
  if (problem !== '') return;
  field.value = '';
  enter(name);
});
element('leave', HTMLButtonElement).addEventListener('click', () => login.leave());
document.addEventListener('visibilitychange', () => {
  if (document.visibilityState === 'hidden') divider = undefined;
  changed();
});

const commands = element('copy-commands', HTMLElement);
commands.textContent = copyCommands(location.origin);
attachCopy(element('copy-button', HTMLButtonElement), commands, element('copy-result', HTMLElement));

for (const name of FIRST_ROOMS) roomOf(name);
login.resume();
enter(open);
client.connect();
