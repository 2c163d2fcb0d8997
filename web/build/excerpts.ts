// Code on a page that cannot drift: `import lines from './chat.ts?how'` gives the marked lines of that source.
//
// Marks stand on lines of their own, in comments: `// [how` and a title, and `// how]`. An excerpt without its end, or a
// source without any, stops the build.

import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

import type { Plugin } from 'vite';

export interface Excerpt {
  readonly title: string;
  /** Without the indentation that all its lines have. */
  readonly code: string;
}

const ASKED = '?how';
/** Other plug-ins would take a name that ends in `.ts` for a source. */
const MARK = '\0how:';
const BEGIN = /^\s*\/\/ \[how\b(.*)$/;
const END = /^\s*\/\/ how\]\s*$/;

export function excerpts(): Plugin {
  return {
    name: 'wavecast-excerpts',
    enforce: 'pre',
    resolveId(source, importer) {
      if (!source.endsWith(ASKED) || importer === undefined) return null;
      return MARK + resolve(dirname(importer), source.slice(0, -ASKED.length)) + '.js';
    },
    async load(id) {
      if (!id.startsWith(MARK)) return null;
      const path = id.slice(MARK.length, -'.js'.length);
      this.addWatchFile(path);
      const found = excerptsOf(await readFile(path, 'utf8'));
      if (found.length === 0) this.error(`${path} has no lines marked with "// [how"`);
      return `export default ${JSON.stringify(found)};`;
    },
  };
}

/** The marked lines of a source, in their order. */
export function excerptsOf(source: string): Excerpt[] {
  const found: Excerpt[] = [];
  let title: string | undefined;
  let lines: string[] = [];
  for (const line of source.split('\n')) {
    const begin = BEGIN.exec(line);
    if (begin !== null) {
      if (title !== undefined) throw new Error(`"${title}" has no end before "${line.trim()}"`);
      title = (begin[1] ?? '').trim();
      lines = [];
    } else if (END.test(line)) {
      if (title === undefined) throw new Error('an excerpt ends that has not begun');
      found.push({ title, code: outdented(lines) });
      title = undefined;
    } else if (title !== undefined) {
      lines.push(line);
    }
  }
  if (title !== undefined) throw new Error(`"${title}" has no end`);
  return found;
}

function outdented(lines: readonly string[]): string {
  const indents = lines.filter((line) => line.trim() !== '').map((line) => line.search(/\S/));
  const common = Math.min(...indents, Number.MAX_SAFE_INTEGER);
  return lines.map((line) => line.slice(common)).join('\n').trim();
}
