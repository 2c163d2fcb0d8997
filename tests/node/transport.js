// Which transport the tests of this run go by: `$TESTED_TRANSPORT`, `websocket` (the default), `http_stream` or `sse`.

export const TRANSPORT = process.env.TESTED_TRANSPORT ?? 'websocket';

/** Whether clients have a connection of their own in both directions. */
export const IS_WEBSOCKET = TRANSPORT === 'websocket';

/** What switches the transport on, for whatever configuration a server has. */
export const ENVIRONMENT = IS_WEBSOCKET ? {} : { [`WAVECAST_${TRANSPORT.toUpperCase()}_ENABLED`]: 'true' };

/** What a client of the library is made with to reach the server behind a WebSocket endpoint. */
export function way(endpoint) {
  if (IS_WEBSOCKET) return { endpoint, options: {} };
  const { host, search } = new URL(endpoint);
  const at = (path) => `http://${host}${path}`;
  return {
    endpoint: [{ transport: TRANSPORT, endpoint: at(`/connection/${TRANSPORT}${search}`) }],
    options: { emulationEndpoint: at('/emulation') },
  };
}
