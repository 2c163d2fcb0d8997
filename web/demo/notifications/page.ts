// One visitor on the page: what arrives, what was read, what is kept for the next visit, and who is told.

import { element } from '../../src/view/element.ts';
import { showBadge } from './badge.ts';
import { showOnDesktop } from './desktop.ts';
import { Inbox } from './inbox.ts';
import { browserStore, recall, remember, rememberName } from './memory.ts';
import type { Note, OrderStep, Way } from './note.ts';
import { Orders } from './orders.ts';
import { ReadMarks } from './read-marks.ts';
import { isGap, NOTHING_MISSED, sentenceOf, together, type Replay } from './replay.ts';
import type { Session, SessionObserver } from './session.ts';
import { Announcer } from './view/announcer.ts';
import { Filters } from './view/filters.ts';
import { List } from './view/list.ts';
import { SendForm } from './view/send.ts';
import { Tracker } from './view/tracker.ts';

/** Writes to the browser's storage are slow: one for all that comes at once. */
const REMEMBER_AFTER_MS = 200;
const SILENCE_LOOKED_FOR_EVERY_MS = 5_000;
/** Windows of one user that all notice that something is not known do not all say so. */
const REPEAT_WITHIN_MS = 500;

export class Page implements SessionObserver {
  readonly #store = browserStore();
  readonly #inbox = new Inbox();
  readonly #orders = new Orders();
  #marks = new ReadMarks();
  #replay: Replay = NOTHING_MISSED;
  #session: Session | undefined;
  #user = '';
  #drawing = false;
  #remembering: ReturnType<typeof setTimeout> | undefined;

  readonly #announcer = new Announcer();
  readonly #tracker = new Tracker();
  readonly #filters = new Filters();
  readonly #list = new List((id) => this.#read([id]));
  readonly #sendForm = new SendForm();
  readonly #count = element('unread-count', HTMLElement);
  readonly #readAll = element('read-all', HTMLButtonElement);
  readonly #replayed = element('replayed', HTMLElement);

  constructor() {
    this.#filters.attach(() => this.#draw());
    this.#readAll.addEventListener('click', () => this.#read(this.#unread().map(({ id }) => id)));
    this.#sendForm.attach(async (draft) => this.#session?.send(draft));
    element('replayed-close', HTMLButtonElement).addEventListener('click', () => {
      this.#replay = NOTHING_MISSED;
      this.#draw();
      element('notes-heading', HTMLElement).focus();
    });
    // What is not heard of changes the screen, too.
    setInterval(() => this.#draw(), SILENCE_LOOKED_FOR_EVERY_MS);
    // The last moment at which a page is sure to be asked.
    addEventListener('pagehide', () => this.#remember());
    document.addEventListener('visibilitychange', () => {
      if (document.hidden) this.#remember();
    });
  }

  /** Another user, or the first one: `connect` makes the session from what was kept of the last visit. */
  become(user: string, connect: (memory: ReturnType<typeof recall>, observer: SessionObserver) => Session): void {
    if (this.#session !== undefined) this.#remember();
    this.#session?.close();
    this.#user = user;
    rememberName(this.#store, user);
    const memory = recall(this.#store, user);
    this.#inbox.clear();
    this.#orders.clear();
    for (const note of memory.notes) this.#inbox.add({ ...note, isMissed: false });
    this.#orders.takeAll(memory.notes);
    this.#marks = new ReadMarks(memory.read);
    this.#replay = NOTHING_MISSED;
    this.#sendForm.showUser(user);
    this.#session = connect(memory, this);
    this.#draw();
  }

  note(note: Note, way: Way): void {
    if (!this.#inbox.add(note)) return;
    this.#orders.take(note.order);
    if (way === 'live') {
      this.#announcer.say(note.title);
      showOnDesktop(note);
    }
    this.#changed();
  }

  passing(order: OrderStep): void {
    if (this.#orders.take(order)) this.#draw();
  }

  back(replay: Replay): void {
    this.#replay = together(this.#replay, replay);
    if (replay.arrived > 0 || isGap(replay)) this.#announcer.say(sentenceOf(this.#replay));
    this.#changed();
  }

  read(data: unknown): void {
    if (this.#marks.take(data)) this.#changed();
    this.#repeatWhatIsUnknown();
  }

  readJoined(): void {
    this.#repeatWhatIsUnknown();
  }

  /** What was read without a connection, or lost in two windows speaking at once, is said again. */
  #repeatWhatIsUnknown(): void {
    if (this.#marks.news(this.#inbox.notes) === undefined) return;
    setTimeout(() => this.#publishRead(), Math.random() * REPEAT_WITHIN_MS);
  }

  #read(ids: readonly string[]): void {
    if (this.#marks.mark(ids).length === 0) return;
    // Who has read all needs no word about it any more; a gap stays until it is acknowledged.
    if (this.#unread().length === 0 && !isGap(this.#replay)) this.#replay = NOTHING_MISSED;
    this.#changed();
    this.#publishRead();
  }

  #publishRead(): void {
    const news = this.#marks.news(this.#inbox.notes);
    // Without a connection it fails; it is said when the subscription is back.
    if (news !== undefined) this.#session?.publishRead(news).catch(() => {});
  }

  #unread(): Note[] {
    return this.#inbox.unread((id) => this.#marks.has(id));
  }

  #changed(): void {
    this.#remembering ??= setTimeout(() => this.#remember(), REMEMBER_AFTER_MS);
    this.#draw();
  }

  #remember(): void {
    clearTimeout(this.#remembering);
    this.#remembering = undefined;
    if (this.#session === undefined) return;
    const { positions } = this.#session;
    remember(this.#store, this.#user, { positions, notes: this.#inbox.notes, read: this.#marks.all() });
  }

  /** Once for all that happens in this turn: a hundred replayed notifications are one change of the screen. */
  #draw(): void {
    if (this.#drawing) return;
    this.#drawing = true;
    queueMicrotask(() => {
      this.#drawing = false;
      const unread = this.#unread().length;
      const isRead = (id: string) => this.#marks.has(id);
      this.#list.show(this.#inbox.shown(this.#filters.chosen, isRead), this.#filters.chosen, isRead);
      this.#tracker.show(this.#orders.list(), (order) => this.#orders.isSilent(order, Date.now()));
      this.#count.textContent = String(unread);
      this.#count.dataset.unread = String(unread);
      this.#readAll.disabled = unread === 0;
      this.#showReplay();
      showBadge(unread);
    });
  }

  #showReplay(): void {
    const sentence = sentenceOf(this.#replay);
    this.#replayed.hidden = sentence === '';
    this.#replayed.classList.toggle('gap', isGap(this.#replay));
    element('replayed-text', HTMLElement).textContent = sentence;
  }
}
