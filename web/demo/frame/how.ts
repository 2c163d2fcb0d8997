// "How it works": the channels, the messages as they pass, and the lines of code that matter.

import type { Excerpt } from '../../build/excerpts.ts';
import type { Shown } from './message.ts';
import { part } from './part.ts';
import { SHOWN_MAX, type Tap } from './tap.ts';

/** A page at 50 messages a second is read no faster for being drawn more often. */
const DRAWN_EVERY_MS = 250;

export interface HowChannel {
  readonly name: string;
  /** What it carries, in a few words. */
  readonly note: string;
}

/** Lines of one source. */
export interface HowSource {
  /** Such as `examples/demo_chat.rs`. */
  readonly path: string;
  readonly excerpts: readonly Excerpt[];
}

export class How {
  readonly #tap: Tap;
  readonly #panel: HTMLDetailsElement;
  readonly #summary = part('summary', '');
  readonly #channels: HTMLElement;
  readonly #messages: HTMLElement;
  readonly #totals: HTMLElement;
  readonly #pause: HTMLButtonElement;
  #isPaused = false;
  #drawn = -1;

  /** Appends the panel to the page's `<main>`. */
  constructor(tap: Tap, channels: readonly HowChannel[], sources: readonly HowSource[]) {
    this.#tap = tap;
    this.#panel = part('details', 'how');
    this.#panel.id = 'how';
    this.#summary.append(part('span', 'how-title', 'How it works'), part('span', 'how-hint', 'channels, messages as they pass, code'));
    this.#channels = part('dl', 'how-channels');
    this.#messages = part('ol', 'how-messages');
    this.#messages.tabIndex = 0;
    this.#messages.setAttribute('aria-label', `The last ${SHOWN_MAX} messages, newest first`);
    this.#messages.setAttribute('role', 'list');
    this.#totals = part('p', 'hint');
    this.#pause = part('button', 'quiet', 'Pause');
    this.#pause.type = 'button';
    this.#pause.setAttribute('aria-pressed', 'false');
    this.#pause.addEventListener('click', () => this.#setPaused(!this.#isPaused));
    const heading = part('div', 'heading-line');
    heading.append(part('h2', '', 'Messages'), this.#pause);
    const left = part('div', 'how-left');
    left.append(part('h2', '', 'Channels'), this.#channels, heading, this.#messages, this.#totals);
    const right = part('div', 'how-right');
    right.append(part('h2', '', 'The lines that matter'), ...sources.flatMap(codeOf));
    const body = part('div', 'how-body');
    body.append(left, right);
    this.#panel.append(this.#summary, body);
    document.getElementById('main')?.append(this.#panel);
    this.#leadHere();
    this.#panel.addEventListener('keydown', (event) => this.#escape(event));
    this.setChannels(channels);
    this.#panel.addEventListener('toggle', () => this.#draw());
    setInterval(() => this.#draw(), DRAWN_EVERY_MS);
  }

  setChannels(channels: readonly HowChannel[]): void {
    this.#channels.replaceChildren(
      ...channels.map(({ name, note }) => {
        const line = part('div', '');
        const term = part('dt', '');
        term.append(part('code', '', name));
        line.append(term, part('dd', '', note));
        return line;
      }),
    );
  }

  /** The panel is the last thing on the page: what the page says first leads to it. */
  #leadHere(): void {
    const link = part('a', 'how-link', 'How it works');
    link.href = `#${this.#panel.id}`;
    link.addEventListener('click', (event) => {
      event.preventDefault();
      this.#panel.open = true;
      this.#panel.scrollIntoView();
      this.#summary.focus({ preventScroll: true });
    });
    document.querySelector('.lead p')?.append(' ', link);
  }

  #escape(event: KeyboardEvent): void {
    if (event.key !== 'Escape' || !this.#panel.open) return;
    this.#panel.open = false;
    this.#summary.focus();
  }

  #setPaused(paused: boolean): void {
    this.#isPaused = paused;
    this.#pause.setAttribute('aria-pressed', String(paused));
    this.#pause.textContent = paused ? 'Go on' : 'Pause';
  }

  #draw(): void {
    if (!this.#panel.open || this.#isPaused || document.hidden || this.#drawn === this.#tap.count) return;
    this.#drawn = this.#tap.count;
    this.#messages.replaceChildren(...this.#tap.latest().map(lineOf));
    const [received, sent] = [this.#tap.totals('in'), this.#tap.totals('out')];
    this.#totals.textContent =
      `Since this page opened: ${sizeOf(received.bytes)} received in ${received.frames.toLocaleString('en')} frames, ` +
      `${sizeOf(sent.bytes)} sent in ${sent.frames.toLocaleString('en')}, before compression.`;
  }
}

function lineOf({ direction, atMs, label, bytes, text }: Shown): HTMLElement {
  const line = part('li', '');
  line.dataset.direction = direction;
  const head = part('p', 'how-message-head');
  const way = part('span', 'how-way', direction === 'in' ? '↓' : '↑');
  way.title = direction === 'in' ? 'received' : 'sent';
  way.setAttribute('role', 'img');
  way.setAttribute('aria-label', way.title);
  head.append(way, part('b', '', label), part('span', 'how-size', `${bytes.toLocaleString('en')} B`), part('time', '', timeOf(atMs)));
  line.append(head, part('code', '', text));
  return line;
}

function codeOf({ path, excerpts }: HowSource): HTMLElement[] {
  return excerpts.map(({ title, code }) => {
    const figure = part('figure', 'how-code');
    const caption = part('figcaption', '');
    caption.append(part('span', '', title), part('code', '', path));
    const lines = part('pre', '', code);
    lines.tabIndex = 0;
    lines.setAttribute('role', 'region');
    lines.setAttribute('aria-label', `${title}, from ${path}`);
    figure.append(caption, lines);
    return figure;
  });
}

function timeOf(atMs: number): string {
  const at = new Date(atMs);
  const two = (value: number) => String(value).padStart(2, '0');
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${String(at.getMilliseconds()).padStart(3, '0')}`;
}

function sizeOf(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`;
  return bytes < 1_000_000 ? `${(bytes / 1_000).toFixed(1)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}
