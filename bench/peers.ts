// The programs that Rollcall is measured against, as an administrator would call them. Both sides are directories
// without a slash at the end.
import { spawnSync } from 'node:child_process';
import type { Ground } from './ground.ts';
import type { Command, Subject } from './runs.ts';

/** What is called, the Debian package that has it, and how it says its version. */
const PROGRAMS = {
  rsync: { package: 'rsync', version: ['--version'] },
  rclone: { package: 'rclone', version: ['version'] },
  hashdeep: { package: 'hashdeep', version: ['-V'] },
  xxhsum: { package: 'xxhash', version: ['--version'] },
  diff: { package: 'diffutils', version: ['--version'] },
  find: { package: 'findutils', version: ['--version'] },
  xargs: { package: 'findutils', version: ['--version'] },
  bfs: { package: 'bfs', version: ['--version'] },
} as const;

type Program = keyof typeof PROGRAMS;

/** The first line of what each says; null where it is missing. */
export function versionsOfPeers(): Record<Program, string | null> {
  const versions = Object.entries(PROGRAMS).map(([name, { version }]) => {
    const { stdout, stderr, error } = spawnSync(name, version, { encoding: 'utf8' });
    return [name, error === undefined ? (`${stdout}${stderr}`.trim().split('\n')[0] ?? '') : null];
  });
  return Object.fromEntries(versions) as Record<Program, string | null>;
}

const installed = new Map<Program, boolean>();

function isInstalled(program: Program): boolean {
  let known = installed.get(program);
  if (known === undefined) {
    known = spawnSync(program, PROGRAMS[program].version).error === undefined;
    installed.set(program, known);
  }
  return known;
}

function peer(name: string, programs: readonly Program[], argv: Command['argv']): Subject {
  const lacking = programs.filter((program) => !isInstalled(program));
  const command = (): Command => ({ argv, exits: [0] });
  if (lacking.length === 0) return { name, command };
  const packages = lacking.map((program) => PROGRAMS[program].package).join(', ');
  return { name, command, missing: `not installed: ${lacking.join(', ')} (Debian: ${packages})` };
}

/** A shell script over directories that come as positional parameters. */
function script(name: string, programs: readonly Program[], text: string, ...parameters: readonly string[]): Subject {
  return peer(name, programs, ['sh', '-c', text, 'sh', ...parameters]);
}

export function rsyncContents(live: string, backup: string): Subject {
  return peer('rsync -rnc', ['rsync'], ['rsync', '-rnc', `${backup}/`, `${live}/`]);
}

export function rsyncTimes(live: string, backup: string): Subject {
  return peer('rsync -rn', ['rsync'], ['rsync', '-rn', `${backup}/`, `${live}/`]);
}

/** Without --download it compares MD5 digests, with it the bytes; both read everything. */
export function rcloneCheck(live: string, backup: string, how: readonly '--download'[] = []): Subject {
  const argv = ['rclone', 'check', ...how, '--config', '', backup, live] as const;
  return peer(['rclone check', ...how].join(' '), ['rclone'], argv);
}

/** A list of one side, and an audit of the other against it. */
export function hashdeep(ground: Ground, live: string, backup: string): Subject {
  const text = 'cd "$1" && hashdeep -r -l . >"$3" && cd "$2" && hashdeep -r -l -a -k "$3" .';
  return script('hashdeep -r, then -a', ['hashdeep'], text, backup, live, `${ground.dir}/hashdeep.list`);
}

/** Of all roots, by as many processes as there are cores, so many files a process. */
export function xxhsum(ground: Ground, perProcess: number, ...roots: readonly string[]): Subject {
  const text = `find "$@" -type f -print0 | xargs -0 -r -P ${ground.cores} -n ${perProcess} xxhsum -H1`;
  return script(`find | xargs -P ${ground.cores} xxhsum`, ['find', 'xargs', 'xxhsum'], text, ...roots);
}

export function diffBrief(live: string, backup: string): Subject {
  return peer('diff -rq', ['diff'], ['diff', '-rq', '--no-dereference', backup, live]);
}

const FORMAT = '%p %s %T@\\n';

export function findPrintf(...roots: readonly string[]): Subject {
  return peer('find -printf', ['find'], ['find', ...roots, '-printf', FORMAT]);
}

export function bfsPrintf(...roots: readonly string[]): Subject {
  return peer('bfs -printf', ['bfs'], ['bfs', ...roots, '-printf', FORMAT]);
}
