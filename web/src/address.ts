// The channels stand in the page's address, so that a reload or a shared link opens the same ones.

const DEFAULT_CHANNEL = 'demo';

export function channelsIn(search: string): string[] {
  const names = new URLSearchParams(search).getAll('channel').filter((name) => name !== '');
  return names.length === 0 ? [DEFAULT_CHANNEL] : [...new Set(names)];
}

export function addressWith(pathname: string, channels: readonly string[]): string {
  if (channels.length === 0 || (channels.length === 1 && channels[0] === DEFAULT_CHANNEL)) return pathname;
  return `${pathname}?${new URLSearchParams(channels.map((name) => ['channel', name]))}`;
}
