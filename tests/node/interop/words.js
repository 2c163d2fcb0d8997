// What a test and a program say to each other, a line at a time; `tests/tests/interop/program.rs` has the list.

import { createInterface } from 'node:readline';

/** Orders, as lists of words. */
export async function* orders() {
  for await (const line of createInterface({ input: process.stdin })) yield line.split(' ');
}

export const say = (...words) => process.stdout.write(`${words.join(' ')}\n`);

/** A payload as a word: never empty, without spaces. */
export const word = (payload) => `:${Buffer.from(payload ?? '').toString('base64')}`;

export const payloadOf = (word) => Buffer.from(word.slice(1), 'base64');

export const textOf = (word) => payloadOf(word).toString('utf8');
