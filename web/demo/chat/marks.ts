// Up to where a user has read each room. Devices tell each other over the user's own channel, of which the server keeps the
// latest publication; so each publishes all it knows, and a merge of any two, in any order, gives the same.

import { isRoomName, ROOMS_MAX } from './rooms.ts';

export interface Mark {
  /** The life of the room's stream: an offset means nothing in another one. */
  readonly epoch: string;
  readonly offset: number;
}

export type Marks = Readonly<Record<string, Mark>>;

/** Reads what a device has published. It is the user's own device, but maybe another version of this page. */
export function marksOf(data: unknown): Marks {
  const read = (data as { read?: unknown } | null)?.read;
  if (typeof read !== 'object' || read === null) return {};
  const marks: Record<string, Mark> = {};
  for (const [room, mark] of Object.entries(read as Record<string, Partial<Mark> | null>).slice(0, ROOMS_MAX)) {
    if (!isRoomName(room) || typeof mark?.epoch !== 'string' || !Number.isSafeInteger(mark.offset)) continue;
    marks[room] = { epoch: mark.epoch, offset: mark.offset as number };
  }
  return marks;
}

/**
 * What both know together. Within one epoch the further one counts; between two the one that `epochs` says is the room's own
 * now, else theirs.
 */
export function merged(ours: Marks, theirs: Marks, epochs: Readonly<Record<string, string>>): Marks {
  const both: Record<string, Mark> = { ...ours };
  for (const [room, mark] of Object.entries(theirs)) {
    const own = both[room];
    if (own === undefined && Object.keys(both).length >= ROOMS_MAX) continue;
    if (own === undefined || isAhead(mark, own, epochs[room])) both[room] = mark;
  }
  return both;
}

/** Whether `more` holds anything that `less` does not. */
export function hasMore(more: Marks, less: Marks): boolean {
  return Object.entries(more).some(([room, { epoch, offset }]) => {
    const other = less[room];
    return other === undefined || other.epoch !== epoch || other.offset < offset;
  });
}

/** The offset up to which a room is read, in this life of its stream. */
export function readUpTo(marks: Marks, room: string, epoch: string): number {
  const mark = marks[room];
  return mark?.epoch === epoch ? mark.offset : 0;
}

function isAhead(theirs: Mark, ours: Mark, epoch: string | undefined): boolean {
  if (theirs.epoch === ours.epoch) return theirs.offset > ours.offset;
  return ours.epoch !== epoch;
}
