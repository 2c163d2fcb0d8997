// What stands in the list of one room, line by line: messages, what happened among them, what is on its way.

import type { Conversation, Message } from './conversation.ts';
import type { Draft } from './outbox.ts';

/** Something that happened, told among the messages. */
export interface Notice {
  readonly id: number;
  /** It stands behind the message with this offset. */
  readonly after: number;
  readonly text: string;
  readonly isBad: boolean;
}

export type Row =
  | { readonly kind: 'message'; readonly key: string; readonly message: Message; readonly isMine: boolean; readonly isFirst: boolean }
  | { readonly kind: 'draft'; readonly key: string; readonly draft: Draft; readonly isFirst: boolean }
  | { readonly kind: 'notice'; readonly key: string; readonly text: string; readonly isBad: boolean }
  | { readonly kind: 'divider'; readonly key: string; readonly text: string };

/** Messages of one person within this time stand together under one name. */
const TOGETHER_MS = 5 * 60_000;

export interface Shown {
  readonly conversation: Conversation;
  readonly notices: readonly Notice[];
  readonly drafts: readonly Draft[];
  /** Behind this offset begins what was unread when the room was entered; undefined where nothing was. */
  readonly divider: number | undefined;
  readonly me: string;
}

export function rowsOf({ conversation, notices, drafts, divider, me }: Shown): Row[] {
  const rows: Row[] = [];
  const waiting = [...notices];
  const tell = (upTo: number): void => {
    while (waiting[0] !== undefined && waiting[0].after < upTo) {
      const { id, text, isBad } = waiting.shift() as Notice;
      rows.push({ kind: 'notice', key: `n${id}`, text, isBad });
    }
  };
  let isDivided = divider === undefined;
  for (const message of conversation.messages) {
    tell(message.offset);
    const missing = conversation.missingBefore(message);
    if (missing > 0) {
      const text = `${missing === 1 ? 'A message is' : `${missing} messages are`} missing here: the history does not reach back that far.`;
      rows.push({ kind: 'notice', key: `h${message.offset}`, text, isBad: true });
    }
    const isMine = me !== '' && message.user === me;
    if (!isDivided && !isMine && message.offset > (divider ?? 0)) {
      rows.push({ kind: 'divider', key: 'divider', text: 'New' });
      isDivided = true;
    }
    rows.push({ kind: 'message', key: `m${message.offset}`, message, isMine, isFirst: !isTogether(rows.at(-1), message) });
  }
  tell(Infinity);
  for (const draft of drafts) {
    const before = rows.at(-1);
    const isFirst = !(before?.kind === 'draft' || (before?.kind === 'message' && before.isMine));
    rows.push({ kind: 'draft', key: `d${draft.id}`, draft, isFirst });
  }
  return rows;
}

function isTogether(before: Row | undefined, { user, name, atMs }: Message): boolean {
  if (before?.kind !== 'message') return false;
  const other = before.message;
  return other.user === user && other.name === name && atMs - other.atMs < TOGETHER_MS;
}
