// The arena of the game demo, full: fifty players with the unmodified library, and who only watches.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { protobuf } from '../encodings.js';
import { until } from '../patience.js';
import { Server } from '../server.js';
import { newClient } from '../subscriber.js';
import { TRANSPORT } from '../transport.js';

const PLAYERS = 50;
const CHANNEL = 'arena:main';
const ARENA_FULL = 106;
const HEAD_BYTES = 10;
const SHIP_BYTES = 18;

/** The arena's states are bytes, and events are text. */
const skip = TRANSPORT === 'sse' && 'bytes do not go by SSE';

let server;
let watcher;
const clients = [];

before(async () => {
  if (skip) return;
  server = await Server.start();
  watcher = await open();
});

after(async () => {
  for (const client of clients) client.disconnect();
  await server?.stop();
});

/** A connected client, with its subscription to the arena asked for. */
async function open(token = '') {
  const client = newClient(server.endpoint, { encoding: protobuf, token });
  clients.push(client);
  const arena = client.newSubscription(CHANNEL);
  arena.subscribe();
  client.connect();
  await client.ready(20_000);
  return { client, arena };
}

async function play(name) {
  const { data } = await watcher.client.rpc('game.join', protobuf.pack({ name }));
  const { ship, token } = protobuf.unpack(data);
  return { ship, ...(await open(token)) };
}

const state = (arena) => new Promise((resolve) => arena.once('publication', ({ data }) => resolve(data)));

/** The sequence and the speed to the right of a ship in a state. */
function found(data, ship) {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  for (let at = HEAD_BYTES; at < HEAD_BYTES + view.getUint8(8) * SHIP_BYTES; at += SHIP_BYTES) {
    if (view.getUint16(at, true) === ship) return { sequence: view.getUint16(at + 4, true), vx: view.getInt16(at + 12, true) };
  }
  return undefined;
}

test('fifty fly, the next is refused, and who watches is nobody’s company', { skip, timeout: 120_000 }, async () => {
  assert.equal((await state(watcher.arena))[8], 10, 'bots alone');
  const told = [];
  watcher.arena.on('join', ({ info }) => told.push(info.user));
  const players = [];
  for (let number = 1; number <= PLAYERS; number += 1) players.push(await play(`player ${number}`));
  await Promise.all(players.map(({ arena }) => arena.ready(20_000)));
  const fly = async () => {
    // The ship of a player who says nothing for long goes, and comes back with a word.
    await Promise.all(players.map(({ client }) => client.rpc('game.steer', Uint8Array.of(1, 0, 0, 0))));
    return (await state(watcher.arena))[8] === PLAYERS;
  };
  await until(fly, 'bots have given way');

  const { arena } = await play('one too many');
  const refused = await new Promise((resolve) => arena.once('unsubscribed', resolve));
  assert.equal(refused.code, ARENA_FULL);

  const { clients: present } = await watcher.arena.presence();
  const names = Object.values(present).map(({ connInfo }) => protobuf.unpack(connInfo).name);
  assert.equal(names.length, PLAYERS);
  assert.ok(names.includes('player 50'));
  assert.equal(told.length, PLAYERS, 'who watches is told of those who come');

  const [{ client, ship }] = players;
  await client.rpc('game.steer', Uint8Array.of(7, 0, 0, 255));
  const flies = async () => {
    const { sequence, vx } = found(await state(watcher.arena), ship);
    return sequence === 7 && vx !== 0;
  };
  await until(flies, 'the input is told of in the state, and the ship flies');
});

test('nobody steers without a token, nor with bytes that are no input', { skip }, async () => {
  await assert.rejects(watcher.client.rpc('game.steer', Uint8Array.of(1, 0, 0, 255)), { code: 107 });
  await assert.rejects(clients.at(-2).rpc('game.steer', Uint8Array.of(1)), { code: 107 });
  for (const name of ['', '   ', 'much too long a name']) {
    await assert.rejects(watcher.client.rpc('game.join', protobuf.pack({ name })), { code: 107 }, name);
  }
  await assert.rejects(watcher.client.publish(CHANNEL, Uint8Array.of(1)), { code: 103 });
});
