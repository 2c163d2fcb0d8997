// The orders that are followed: five stops, and a parcel between them that moves as the courier does.

import { element } from '../../../src/view/element.ts';
import { STEPS_OF_ORDER, type OrderStep } from '../note.ts';
import { isDelivered, progressOf } from '../orders.ts';
import { icon } from './icon.ts';

interface Track {
  readonly item: HTMLLIElement;
  readonly bar: HTMLElement;
  readonly state: HTMLElement;
  readonly stops: readonly HTMLElement[];
}

export class Tracker {
  readonly #list = element('orders', HTMLOListElement);
  readonly #empty = element('orders-empty', HTMLElement);
  readonly #tracks = new Map<string, Track>();

  show(orders: readonly OrderStep[], isSilent: (order: OrderStep) => boolean): void {
    const kept = new Set(orders.map(({ id }) => id));
    for (const [id, { item }] of this.#tracks) {
      if (kept.has(id)) continue;
      item.remove();
      this.#tracks.delete(id);
    }
    for (const [place, order] of orders.entries()) {
      const track = this.#tracks.get(order.id) ?? this.#made(order);
      if (this.#list.children[place] !== track.item) this.#list.insertBefore(track.item, this.#list.children[place] ?? null);
      update(track, order, isSilent(order));
    }
    this.#empty.hidden = orders.length > 0;
    this.#list.hidden = orders.length === 0;
  }

  #made({ id, item: name }: OrderStep): Track {
    const item = document.createElement('li');
    item.className = 'order';
    const head = document.createElement('p');
    head.className = 'order-head';
    const what = document.createElement('strong');
    what.textContent = name === '' ? 'Your order' : name;
    const state = document.createElement('span');
    state.className = 'order-state';
    head.append(what, state);
    const bar = document.createElement('div');
    bar.className = 'track';
    bar.setAttribute('role', 'progressbar');
    bar.setAttribute('aria-label', `Order: ${what.textContent}`);
    bar.setAttribute('aria-valuemin', '0');
    bar.setAttribute('aria-valuemax', '100');
    const parcel = document.createElement('span');
    parcel.className = 'parcel';
    parcel.append(icon('order'));
    bar.append(document.createElement('i'), parcel);
    const stops = STEPS_OF_ORDER.map((step) => {
      const stop = document.createElement('span');
      stop.textContent = step;
      return stop;
    });
    const names = document.createElement('div');
    names.className = 'stops';
    names.setAttribute('aria-hidden', 'true');
    names.append(...stops);
    item.append(head, bar, names);
    const track = { item, bar, state, stops };
    this.#tracks.set(id, track);
    return track;
  }
}

function update({ item, bar, state, stops }: Track, order: OrderStep, isSilent: boolean): void {
  const progress = progressOf(order);
  const last = order.step < 0 ? 'Sent to the shop' : (STEPS_OF_ORDER[order.step] ?? '');
  const words = isSilent ? `${last}, and no word since` : last;
  item.classList.toggle('silent', isSilent);
  item.classList.toggle('delivered', isDelivered(order));
  bar.style.setProperty('--progress', String(progress));
  bar.setAttribute('aria-valuenow', String(Math.round(progress * 100)));
  bar.setAttribute('aria-valuetext', words);
  state.textContent = words;
  for (const [step, stop] of stops.entries()) stop.classList.toggle('reached', step <= order.step);
}
