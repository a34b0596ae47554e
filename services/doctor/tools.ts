// Versions: Node, and the programs that scripts of a restore bundle call.
import { spawnSync } from 'node:child_process';
import { rollcallVersion } from './edition.ts';
import { bad, ok, warning, type Check } from './check.ts';

const NODE_MIN = 20;
const RSYNC_MIN = [3, 2, 4];
const LIMIT_MS = 5_000;

/** The first line of what `PROGRAM --version` prints; null if there is no such program. */
function versionOf(program: string): string | null {
  const answer = spawnSync(program, ['--version'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: LIMIT_MS,
  });
  if (answer.error !== undefined) return null;
  return (
    `${answer.stdout}${answer.stderr}`
      .split('\n')
      .find((line) => line.trim() !== '')
      ?.trim() ?? 'no version told'
  );
}

/** Compares number by number: 3.2.10 is newer than 3.2.4. */
function isAtLeast(version: readonly number[], least: readonly number[]): boolean {
  for (const [index, part] of least.entries()) {
    const own = version[index] ?? 0;
    if (own !== part) return own > part;
  }
  return true;
}

export function checkRsync(line: string | null): Check {
  if (line === null) return bad('rsync', 'is missing; restore.sh needs it', 'apt-get install rsync');
  const version = /version v?(\d+(?:\.\d+)*)/.exec(line)?.[1];
  if (version === undefined)
    return warning('rsync', `does not say its version: ${line}`, 'install GNU rsync 3.2.4 or newer');
  return isAtLeast(version.split('.').map(Number), RSYNC_MIN)
    ? ok('rsync', version)
    : warning(
        'rsync',
        `${version} is older than ${RSYNC_MIN.join('.')}`,
        'restore with a newer rsync where names hold unusual characters',
      );
}

function checkNeeded(program: string, wants: RegExp): Check {
  const line = versionOf(program);
  if (line === null) return bad(program, 'is missing; restore.sh needs it', 'apt-get install coreutils findutils');
  return wants.test(line)
    ? ok(program, line)
    : warning(program, `is not the GNU one: ${line}`, 'restore on a machine with GNU coreutils and findutils');
}

export function checkTools(): readonly Check[] {
  const major = Number.parseInt(process.versions.node, 10);
  const xxhsum = versionOf('xxhsum');
  return [
    ok('rollcall', rollcallVersion()),
    major >= NODE_MIN
      ? ok('node', process.versions.node)
      : bad('node', `${process.versions.node} is too old`, `install Node ${NODE_MIN} or newer`),
    checkRsync(versionOf('rsync')),
    checkNeeded('sha256sum', /GNU coreutils/),
    checkNeeded('xargs', /GNU findutils/),
    xxhsum === null
      ? warning(
          'xxhsum',
          'is missing; the lists NN.xxh64 of a bundle can then be checked by rollcall verify only',
          'apt-get install xxhash',
        )
      : ok('xxhsum', xxhsum),
  ];
}
