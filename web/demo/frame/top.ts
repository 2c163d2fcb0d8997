// The top bar of a demo page: the logo, which leads to all of them, the way to each, and the state of the link.

import { sentenceFor, wordsFor, type LinkState } from './link-state.ts';
import { part } from './part.ts';

const SVG = 'http://www.w3.org/2000/svg';

/** Whoever wants to see what becomes of a lost link need not pull a plug. */
const BUTTONS: Readonly<Partial<Record<LinkState['name'], string>>> = {
  live: 'Go offline',
  waiting: 'Try now',
  ended: 'Connect',
  gap: 'Understood',
};

const PAGES = [
  ['chat', 'Chat'],
  ['monitoring', 'Monitoring'],
  ['game', 'Game'],
  ['notifications', 'Notifications'],
  ['push-or-poll', 'Push or poll'],
] as const;

/** In a copy of one demo the others are not there, nor is the page that shows all of them. */
const HERE = PAGES.filter(([folder]) => DEMOS_HERE.includes(folder));

export interface TopActions {
  /** The visitor does not want to wait for the countdown, or comes back after an end. */
  retry(): void;
  /** The visitor has read of the gap. */
  gapSeen(): void;
  /** The visitor wants to be away for a while. */
  leave(): void;
}

export class Top {
  readonly #link = part('section', 'link');
  readonly #words = part('span', 'link-words');
  readonly #button = part('button', 'quiet');
  readonly #spoken = part('p', 'unseen');
  readonly #actions: TopActions;
  #state: LinkState = { name: 'connecting' };
  #countdown: ReturnType<typeof setInterval> | undefined;

  /** Fills the page's `<header id="top">`. */
  constructor(name: string, actions: TopActions) {
    const top = document.getElementById('top');
    if (top === null) throw new Error('the page has no #top');
    this.#actions = actions;
    const home = part('a', 'brand');
    home.href = HERE.length > 1 ? '/demo/' : '/';
    home.append(logo(), part('span', '', 'Wavecast'));
    home.setAttribute('aria-label', HERE.length > 1 ? 'Wavecast, all demos' : 'Wavecast');
    const lamp = part('span', 'lamp');
    lamp.setAttribute('aria-hidden', 'true');
    const state = part('p', 'link-state');
    state.append(lamp, this.#words);
    this.#button.type = 'button';
    this.#button.addEventListener('click', () => this.#pressed());
    // What is read aloud changes with the state and does not count down with it.
    this.#spoken.setAttribute('role', 'status');
    this.#link.setAttribute('aria-label', 'Connection');
    this.#link.append(state, this.#button, this.#spoken);
    top.append(home, part('span', 'page-name', name), pages(), this.#link);
    this.show(this.#state);
  }

  show(state: LinkState): void {
    this.#state = state;
    clearInterval(this.#countdown);
    const tick = () => (this.#words.textContent = wordsFor(state, Date.now()));
    tick();
    if (state.name === 'waiting') this.#countdown = setInterval(tick, 250);
    const sentence = sentenceFor(state);
    this.#link.dataset.state = state.name;
    // A page that draws what it last heard can look like it.
    document.documentElement.dataset.link = state.name;
    this.#words.title = sentence;
    // The first connection of a page is no news.
    const isFirst = this.#spoken.textContent === '' && (state.name === 'connecting' || state.name === 'live');
    if (!isFirst && this.#spoken.textContent !== sentence) this.#spoken.textContent = sentence;
    this.#showButton(BUTTONS[state.name] ?? '');
  }

  #showButton(label: string): void {
    // A button that goes away must not drop the keyboard at the top of the page.
    if (label === '' && document.activeElement === this.#button) document.getElementById('main')?.focus();
    this.#button.hidden = label === '';
    this.#button.textContent = label;
  }

  #pressed(): void {
    if (this.#state.name === 'gap') this.#actions.gapSeen();
    else if (this.#state.name === 'live') this.#actions.leave();
    else this.#actions.retry();
  }
}

/** All of them, where there is room. */
function pages(): HTMLElement {
  const list = part('nav', 'pages');
  list.setAttribute('aria-label', 'Demos');
  list.hidden = HERE.length < 2;
  for (const [folder, name] of HERE) {
    const link = part('a', '', name);
    link.href = `/demo/${folder}/`;
    if (location.pathname.startsWith(`/demo/${folder}`)) link.setAttribute('aria-current', 'page');
    list.append(link);
  }
  return list;
}

/** A source and two waves, as on the start page. */
function logo(): SVGElement {
  const drawn = shape('svg', { class: 'logo', viewBox: '0 0 32 32', 'aria-hidden': 'true' });
  drawn.append(
    shape('circle', { class: 'logo-source', cx: '6', cy: '26', r: '3.5' }),
    shape('path', { class: 'logo-wave', d: 'M6 16.5a9.5 9.5 0 0 1 9.5 9.5' }),
    shape('path', { class: 'logo-wave', d: 'M6 7a19 19 0 0 1 19 19' }),
  );
  return drawn;
}

function shape(name: string, attributes: Readonly<Record<string, string>>): SVGElement {
  const made = document.createElementNS(SVG, name) as SVGElement;
  for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, value);
  return made;
}
