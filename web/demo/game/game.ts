// The page at /demo/game.

import './game.css';

import { element } from '../../src/view/element.ts';
import gameSource from '../../../examples/demo_game.rs?how';
import { Frame } from '../frame/frame.ts';
import { Board } from './board.ts';
import { cameraOf, onCanvas } from './camera.ts';
import { attachControls } from './controls.ts';
import { Crew } from './crew.ts';
import { Delay } from './delay.ts';
import { Effects } from './effects.ts';
import { HEIGHT, WIDTH } from './flight.ts';
import { Painter } from './painter.ts';
import { readPalette } from './palette.ts';
import { Pilot } from './pilot.ts';
import predictionSource from './prediction.ts?how';
import { whereTo } from './ranking.ts';
import { CHANNEL, Session, type Hears } from './session.ts';
import sessionSource from './session.ts?how';
import type { Ship, State } from './state.ts';
import { Steering } from './steering.ts';
import { Timeline } from './timeline.ts';
import { wordsOf } from './words.ts';

/** Without a state for so long, what is shown is old and says so. */
const STALE_MS = 700;
const BOARD_EVERY_MS = 250;
const APPROACH_MS = 260;

const canvas = element('arena', HTMLCanvasElement);
const stage = element('stage', HTMLElement);
const form = element('join', HTMLFormElement);
const nameBox = element('name', HTMLInputElement);
const problem = element('problem', HTMLElement);
const veil = element('veil', HTMLElement);
const predicts = element('predicts', HTMLInputElement);
const smooths = element('smooths', HTMLInputElement);
const holds = element('holds', HTMLInputElement);

const crew = new Crew();
const board = new Board(crew);
const timeline = new Timeline();
const steering = new Steering();
const delay = new Delay();
const painter = new Painter(canvas, readPalette(canvas));
const calm = matchMedia('(prefers-reduced-motion: reduce)');

let own: number | undefined;
let ownShown: Ship | undefined;
let stateAtMs = -Infinity;
/** How far the camera has come to the own ship, 0 to 1. */
let nearness = 0;
let frameAtMs = performance.now();
let boardAtMs = 0;
const counted = { states: 0, bytes: 0, sinceMs: performance.now() };

const frame = new Frame('Game');
const hears: Hears = {
  opened: (client, subscription) => {
    frame.watch(client);
    // Each state has everything in it, so one that was missed is no gap.
    frame.follow(subscription);
    pilot.board();
  },
  state: take,
  present: (infos) => crew.replace(infos),
  joined: (info) => {
    const name = crew.add(info);
    if (name !== undefined) board.say(`${name} has joined.`);
  },
  left: (info) => {
    const name = crew.remove(info);
    if (name !== undefined) board.say(`${name} has left.`);
  },
  ship: (ship) => {
    own = ship;
    form.hidden = ship !== undefined;
    stage.classList.toggle('flying', ship !== undefined);
    if (ship !== undefined) canvas.focus();
  },
  problem: (text) => (problem.textContent = text),
};
const session = new Session(hears, frame.options());
const pilot = new Pilot(delay, (input) => session.steer(input));

function take(state: State, bytes: number): void {
  stateAtMs = performance.now();
  timeline.push(state, stateAtMs);
  painter.effects?.sparks(state.sparks, stateAtMs);
  counted.states += 1;
  counted.bytes += bytes;
  const mine = state.ships.find(({ number }) => number === own);
  if (mine === undefined) pilot.prediction.forget();
  else pilot.correct(mine);
}

function draw(nowMs: number): void {
  requestAnimationFrame(draw);
  const elapsedMs = nowMs - frameAtMs;
  frameAtMs = nowMs;
  const state = timeline.newest;
  if (state === undefined) return;
  const isStale = performance.now() - stateAtMs > STALE_MS;
  veil.hidden = !isStale;
  approach(elapsedMs);
  steer(elapsedMs, nowMs, isStale);
  const ships = shipsNow(state, elapsedMs);
  ownShown = ships.find(({ number }) => number === own) ?? ownShown;
  if (!holds.checked) {
    painter.effects?.ships(ships, nowMs);
    painter.paint(
      { ships, sparks: state.sparks, own, nowMs, isStale, name: (ship) => crew.name(ship), stick: steering.stick },
      camera(),
    );
    measure(predicts.checked ? state.ships : ships);
    // For who wants to follow what is drawn: tests in a browser do.
    canvas.dispatchEvent(new CustomEvent('drawn', { detail: ships.map((ship) => ({ ...ship, name: crew.name(ship.number) })) }));
  }
  if (nowMs - boardAtMs < BOARD_EVERY_MS) return;
  boardAtMs = nowMs;
  tell(state, nowMs);
}

function steer(elapsedMs: number, nowMs: number, isStale: boolean): void {
  if (own === undefined || isStale) return;
  const ship = ownShown ?? { x: WIDTH / 2, y: HEIGHT / 2 };
  pilot.fly(steering.wish(onCanvas(camera(), ship)), elapsedMs, nowMs);
}

/** Others as the timeline has them, the own ship as it was predicted; or all of it as the server last said. */
function shipsNow(state: State, elapsedMs: number): readonly Ship[] {
  const ships = smooths.checked ? timeline.ships(performance.now()) : state.ships;
  const body = pilot.shown(elapsedMs);
  if (!predicts.checked || body === undefined) return ships;
  return ships.map((ship) => (ship.number === own ? { ...ship, ...body } : ship));
}

function camera() {
  return cameraOf(canvas.clientWidth, canvas.clientHeight, ownShown, nearness);
}

/** The camera goes to the own ship, and back when there is none. */
function approach(elapsedMs: number): void {
  const wanted = own === undefined || ownShown === undefined ? 0 : 1;
  nearness = calm.matches ? wanted : wanted + (nearness - wanted) * Math.exp(-elapsedMs / APPROACH_MS);
  if (own === undefined && nearness < 0.001) ownShown = undefined;
}

/** These ships stand on the screen now: a ship that is predicted has the newest state in it, any other what it shows. */
function measure(ships: readonly Ship[]): void {
  const mine = ships.find(({ number }) => number === own);
  if (mine !== undefined) delay.drawn(mine.sequence, performance.now());
}

function tell(state: State, nowMs: number): void {
  board.show(state, own, nowMs);
  const elapsedMs = nowMs - counted.sinceMs;
  if (elapsedMs < 1_000) return;
  board.figures(delay, (counted.states * 1000) / elapsedMs, (counted.bytes * 1000) / elapsedMs);
  if (state.ships.some(({ number }) => !crew.has(number))) session.askWhoIsThere();
  Object.assign(counted, { states: 0, bytes: 0, sinceMs: nowMs });
}

function respectMotion(): void {
  painter.effects = calm.matches ? undefined : new Effects();
}

form.addEventListener('submit', (event) => {
  event.preventDefault();
  problem.textContent = '';
  session.join(nameBox.value.trim()).catch(() => {
    problem.textContent = 'The server gives no ship just now. Try again in a moment.';
  });
});

// For who does not see the arena: where the next spark is.
canvas.addEventListener('keydown', ({ code }) => {
  const [ship, state] = [ownShown, timeline.newest];
  if (code !== 'KeyN' || ship === undefined || state === undefined) return;
  const far = ({ x, y }: { x: number; y: number }) => Math.hypot(x - ship.x, y - ship.y);
  const nearest = [...state.sparks].sort((a, b) => far(a) - far(b))[0];
  if (nearest !== undefined) board.say(`Nearest spark: ${whereTo(ship, nearest)}, ${Math.round(far(nearest) / 10) * 10} units.`);
});

new ResizeObserver(() => painter.resize(canvas.clientWidth, canvas.clientHeight, devicePixelRatio)).observe(canvas);
calm.addEventListener('change', respectMotion);
attachControls(canvas, steering, (atMs) => pilot.acted(atMs));

frame.tap.decode = wordsOf;
frame.explain(
  [
    { name: CHANNEL, note: 'the whole arena in every message, thirty a second; presence, joins and leaves are its players' },
    { name: 'game.join', note: 'a method: a name for a ship and a token' },
    { name: 'game.steer', note: 'a method: four bytes, at most thirty times a second' },
  ],
  [
    { path: 'web/demo/game/session.ts', excerpts: sessionSource },
    { path: 'web/demo/game/prediction.ts', excerpts: predictionSource },
    { path: 'examples/demo_game.rs', excerpts: gameSource },
  ],
);
respectMotion();
session.watch();
requestAnimationFrame(draw);
