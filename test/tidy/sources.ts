// What is written in this repository, for the tests that read it.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../', import.meta.url));

export interface Source {
  /** Below the root of the repository. */
  readonly path: string;
  readonly text: string;
  readonly lines: readonly string[];
}

/** What lies in none of these is not ours, or is made from what is. */
const ROOMS = ['bench', 'cli', 'docs', 'domain', 'migrations', 'services', 'test', 'workers'];

/** All files whose names match, in our rooms and beside them. */
export function sources(pattern: RegExp): Source[] {
  const found: Source[] = [];
  const add = (path: string) => {
    const text = readFileSync(join(root, path), 'utf8');
    found.push({ path, text, lines: text.split('\n') });
  };
  for (const top of readdirSync(root, { withFileTypes: true })) {
    if (top.isFile() && pattern.test(top.name)) add(top.name);
    if (!ROOMS.includes(top.name)) continue;
    for (const entry of readdirSync(join(root, top.name), { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name).slice(root.length);
      if (entry.isFile() && pattern.test(path)) add(path);
    }
  }
  return found;
}
