// The number of unread notifications on the tab: in its title and on its icon.

const PAGE_TITLE = document.title;
const NUMBER_MAX = 9;

// Pictures of the same host: the page's policy allows no others, and none made by a script.
const BADGES: Record<string, string> = import.meta.glob<string>('./badge/*.svg', { eager: true, query: '?url', import: 'default' });
const PLAIN = '/favicon.svg';

let shown = 0;

export function showBadge(unread: number): void {
  if (unread === shown) return;
  shown = unread;
  document.title = unread === 0 ? PAGE_TITLE : `(${unread}) ${PAGE_TITLE}`;
  const icon = document.querySelector<HTMLLinkElement>('link[rel="icon"]');
  if (icon !== null) icon.href = iconFor(unread);
}

function iconFor(unread: number): string {
  if (unread === 0) return PLAIN;
  return BADGES[`./badge/${unread > NUMBER_MAX ? 'more' : unread}.svg`] ?? PLAIN;
}
