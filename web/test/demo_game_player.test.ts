import assert from 'node:assert/strict';
import { test } from 'node:test';

import { cameraOf, onCanvas } from '../demo/game/camera.ts';
import { Crew } from '../demo/game/crew.ts';
import { ordinal, ranking, whereTo } from '../demo/game/ranking.ts';
import { Steering } from '../demo/game/steering.ts';
import type { Ship } from '../demo/game/state.ts';

const HERE = { x: 300, y: 200 };

test('keys add up to a direction, and nothing held is no power', () => {
  const steering = new Steering();
  assert.ok(steering.press('ArrowRight') && !steering.press('KeyQ'));
  assert.deepEqual(steering.wish(HERE), { angle: 0, power: 255 });
  steering.press('KeyW');
  assert.deepEqual(steering.wish(HERE), { angle: 224, power: 255 });
  steering.press('ArrowDown');
  assert.deepEqual(steering.wish(HERE), { angle: 0, power: 255 });
  steering.release('all');
  assert.equal(steering.wish(HERE).power, 0);
});

test('the mouse draws the ship to it, the harder the further, until a key is pressed', () => {
  const steering = new Steering();
  steering.point(300, 210);
  assert.equal(steering.wish(HERE).power, 0, 'there already');
  steering.point(300, 286);
  assert.deepEqual(steering.wish(HERE), { angle: 64, power: 128 });
  steering.point(-700, 200);
  assert.deepEqual(steering.wish(HERE), { angle: 128, power: 255 });
  steering.press('ArrowUp');
  assert.deepEqual(steering.wish(HERE), { angle: 192, power: 255 });
  steering.lift('ArrowUp');
  assert.equal(steering.wish(HERE).power, 0);
});

test('a finger is a stick, from where it came down', () => {
  const steering = new Steering();
  steering.touch(50, 50);
  assert.equal(steering.wish(HERE).power, 0);
  steering.drag(50, 150);
  assert.deepEqual(steering.wish(HERE), { angle: 64, power: 255 });
  steering.release('stick');
  assert.equal(steering.wish(HERE).power, 0);
});

test('who watches sees all of the arena, who plays what is near, and never beyond a wall', () => {
  const whole = cameraOf(1000, 600);
  assert.ok(onCanvas(whole, { x: 0, y: 0 }).x >= 0 && onCanvas(whole, { x: 2400, y: 1500 }).y <= 600);
  const near = cameraOf(360, 500, { x: 1200, y: 700 });
  assert.deepEqual(onCanvas(near, { x: 1200, y: 700 }), { x: 180, y: 250 });
  assert.equal(cameraOf(360, 500, { x: 0, y: 0 }).left, 10);
});

function ship(number: number, score: number): Ship {
  return {
    number, score, isBot: false, isPushed: false, isAdrift: false, sequence: 0, age: 0, x: 0, y: 0, vx: 0, vy: 0, heading: 0,
  };
}

test('equal scores share a place, and the own ship is always in the list', () => {
  const ships = [ship(1, 3), ship(2, 9), ship(3, 3), ship(4, 0)];
  const list = (own?: number) => ranking(ships, own, 3).map(({ place, ship: { number } }) => [place, number]);
  assert.deepEqual(list(), [[1, 2], [2, 1], [2, 3]]);
  assert.deepEqual(list(4), [[1, 2], [2, 1], [4, 4]]);
  assert.deepEqual([1, 2, 3, 4, 11, 22, 50].map(ordinal), ['1st', '2nd', '3rd', '4th', '11th', '22nd', '50th']);
  assert.equal(whereTo({ x: 0, y: 0 }, { x: -5, y: -5 }), 'up left');
});

test('names come with presence and joins, and stay for the list', () => {
  const crew = new Crew();
  const info = (client: string, ship: number, name: string) => ({
    client,
    connInfo: new TextEncoder().encode(JSON.stringify({ ship, name })),
  });
  crew.replace([info('a', 7, 'Ada'), { client: 'b' }]);
  assert.equal(crew.add(info('c', 8, 'Bo')), 'Bo');
  assert.equal(crew.remove({ client: 'a' }), 'Ada');
  assert.equal(crew.remove({ client: 'b' }), undefined);
  assert.deepEqual([crew.players, crew.name(7), crew.name(8), crew.name(9)], [1, 'Ada', 'Bo', 'Ship 9']);
  assert.ok(crew.has(0xff01) && !crew.has(9));
});
