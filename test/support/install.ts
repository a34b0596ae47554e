// The command line as it is delivered, in a directory of the test's own: what was built before the first test, beside
// links to what it needs.
import { chmodSync, copyFileSync, cpSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { REPOSITORY } from './programs.ts';

/**
 * @param home an empty directory, which is opened to others: the database's own user passes through it
 * @returns the program, for node; the launcher is `rollcall` in home, as in an npm package
 */
export function installInto(home: string): string {
  chmodSync(home, 0o755);
  for (const name of ['node_modules', 'migrations', 'services', 'package.json'])
    symlinkSync(join(REPOSITORY, name), join(home, name));
  copyFileSync(join(REPOSITORY, 'rollcall'), join(home, 'rollcall'));
  cpSync(join(REPOSITORY, 'dist'), join(home, 'dist'), { recursive: true });
  return join(home, 'dist/cli.cjs');
}
