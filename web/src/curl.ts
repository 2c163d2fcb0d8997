// The command that publishes from a terminal, ready to paste into a POSIX shell.

import { SENT_FIELD } from './latency.ts';

export interface CurlOptions {
  /** Scheme, host and port of the server, without a trailing slash. */
  readonly origin: string;
  readonly channel: string;
  /** Adds the header that a server with an API key asks for. */
  readonly apiKey: boolean;
  /** Adds the sending time, in GNU date's notation. */
  readonly timeStamp: boolean;
}

export function curlCommand(options: CurlOptions): string {
  const lines = [`curl ${shellWord(`${options.origin}/api/publish`)}`];
  if (options.apiKey) lines.push(`-H 'X-API-Key: YOUR_KEY'`);
  lines.push(`-d ${body(options)}`);
  return lines.join(' \\\n  ');
}

function body({ channel, timeStamp }: CurlOptions): string {
  const json = JSON.stringify({ channel, data: { text: 'Hello from a terminal' } });
  if (!timeStamp) return shellQuote(json);
  // The quotation ends for the one part that the shell has to work out.
  const head = json.slice(0, -'}}'.length);
  return `${shellQuote(`${head},"${SENT_FIELD}":`)}$(date +%s%3N)${shellQuote('}}')}`;
}

/** Left bare where every character is plain to a shell. */
function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : shellQuote(word);
}

/** Single quotes keep everything but themselves. */
function shellQuote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
