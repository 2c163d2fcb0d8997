// One notification: from what was published to what the page shows. Whoever can publish can send anything, so nothing is
// believed of its form.

/** Which of the two streams: what everybody gets, or what this user gets. */
export type StreamKey = 'all' | 'user';

export interface OrderStep {
  readonly id: string;
  readonly item: string;
  /** The last step that was reached; none yet: -1. */
  readonly step: number;
  /** How far it is to the next one, 0 to 1. */
  readonly way: number;
}

export interface Note {
  /** The same in every window: stream, epoch and offset are what a publication's place is. */
  readonly id: string;
  readonly stream: StreamKey;
  readonly offset: number;
  readonly title: string;
  readonly text: string;
  /** The user who sent it; empty for the back end. */
  readonly from: string;
  /** When it was sent, or else when it came here; Unix milliseconds. */
  readonly timeMs: number;
  /** False where the sender does not say when it was, and this page was not there. */
  readonly isTimeKnown: boolean;
  /** It was replayed: this page was not there when it was sent. */
  readonly isMissed: boolean;
  readonly order: OrderStep | undefined;
}

export const STEPS_OF_ORDER = ['Received', 'Paid', 'Packed', 'On its way', 'Delivered'] as const;

/** How a note came: at once, replayed after an absence, or from the history of a time before the first visit. */
export type Way = 'live' | 'missed' | 'before';

const TITLE_CHARS_MAX = 120;
const TEXT_CHARS_MAX = 600;

export interface Place {
  readonly stream: StreamKey;
  readonly epoch: string;
  readonly offset: number;
}

export function noteOf(data: unknown, place: Place, nowMs: number, way: Way): Note {
  const { stream, epoch, offset } = place;
  const fields = isObject(data) ? data : {};
  const title = textIn(fields, 'title');
  const text = textIn(fields, 'text');
  const sentMs = typeof fields.at === 'number' && Number.isFinite(fields.at) ? fields.at : undefined;
  return {
    id: `${stream}/${epoch}/${offset}`,
    stream,
    offset,
    title: cut(title === '' ? (text === '' ? 'A message without a title' : text) : title, TITLE_CHARS_MAX),
    text: cut(title === '' && text === '' ? JSON.stringify(data) ?? '' : title === '' ? '' : text, TEXT_CHARS_MAX),
    from: textIn(fields, 'from'),
    // A clock that runs ahead would keep its message on top for ever.
    timeMs: sentMs === undefined ? nowMs : Math.min(sentMs, nowMs),
    isTimeKnown: sentMs !== undefined || way === 'live',
    isMissed: way === 'missed',
    order: orderStepOf(data),
  };
}

/** What a publication says of an order, if it is about one. */
export function orderStepOf(data: unknown): OrderStep | undefined {
  const order = isObject(data) ? data.order : undefined;
  if (!isObject(order) || typeof order.id !== 'string') return undefined;
  const last = STEPS_OF_ORDER.length - 1;
  const step = typeof order.step === 'number' && Number.isInteger(order.step) ? order.step : -1;
  const way = typeof order.way === 'number' && order.way >= 0 && order.way <= 1 ? order.way : 0;
  return { id: cut(order.id, 40), item: cut(textIn(order, 'item'), 60), step: Math.max(-1, Math.min(last, step)), way };
}

function textIn(fields: Record<string, unknown>, name: string): string {
  const value = fields[name];
  return typeof value === 'string' ? value.trim() : '';
}

function cut(text: string, charsMax: number): string {
  return text.length > charsMax ? `${text.slice(0, charsMax - 1)}…` : text;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
