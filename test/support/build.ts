// The command line as it is delivered: bundled into a directory of the test's own, beside links to what it needs.
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));

/**
 * @param home an empty directory, which is opened to others: the database's own user passes through it
 * @returns the program, for node; the launcher is `rollcall` in home, as in an npm package
 */
export function buildInto(home: string): string {
  chmodSync(home, 0o755);
  for (const name of ['node_modules', 'migrations', 'services', 'package.json'])
    symlinkSync(join(REPOSITORY, name), join(home, name));
  copyFileSync(join(REPOSITORY, 'rollcall'), join(home, 'rollcall'));
  const options = [join(REPOSITORY, 'build.mjs'), join(home, 'dist')];
  const { status, stderr } = spawnSync(process.execPath, options, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`the build failed: ${stderr}`);
  return join(home, 'dist/cli.cjs');
}
