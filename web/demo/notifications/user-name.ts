// Who the visitor is: the name in the address, the one of the last visit, or a new one.

export const NAME_CHARS_MAX = 24;

const NAMES = ['ann', 'ben', 'cora', 'dan', 'eva', 'finn', 'gwen', 'hugo', 'ida', 'jon', 'kim', 'leo', 'mia', 'ned', 'ola', 'pia'];

/** As the back end wants it; undefined where it would refuse. */
export function nameOf(text: string): string | undefined {
  const name = text.trim().toLowerCase();
  return name !== '' && name.length <= NAME_CHARS_MAX && /^[a-z0-9-]+$/.test(name) ? name : undefined;
}

export function nameIn(search: string): string | undefined {
  return nameOf(new URLSearchParams(search).get('user') ?? '');
}

/** Visitors of one server are to meet only where they want to. */
export function newName(random: () => number = Math.random): string {
  const name = NAMES[Math.floor(random() * NAMES.length)] ?? 'ann';
  return `${name}-${100 + Math.floor(random() * 900)}`;
}

/** The next one of the list, for a second window that is somebody else's. */
export function otherThan(name: string): string {
  return name === 'bob' ? 'alice' : 'bob';
}
