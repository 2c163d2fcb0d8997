// What a message carries: how this page writes it, and how it shows what others wrote.

import { SENT_FIELD } from './latency.ts';

/** Longer texts are cut on the screen; nothing is cut on the wire. */
export const SHOWN_CHARS_MAX = 2_000;

/** Text from the box becomes `{"text": …, "sent_ms": …}`, so that every receiver can tell the latency. */
export function textPayload(text: string, sentMs: number): Record<string, unknown> {
  return { text, [SENT_FIELD]: sentMs };
}

export type JsonPayload = { readonly data: unknown } | { readonly problem: string };

/** JSON from the box goes out as it stands. */
export function jsonPayload(source: string): JsonPayload {
  try {
    return { data: JSON.parse(source) as unknown };
  } catch (error) {
    return { problem: `That is not JSON: ${error instanceof Error ? error.message : String(error)}` };
  }
}

/** One line for the list: our own `text` field where it is the message, else the data as JSON. */
export function shownText(data: unknown): string {
  const text = ownText(data) ?? (typeof data === 'string' ? data : (JSON.stringify(data) ?? ''));
  return text.length > SHOWN_CHARS_MAX ? `${text.slice(0, SHOWN_CHARS_MAX)}…` : text;
}

/** Undefined as soon as the data says anything else besides: hiding a field would be a lie. */
function ownText(data: unknown): string | undefined {
  if (typeof data !== 'object' || data === null || Array.isArray(data)) return undefined;
  const fields = data as Record<string, unknown>;
  const others = Object.keys(fields).filter((name) => name !== 'text' && name !== SENT_FIELD);
  return typeof fields.text === 'string' && others.length === 0 ? fields.text : undefined;
}
