// Notifications of the desktop: only where the visitor has allowed them, and only while the page is out of sight.

import type { Note } from './note.ts';

export type Permission = NotificationPermission | 'unsupported';

export function permission(): Permission {
  return 'Notification' in window ? Notification.permission : 'unsupported';
}

/** Browsers ask only upon a click. */
export async function askPermission(): Promise<Permission> {
  return 'Notification' in window ? Notification.requestPermission() : 'unsupported';
}

export function showOnDesktop({ id, title, text }: Note): void {
  if (permission() !== 'granted' || !document.hidden) return;
  try {
    // Windows of one user say the same: with the same tag the system shows it once.
    const shown = new Notification(title, { body: text, tag: id, icon: '/favicon.svg' });
    shown.addEventListener('click', () => {
      window.focus();
      shown.close();
    });
  } catch {
    // Some phones have the object, and let nobody make one.
  }
}
