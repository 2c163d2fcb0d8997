// The command that sends a notification from a terminal: what the form would send, ready to paste into a POSIX shell.

export interface Draft {
  /** A user, or empty for everybody. */
  readonly to: string;
  readonly title: string;
  readonly text: string;
}

export function channelFor(user: string): string {
  return user === '' ? 'notify:all' : `notify:user#${user}`;
}

export function sendCommand(origin: string, { to, title, text }: Draft): string {
  const data = text === '' ? { title } : { title, text };
  const body = JSON.stringify({ channel: channelFor(to), data });
  return `curl ${origin}/api/publish \\\n  -d ${shellQuote(body)}`;
}

/** Single quotes keep everything but themselves. */
function shellQuote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
