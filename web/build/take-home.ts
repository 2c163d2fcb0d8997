// The chat's sources as one file beside its page, for whoever wants to make something of them: with what they import, in the
// same folders, so that nothing has to be rewritten.

import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

import type { Plugin } from 'vite';

/** From the folder above `web/`. Folders are taken whole. */
const TAKEN = [
  'examples/demo_chat.json',
  'examples/demo_chat.rs',
  'web/.npmrc',
  'web/build',
  'web/demo/chat',
  'web/demo/frame',
  'web/package-lock.json',
  'web/package.json',
  'web/public',
  'web/src',
  'web/tsconfig.json',
  'web/vite.config.ts',
];

/** What the copy shows at its root: where Vite says that it listens. */
const START = '<!doctype html>\n<html lang="en">\n<title>Chat</title>\n<meta http-equiv="refresh" content="0; url=/demo/chat/">\n</html>\n';

export function takeHome(): Plugin {
  let above = '';
  return {
    name: 'wavecast-take-home',
    configResolved({ root }) {
      above = join(root, '..');
    },
    async generateBundle() {
      // The folder of the pages is called web/, wherever it lies: see crates/server/build/web.rs.
      const names = (await Promise.all(TAKEN.map((name) => filesBelow(above, name)))).flat().sort();
      const files = await Promise.all(names.map(async (name) => ({ name, body: await readFile(join(above, name)) })));
      files.push({ name: 'web/index.html', body: Buffer.from(START) });
      this.emitFile({ type: 'asset', fileName: 'demo/chat/copy.tgz', source: gzipSync(archiveOf(files), { level: 9 }) });
    },
  };
}

async function filesBelow(above: string, name: string): Promise<string[]> {
  const path = join(above, name);
  if (!existsSync(path)) return [];
  const entries = await readdir(path, { withFileTypes: true }).catch(() => undefined);
  if (entries === undefined) return [name];
  return (await Promise.all(entries.map((entry) => filesBelow(above, `${name}/${entry.name}`)))).flat();
}

const BLOCK = 512;

/** A tar archive (POSIX.1-1988, "ustar"). The same files give the same bytes: it holds no times and no owners. */
export function archiveOf(files: readonly { readonly name: string; readonly body: Buffer }[]): Buffer {
  const blocks = files.flatMap(({ name, body }) => [headerOf(name, body.length), body, Buffer.alloc(-body.length & (BLOCK - 1))]);
  return Buffer.concat([...blocks, Buffer.alloc(2 * BLOCK)]);
}

function headerOf(name: string, bytes: number): Buffer {
  if (Buffer.byteLength(name) > 100) throw new Error(`${name} is too long a name for an archive`);
  const header = Buffer.alloc(BLOCK);
  const octal = (value: number, at: number, length: number) => header.write(value.toString(8).padStart(length - 1, '0'), at);
  header.write(name, 0);
  octal(0o644, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(bytes, 124, 12);
  octal(0, 136, 12);
  header.write(' '.repeat(8), 148);
  header.write('0', 156);
  header.write('ustar', 257);
  header.write('00', 263);
  octal(header.reduce((sum, byte) => sum + byte, 0), 148, 7);
  return header;
}
