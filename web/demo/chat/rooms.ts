// Rooms: their names, their channels, and which ones this page has.

/** Those that the back end greets in. */
export const FIRST_ROOMS: readonly string[] = ['lobby', 'ideas', 'coffee', 'help'];
/** Each is a subscription of this page. */
export const ROOMS_MAX = 12;

export const roomChannel = (room: string): string => `chat:${room}`;
export const hereChannel = (room: string): string => `chat-here:${room}`;
export const ownChannel = (user: string): string => `chat-me:#${user}`;

/** The same rule as the namespace's `channel_regex`. */
export function isRoomName(name: string): boolean {
  return /^[a-z0-9-]{1,24}$/.test(name);
}

/** What somebody typed, as near to a room's name as it can be; empty where nothing is left of it. */
export function roomNameFrom(typed: string): string {
  const plain = typed.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();
  return plain.replace(/[^a-z0-9]+/g, '-').replace(/^-+/, '').slice(0, 24).replace(/-+$/, '');
}

/** The room that the address asks for, so that a reload or a shared link opens the same one. */
export function roomIn(search: string): string {
  const asked = new URLSearchParams(search).get('room') ?? '';
  return isRoomName(asked) ? asked : 'lobby';
}
