// Where the clients of this run live: `$TESTED_RUNTIME`, `node` (the default: in the test's own process) or `chromium`.

import { EventSource } from 'eventsource';
import WebSocket from 'ws';

const RUNTIME = process.env.TESTED_RUNTIME ?? 'node';
if (!['node', 'chromium'].includes(RUNTIME)) throw new Error(`no runtime: ${RUNTIME}`);

export const IS_CHROMIUM = RUNTIME === 'chromium';

const { RemoteClient } = IS_CHROMIUM ? await import('./remote/client.js') : {};

/** How many come where a test has so many come at once: from a browser fewer, since it needs a frame for every four of them. */
export const crowd = (count) => (IS_CHROMIUM ? 24 : count);

/** What browsers bring themselves. */
const LACKING = { websocket: WebSocket, eventsource: EventSource };

/** A client of the library, made with what it is made with. */
export function create(encoding, endpoint, options) {
  if (IS_CHROMIUM) return new RemoteClient(encoding.name, endpoint, options);
  return new encoding.Client(endpoint, { ...LACKING, ...options });
}
