// Versions: Node, and the programs that scripts of a restore bundle call.
import { spawnSync } from 'node:child_process';
import { rollcallVersion } from '../process/edition.ts';
import { bad, ok, warning, type Check } from './check.ts';

const NODE_MIN = 20;
const RSYNC_MIN = [3, 2, 4];
const LIMIT_MS = 5_000;
const EMPTY_SHA256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

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
      ?.trim() ?? 'no version printed'
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
  const least = RSYNC_MIN.join('.');
  const next = `install rsync ${least} or newer, or restore on a machine that has one`;
  if (version === undefined) return bad('rsync', `does not say its version: ${line}; restore.sh refuses it`, next);
  return isAtLeast(version.split('.').map(Number), RSYNC_MIN)
    ? ok('rsync', version)
    : bad('rsync', `${version} is older than ${least}; restore.sh refuses it`, next);
}

/** Asked as restore.sh asks it: what the program does decides, and what it calls itself is worth a warning. */
function checkNeeded(program: string, gnu: RegExp, asked: readonly string[], input: string): Check {
  const line = versionOf(program);
  if (line === null) return bad(program, 'is missing; restore.sh needs it', 'apt-get install coreutils findutils');
  const next = 'put GNU coreutils and findutils first in PATH, or restore on a machine that has them';
  const { status } = spawnSync(program, asked, { input, stdio: ['pipe', 'ignore', 'ignore'], timeout: LIMIT_MS });
  if (status !== 0) return bad(program, `does not do what the GNU one does; restore.sh refuses it: ${line}`, next);
  return gnu.test(line) ? ok(program, line) : warning(program, `is not the GNU one: ${line}`, next);
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
    checkNeeded('sha256sum', /GNU coreutils/, ['--quiet', '--strict', '-c', '-'], `${EMPTY_SHA256}  /dev/null\n`),
    checkNeeded('xargs', /GNU findutils/, ['-0', '-r', '-x', '-n', '1', '-s', '4000', 'true'], 'a\0'),
    xxhsum === null
      ? warning(
          'xxhsum',
          'is missing; the lists NN.xxh64 of a bundle can then be checked by rollcall verify only',
          'apt-get install xxhash',
        )
      : ok('xxhsum', xxhsum),
  ];
}
