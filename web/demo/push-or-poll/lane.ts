// One way of listening on the screen: its picture, its figures, and what goes wrong with it.

import { part } from '../frame/part.ts';
import { Count, type Figures } from './count.ts';
import { Picture } from './picture.ts';
import { requestBytes } from './sizes.ts';
import { Trace } from './trace.ts';
import { valueOf, type Taking } from './way.ts';
import { delayWords, requestWords, sizeWords } from './words.ts';

export interface LaneText {
  readonly title: string;
  readonly what: string;
}

/** The difference between the two clocks, from whoever knows. */
export interface Clock {
  readonly ms: number;
  take(sentMs: number, receivedMs: number): void;
}

export class Lane implements Taking {
  readonly trace = new Trace();
  #count = new Count();
  readonly #clock: Clock;
  readonly #picture: Picture;
  readonly #now = part('b', 'lane-now', '–');
  readonly #trouble = part('p', 'hint bad lane-trouble');
  readonly #figures = {
    delay: part('dd', 'lane-delay'),
    requests: part('dd'),
    bytes: part('dd'),
    perValue: part('dd'),
    missed: part('dd'),
  };

  /** `truth`: what the quickest way knows; itself, if it is this one. */
  constructor(id: string, { title, what }: LaneText, clock: Clock, truth?: Trace) {
    this.#clock = clock;
    const lane = part('section', 'card lane');
    lane.id = `lane-${id}`;
    lane.dataset.way = id;
    const heading = part('h2', '', title);
    heading.id = `${lane.id}-heading`;
    lane.setAttribute('aria-labelledby', heading.id);
    const line = part('div', 'heading-line');
    line.append(heading, this.#now);
    const place = part('div', 'lane-picture');
    place.setAttribute('role', 'img');
    place.setAttribute('aria-label', `The curve, and what arrives of it by ${title}`);
    const figures = part('dl', 'lane-figures');
    for (const [name, shown] of [
      ['Late by', this.#figures.delay],
      ['Requests', this.#figures.requests],
      ['Bytes', this.#figures.bytes],
      ['Bytes a value', this.#figures.perValue],
      ['Missed', this.#figures.missed],
    ] as const) {
      const pair = part('div');
      pair.append(part('dt', '', name), shown);
      figures.append(pair);
    }
    this.#trouble.setAttribute('role', 'status');
    lane.append(line, part('p', 'hint lane-what', what), place, figures, this.#trouble);
    document.getElementById('lanes')?.append(lane);
    this.#picture = new Picture(place, truth ?? this.trace, this.trace);
  }

  /** Everything from the beginning. */
  reset(): void {
    this.#count = new Count();
    this.trace.clear();
    this.#now.textContent = '–';
    this.well();
    this.show();
  }

  set isStopped(is: boolean) {
    this.#picture.isStopped = is;
  }

  get figures(): Figures {
    return this.#count.figures();
  }

  asked(address: string): void {
    this.request(requestBytes(address));
  }

  request(bytes: number): void {
    this.#count.request(bytes);
    this.trace.ask(Date.now());
  }

  passed(bytes: number): void {
    this.#count.passed(bytes);
  }

  nothing(): void {
    this.#count.cameForNothing();
  }

  value(data: unknown, offset: number): void {
    const value = valueOf(data);
    if (value === undefined) return;
    const nowMs = Date.now();
    this.#clock.take(value.at, nowMs);
    this.#count.value(offset, Math.max(0, nowMs - value.at - this.#clock.ms));
    this.trace.add(value, this.#clock.ms, nowMs);
  }

  failed(why: string): void {
    const words = `Not now: ${why}.`;
    if (this.#trouble.textContent !== words) this.#trouble.textContent = words;
  }

  well(): void {
    if (this.#trouble.textContent !== '') this.#trouble.textContent = '';
  }

  show(): void {
    const figures = this.#count.figures();
    const { delay, requests, bytes, perValue, missed } = this.#figures;
    this.#now.textContent = this.trace.last?.v.toFixed(1) ?? '–';
    delay.textContent = delayWords(figures.delayMs);
    delay.title = `half of the newest values came within this; the latest of all after ${delayWords(figures.worstMs)}`;
    requests.textContent = requestWords(figures);
    bytes.textContent = sizeWords(figures.bytes);
    perValue.textContent = sizeWords(figures.bytesPerValue);
    missed.textContent = figures.missed.toLocaleString('en');
  }
}
