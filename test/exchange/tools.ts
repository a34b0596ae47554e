// The real tools that lists are exchanged with, and names that are hard on them.
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

export const PACKAGES: Readonly<Record<string, string>> = { xxhsum: 'xxhash', hashdeep: 'hashdeep', rclone: 'rclone' };

/** Why a test with this tool is skipped, or null. */
export function missing(tool: string): string | null {
  if (spawnSync(tool, ['--help'], { stdio: 'ignore' }).error === undefined) return null;
  return `${tool} is not installed: apt-get install ${PACKAGES[tool] ?? tool}`;
}

export interface Ran {
  readonly status: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** Arguments may be bytes; nothing is decoded. */
export function run(cwd: string, command: readonly string[], input: Buffer = Buffer.alloc(0)): Ran {
  const [program = '', ...args] = command;
  const ran = spawnSync(program, args, {
    cwd,
    input,
    env: { ...process.env, RCLONE_CONFIG: '/dev/null', LC_ALL: 'C.UTF-8', TZ: 'UTC' },
    maxBuffer: 64 * 1024 * 1024,
  });
  if (ran.error !== undefined) throw ran.error;
  return { status: ran.status, stdout: ran.stdout, stderr: ran.stderr.toString() };
}

/** What a tool prints of every file below a directory, as `find -print0 | xargs -0` gives it them. */
export function printed(cwd: string, command: readonly string[]): Buffer {
  const found = run(cwd, ['find', '.', '-type', 'f', '-print0']);
  const ran = run(cwd, ['xargs', '-0', ...command], found.stdout);
  if (ran.status !== 0) throw new Error(ran.stderr);
  return ran.stdout;
}

/** Every one of them is a name that Linux holds. */
export const HARD_NAMES: readonly string[] = [
  ' leads',
  'trails ',
  '#comment',
  '*star',
  '-',
  '--help',
  '\\begins',
  'back\\slash\\n',
  'tab\there',
  'co,mma;and|pipe',
  'a) = 0123456789abcdef',
  '"quoted" \'twice\' $(touch x)',
  'XXH64 (x) = 0123456789abcdef',
  '0123456789abcdef  other',
  'line\u2028separator',
  'latin\xff1',
  'escape\x1b[31m',
  'caf\u00e9',
  'cafe\u0301',
  'x'.repeat(255),
];
/** These break lines. */
export const BREAKING_NAMES: readonly string[] = ['new\nline', 'cr\rin', 'ends\r', '\n', 'both\\and\n'];

/** A name's bytes: \xff stands for itself, everything else for its UTF-8. */
export function bytesOfName(name: string): Buffer {
  return Buffer.concat(Array.from(name, (char) => (char === '\xff' ? Buffer.from([0xff]) : Buffer.from(char))));
}

export function writeNamed(root: string, name: string, content: string): void {
  const path = Buffer.concat([Buffer.from(`${root}/`), bytesOfName(name)]);
  mkdirSync(dirname(path.toString('latin1')), { recursive: true });
  writeFileSync(path, content);
}
