// What a login method answers: who the visitor is now, and the token that says so.

export interface Pass {
  readonly user: string;
  readonly token: string;
}

export function passOf(answer: unknown): Pass {
  const { user, token } = (answer ?? {}) as Record<string, unknown>;
  if (typeof user !== 'string' || typeof token !== 'string') throw new Error('The server’s answer has no user and token.');
  return { user, token };
}
