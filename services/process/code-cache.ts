// What V8 made of a bundle in an earlier run, in the directory `code` of the state directory. It is code: what anybody
// else could have written is never loaded, and what has rotted on the disk neither.
import { closeSync, constants, fstatSync, fsyncSync, lstatSync, mkdirSync, openSync, readdirSync } from 'node:fs';
import { readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { cachedDataVersionTag } from 'node:v8';
import * as zlib from 'node:zlib';

export interface CodeCache {
  /** Null where there is nothing that may be loaded. */
  readonly data: Buffer | null;
  /** Whole or not at all. Never throws: no command fails for it. */
  keep(data: Buffer): void;
}

/** Node has it from 20.15 on. V8 runs what it is given: it does not look whether a byte has changed. */
const checksum = (zlib as { readonly crc32?: (data: Uint8Array) => number }).crc32;
const CHECKSUM_BYTES = 4;
const STICKY = 0o1000;
/** What other builds and other versions of Node have left may be in use beside this one, for a while. */
const KEPT_MS = 30 * 24 * 60 * 60 * 1_000;

/**
 * @param stateDir where there is none, or something else, nothing is loaded or kept
 * @param name of the bundle, with its hash, and of the command: each compiles what it needs
 * @returns null where there can be no cache
 */
export function openCodeCache(stateDir: string, name: string): CodeCache | null {
  const uid = process.geteuid?.();
  if (checksum === undefined || uid === undefined) return null;
  try {
    const state = realpathSync(stateDir);
    lstatSync(join(state, 'VERSION'));
    // What cannot be kept need not be made: that costs more than it gains.
    if (!isClosed(state, uid)) return null;
    // V8 rejects what another version of it, or one with other flags, has made.
    const file = join(state, 'code', `${name}-${process.version}-${process.arch}-${cachedDataVersionTag()}`);
    return { data: read(file, uid), keep: (data) => write(file, data, uid) };
  } catch {
    return null;
  }
}

/**
 * Nobody else can write to the directory, or put another one in its place: each one above it is closed as well, or
 * sticky (as /tmp), where only the owner of an entry can rename or remove it. (A link on the way was followed before.)
 */
function isClosed(directory: string, uid: number): boolean {
  for (let at = directory; ; at = dirname(at)) {
    const { uid: owner, mode } = lstatSync(at);
    if (owner !== uid && owner !== 0) return false;
    const isSticky = at !== directory && (mode & STICKY) !== 0;
    if ((mode & 0o022) !== 0 && !isSticky) return false;
    if (at === dirname(at)) return true;
  }
}

function read(file: string, uid: number): Buffer | null {
  try {
    if (!isClosed(dirname(file), uid)) return null;
    const descriptor = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const stat = fstatSync(descriptor);
      if (!stat.isFile() || stat.uid !== uid || (stat.mode & 0o022) !== 0) return null;
      const content = readFileSync(descriptor);
      const data = content.subarray(CHECKSUM_BYTES);
      return content.readUInt32LE() === checksum?.(data) ? data : null;
    } finally {
      closeSync(descriptor);
    }
  } catch {
    return null;
  }
}

function write(file: string, data: Buffer, uid: number): void {
  const fresh = `${file}.new-${process.pid}`;
  try {
    const directory = dirname(file);
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    if (!isClosed(directory, uid)) return;
    for (const old of readdirSync(directory).map((each) => join(directory, each)))
      if (Date.now() - lstatSync(old).mtimeMs > KEPT_MS) rmSync(old, { force: true });
    const descriptor = openSync(fresh, 'wx', 0o600);
    try {
      const sum = Buffer.alloc(CHECKSUM_BYTES);
      sum.writeUInt32LE(checksum?.(data) ?? 0);
      writeFileSync(descriptor, Buffer.concat([sum, data]));
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(fresh, file);
  } catch {
    removeQuietly(fresh);
  }
}

function removeQuietly(file: string): void {
  try {
    rmSync(file, { force: true });
  } catch {
    // A file system that takes nothing any more.
  }
}
