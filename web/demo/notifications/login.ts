// The demo's own login: a name becomes a token. A real application has asked for a password before.

import { Centrifuge } from 'centrifuge';

const LOGIN_TIME_MAX_MS = 5_000;

/** Rejects where the server cannot be reached or refuses the name; the client asks again then. */
export async function login(endpoint: string, name: string): Promise<string> {
  const anonymous = new Centrifuge(endpoint, { name: 'wavecast-demo', timeout: LOGIN_TIME_MAX_MS });
  const lost = new Promise<never>((_, reject) => {
    anonymous.on('error', ({ error }) => reject(new Error(error.message)));
    anonymous.on('disconnected', ({ reason }) => reject(new Error(reason)));
  });
  try {
    anonymous.connect();
    const { data } = await Promise.race([anonymous.rpc('notify.login', { name }), lost]);
    return String((data as { token?: unknown }).token);
  } finally {
    lost.catch(() => {});
    anonymous.disconnect();
  }
}
