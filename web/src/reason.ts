// The numbers a server gives with an end or a refusal, in words that say what to do.

const ADVICE: Readonly<Record<number, string>> = {
  101: 'The server wants to know who you are: give it a token.',
  102: 'The server knows no such channel or namespace.',
  103: 'The server’s settings do not allow this for this channel.',
  106: 'A limit of the server is reached.',
  109: 'The token has expired: give a fresh one.',
  111: 'The server has more than it can take at the moment.',
  1009: 'The message was larger than the server accepts.',
  3001: 'The server is shutting down.',
  3008: 'This page did not take its messages fast enough.',
  3012: 'The server heard nothing from this page for too long.',
  3500: 'The server does not accept this token.',
  3501: 'The server may want a token before it lets anybody in.',
  3503: 'The server ended this connection on purpose.',
  3507: 'The server does not let this user in.',
};

/** Below this are the client's own numbers, which nobody can look up. */
const SERVER_CODES_MIN = 100;

/** "3001 shutdown. The server is shutting down." */
export function describe(code: number, reason: string): string {
  if (code < SERVER_CODES_MIN) return reason === 'transport closed' ? 'the server cannot be reached' : reason;
  const advice = ADVICE[code];
  const what = reason === '' ? `code ${code}` : `${code} ${reason}`;
  return advice === undefined ? what : `${what}. ${advice}`;
}
