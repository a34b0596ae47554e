// Real trees for tests: written, aged, and seen with Node's own calls and the hash alone, so that what the engine says
// of them can be held against it. Names are bytes, also those that have broken tools.
import { execFileSync } from 'node:child_process';
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { hex } from '../../domain/digest.ts';
import { compareBytes, encodePath } from '../../domain/path.ts';
import { createHasher } from '../../services/files/hash.ts';
import { until } from './poll.ts';

const hasher = await createHasher();

/** A new directory by its real path; the caller removes it. */
export function makeDirectory(prefix: string): string {
  return realpathSync(mkdtempSync(join(tmpdir(), prefix)));
}

/** The same, removed with all below it when the test is over. */
export function temporaryDirectory(prefix = 'rollcall-files-'): string {
  const path = makeDirectory(prefix);
  onTestFinished(() => removeTree(path));
  return path;
}

/**
 * In the environment: a directory for what is removed, beside where it was made. ext4 passes over inodes that were
 * freed a moment ago one by one, so that all who make files pay for each that was removed: it is done once, at the end
 * of the run (cluster.ts).
 */
export const GONE = 'ROLLCALL_TEST_GONE';
let gone = 0;

/** rm takes paths beyond PATH_MAX, which Node's rmSync does not, and stays on one file system. */
export function removeTree(path: string): void {
  const place = process.env[GONE];
  if (place !== undefined) {
    try {
      renameSync(path, join(place, `${process.pid}-${++gone}`));
      return;
    } catch {
      // It is on another file system, or gone.
    }
  }
  execFileSync('rm', ['-rf', '--one-file-system', '--', path]);
}

export function openDescriptors(): number {
  return readdirSync('/proc/self/fd').length;
}

const BYTE = (digits: string): Buffer => Buffer.from(digits, 'hex');

/** The bytes of a name and the text that it must have everywhere. */
export const HOSTILE_NAMES: readonly (readonly [Buffer, string])[] = [
  [Buffer.from('line\nbreak'), 'line\\x0abreak'],
  [Buffer.from('tab\there'), 'tab\\x09here'],
  [Buffer.from('\u001b[2J\u001b]0;owned\u0007'), '\\x1b[2J\\x1b]0;owned\\x07'],
  [BYTE('61fffe62'), 'a\\xff\\xfeb'],
  [BYTE('eda080'), '\\xed\\xa0\\x80'],
  [BYTE('c3'), '\\xc3'],
  [Buffer.from('c1\u0085control'), 'c1\\xc2\\x85control'],
  [Buffer.from('gpj.\u202eexe'), 'gpj.\\xe2\\x80\\xaeexe'],
  [Buffer.from('-rf'), '-rf'],
  [Buffer.from('--files-from=x'), '--files-from=x'],
  [Buffer.from('#comment'), '#comment'],
  [Buffer.from(';comment'), ';comment'],
  [Buffer.from(' '), ' '],
  [Buffer.from(' both ends '), ' both ends '],
  [Buffer.from('$(touch owned)'), '$(touch owned)'],
  [Buffer.from('`touch owned`'), '`touch owned`'],
  [Buffer.from('\'"'), '\'"'],
  [Buffer.from('back\\slash'), 'back\\\\slash'],
  [Buffer.from('\\x41'), '\\\\x41'],
  [Buffer.from('\\'), '\\\\'],
  [Buffer.from('%0A'), '%0A'],
  [Buffer.from('\ufeffbom'), '\ufeffbom'],
  [Buffer.from('\ufffd'), '\ufffd'],
  [Buffer.from('<b>&amp;'), '<b>&amp;'],
  [Buffer.from('=cmd()'), '=cmd()'],
  [Buffer.from('*'), '*'],
  [Buffer.from('...'), '...'],
  [Buffer.from('l'.repeat(255)), 'l'.repeat(255)],
  [BYTE('ff'.repeat(255)), '\\xff'.repeat(255)],
  [Buffer.from('\u00e9'), '\u00e9'],
  [Buffer.from('e\u0301'), 'e\u0301'],
  [Buffer.from('Twin'), 'Twin'],
  [Buffer.from('twin'), 'twin'],
  [Buffer.from('😀'), '😀'],
];

/** The bytes of a name below a directory, for Node's fs. */
export function at(directory: string, name: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${directory}/`), name]);
}

export function bytes(...parts: readonly (string | Buffer)[]): Buffer {
  return Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)));
}

/** Writes files (path below root → content) and their directories. */
export function write(root: string, files: Readonly<Record<string, string>>): void {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), content);
  }
}

export function remove(...paths: readonly string[]): void {
  for (const path of paths) rmSync(path, { recursive: true });
}

/** Gives every file and directory below an mtime of long ago, the deepest first. */
export function age(root: string, seconds = 1_700_000_000): void {
  execFileSync('find', [root, '-depth', '-exec', 'touch', '-h', '-d', `@${seconds}`, '--', '{}', '+']);
}

export function touch(path: string, seconds: number): void {
  utimesSync(path, seconds, seconds);
}

/** Waits until nothing below has changed within the last 2 s: what is read from then on is not racy. */
export async function settled(...roots: readonly string[]): Promise<void> {
  await until(
    'no change within the last two seconds',
    () => execFileSync('find', [...roots, '-newerct', '2.1 seconds ago', '-print', '-quit']).length === 0,
  );
}

/**
 * What `told` of a catalog must say of a tree, found without the engine: by Node's own calls and the hash alone. Names
 * must be plain.
 */
export function truthOf(root: string): Readonly<Record<string, string>> {
  const truth: Record<string, string> = {};
  const visit = (below: string): void => {
    for (const name of readdirSync(join(root, below))) {
      const path = join(below, name);
      const stat = lstatSync(join(root, path));
      if (stat.isFile()) {
        const content = readFileSync(join(root, path));
        truth[path] = `file ${stat.size} ${hex(hasher.one(content))}`;
      } else if (stat.isSymbolicLink()) {
        truth[path] = `symlink ${readlinkSync(join(root, path))}`;
      } else if (stat.isDirectory()) {
        truth[path] = 'directory';
        visit(path);
      } else {
        truth[path] = stat.isFIFO() ? 'fifo' : 'socket';
      }
    }
  };
  visit('');
  return truth;
}

export interface Seen {
  readonly kind: string;
  readonly mode: string;
  readonly owner: string;
  readonly mtime: string;
  readonly content: string;
}

/**
 * Everything below a root, by printable path: kind, mode, owner, mtime in ns, and the digest of the content or the
 * target.
 */
export function survey(root: string | Buffer): Map<string, Seen> {
  const seen = new Map<string, Seen>();
  const walk = (directory: Buffer, prefix: Buffer): void => {
    for (const name of readdirSync(directory, { encoding: 'buffer' })) {
      const raw = bytes(directory, '/', name);
      const relative = prefix.length === 0 ? name : bytes(prefix, '/', name);
      const stat = lstatSync(raw, { bigint: true });
      const kind = stat.isDirectory()
        ? 'directory'
        : stat.isFile()
          ? 'file'
          : stat.isSymbolicLink()
            ? 'symlink'
            : 'other';
      seen.set(encodePath(relative), {
        kind,
        mode: (stat.mode & 0o7777n).toString(8),
        owner: `${stat.uid}:${stat.gid}`,
        mtime: String(stat.mtimeNs),
        content:
          kind === 'file'
            ? hex(hasher.one(readFileSync(raw)))
            : kind === 'symlink'
              ? encodePath(readlinkSync(raw, { encoding: 'buffer' }))
              : '',
      });
      if (kind === 'directory') walk(raw, relative);
    }
  };
  walk(bytes(root), Buffer.alloc(0));
  return seen;
}

/** Two surveys as plain text, so that a failing test shows what differs. */
export function text(seen: ReadonlyMap<string, Seen>): string[] {
  return [...seen]
    .map(([path, s]) => `${path} ${s.kind} ${s.mode} ${s.owner} ${s.mtime} ${s.content}`)
    .sort(compareBytes);
}
