// Who this page is: what `chat.login` gave, kept as long as the window, so that a reload is the same person and a second
// window another one. A second device of the same person gets it behind the # of a link, which no server is sent.

export interface Identity {
  readonly user: string;
  readonly name: string;
  readonly token: string;
}

export const NAME_CHARS_MAX = 24;

const KEY = 'wavecast-chat';
const MOODS = ['Quiet', 'Brisk', 'Sunny', 'Curious', 'Gentle', 'Bold', 'Early', 'Merry'];
const ANIMALS = ['Otter', 'Heron', 'Fox', 'Lynx', 'Wren', 'Seal', 'Marten', 'Swift'];

/** A name that nobody has to think of. `random` gives numbers from 0 to below 1. */
export function suggestedName(random: () => number): string {
  const one = (words: readonly string[]): string => words[Math.floor(random() * words.length)] ?? '';
  return `${one(MOODS)} ${one(ANIMALS)}`;
}

/** Reads an identity out of anything: a login's answer, what was stored, what a link brought. */
export function identityOf(value: unknown): Identity | undefined {
  const { user, name, token } = (value ?? {}) as Partial<Record<keyof Identity, unknown>>;
  if (typeof user !== 'string' || typeof name !== 'string' || typeof token !== 'string') return undefined;
  return user === '' || token === '' ? undefined : { user, name, token };
}

export function linkFor(page: string, identity: Identity): string {
  const { user, name, token } = identity;
  return `${page.split('#')[0]}#${new URLSearchParams({ user, name, token })}`;
}

export function identityInLink(hash: string): Identity | undefined {
  return identityOf(Object.fromEntries(new URLSearchParams(hash.replace(/^#/, ''))));
}

export function stored(storage: Pick<Storage, 'getItem'>): Identity | undefined {
  try {
    return identityOf(JSON.parse(storage.getItem(KEY) ?? 'null'));
  } catch {
    return undefined; // not ours, or storage is shut off
  }
}

export function store(storage: Pick<Storage, 'setItem' | 'removeItem'>, identity: Identity | undefined): void {
  try {
    if (identity === undefined) storage.removeItem(KEY);
    else storage.setItem(KEY, JSON.stringify(identity));
  } catch {
    // Storage is full or shut off: a reload asks for the name again.
  }
}
