// A demo's own login: a method that anybody may call, on a short connection of its own, gives a token to connect with.

import { Centrifuge } from 'centrifuge';

import { endpoint } from './link.ts';

export interface Pass {
  readonly user: string;
  readonly token: string;
}

const WAIT_MAX_MS = 10_000;

/**
 * Calls a method such as `chat.login` as an anonymous visitor. Rejects with an `Error` whose message is fit to be shown.
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

/** What a login method answers. */
export function passOf(answer: unknown): Pass {
  const { user, token } = (answer ?? {}) as Record<string, unknown>;
  if (typeof user !== 'string' || typeof token !== 'string') throw new Error('The server’s answer has no user and token.');
  return { user, token };
}

/** What the client rejects with: its own errors are plain objects. */
function messageOf(problem: unknown): string {
  const message = (problem as { message?: unknown } | undefined)?.message;
  if (message === 'timeout') return 'The server does not answer.';
  return typeof message === 'string' && message !== '' ? message : 'The server cannot be reached.';
}
