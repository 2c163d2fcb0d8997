// The commands by which a developer takes this chat home, for a POSIX shell with curl, tar and Node.js.

/** `origin` is the server that has the sources, and that the copy talks to. */
export function copyCommands(origin: string): string {
  return [
    'mkdir my-chat && cd my-chat',
    `curl -sf ${origin}/demo/chat/copy.tgz | tar xz`,
    'cd web && npm ci --ignore-scripts',
    `WAVECAST=${origin} npm run dev`,
  ].join('\n');
}
