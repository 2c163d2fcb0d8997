// A demo's own login: a method that anybody may call, on a short connection of its own, gives a token to connect with.

import { Centrifuge } from 'centrifuge';

import { endpoint } from './link.ts';
import { passOf, type Pass } from './pass.ts';

export type { Pass } from './pass.ts';

const WAIT_MAX_MS = 10_000;

/**
 * Calls a method such as `chat.login` as an anonymous visitor. A token holds as long as the server's process where no secret is
 * configured: a client that ends with 3500 (invalid token) has to log in again. Rejects with an `Error` whose message is fit to be shown.
 * `websocket` is for the panel: `frame.options().websocket`.
 */
export async function logIn(method: string, data: unknown, websocket: typeof WebSocket = WebSocket): Promise<Pass> {
  const client = new Centrifuge(endpoint(), { name: 'wavecast-demo-login', websocket });
  try {
    client.connect();
    await client.ready(WAIT_MAX_MS);
    return passOf((await client.rpc(method, data)).data);
  } catch (problem) {
    throw new Error(messageOf(problem));
  } finally {
    client.disconnect();
  }
}

/** What the client rejects with: its own errors are plain objects. */
function messageOf(problem: unknown): string {
  const message = (problem as { message?: unknown } | undefined)?.message;
  if (message === 'timeout') return 'The server does not answer.';
  return typeof message === 'string' && message !== '' ? message : 'The server cannot be reached.';
}
