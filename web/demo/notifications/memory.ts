// What a browser keeps while the page is closed: how far each stream was seen, together with what was seen. They are one
// entry, so that they are always of the same moment.

import type { Position } from '../../src/recovery.ts';
import { NOTES_MAX } from './inbox.ts';
import { isObject, orderStepOf, type Note, type StreamKey } from './note.ts';
import { MARKS_MAX } from './read-marks.ts';

export interface Memory {
  readonly positions: Readonly<Record<StreamKey, Position | undefined>>;
  readonly notes: readonly Note[];
  readonly read: readonly string[];
}

export const EMPTY: Memory = { positions: { all: undefined, user: undefined }, notes: [], read: [] };

/** The part of `localStorage` that is used. */
export interface Store {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
}

/** Another form of what is kept gets another name. */
const keyOf = (user: string) => `wavecast-notifications-1:${user}`;
const NAME_KEY = 'wavecast-notifications-name';

// [how Where this page was, for the next time it is opened
export function remember(store: Store, user: string, { positions, notes, read }: Memory): void {
  const entry = JSON.stringify({ positions, notes, read });
  quietly(() => store.setItem(keyOf(user), entry));
}
// how]

/** What cannot be understood is as good as nothing: the history is asked then. */
export function recall(store: Store, user: string): Memory {
  const entry = quietly(() => parsed(store.getItem(keyOf(user))));
  if (!isObject(entry) || !isObject(entry.positions)) return EMPTY;
  return {
    positions: { all: positionOf(entry.positions.all), user: positionOf(entry.positions.user) },
    notes: listOf(entry.notes).filter(isNote).slice(0, NOTES_MAX),
    read: listOf(entry.read).filter((id): id is string => typeof id === 'string').slice(0, MARKS_MAX),
  };
}

export function rememberName(store: Store, name: string): void {
  quietly(() => store.setItem(NAME_KEY, name));
}

export function recallName(store: Store): string | undefined {
  return quietly(() => store.getItem(NAME_KEY)) ?? undefined;
}

/** A browser may forbid its storage, or have no room: then the next visit begins at the history. */
function quietly<T>(attempt: () => T): T | undefined {
  try {
    return attempt();
  } catch {
    return undefined;
  }
}

function parsed(text: string | null): unknown {
  return text === null ? undefined : JSON.parse(text);
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function positionOf(value: unknown): Position | undefined {
  if (!isObject(value) || typeof value.epoch !== 'string' || !Number.isSafeInteger(value.offset)) return undefined;
  return { epoch: value.epoch, offset: value.offset as number };
}

function isNote(value: unknown): value is Note {
  if (!isObject(value)) return false;
  const texts = [value.id, value.title, value.text, value.from];
  return (
    texts.every((text) => typeof text === 'string') &&
    (value.stream === 'all' || value.stream === 'user') &&
    Number.isSafeInteger(value.offset) &&
    Number.isFinite(value.timeMs) &&
    typeof value.isTimeKnown === 'boolean' &&
    typeof value.isMissed === 'boolean' &&
    (value.order === undefined || orderStepOf(value) !== undefined)
  );
}

/** The browser's own; where it is forbidden even to look, one that forgets. */
export function browserStore(): Store {
  return quietly(() => localStorage) ?? { getItem: () => null, setItem: () => {} };
}
