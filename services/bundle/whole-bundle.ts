// The directory of a bundle, which appears whole or not at all: written beside its place, with the digests of
// everything in it, and renamed when everything is on disk.
import { errnoText } from '../../domain/errno.ts';
import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { EXIT, RollcallError } from '../../domain/exit.ts';
import { baseName, joinPath, parentOf } from '../../domain/path.ts';
import { errnoOf } from '../files/errors.ts';
import { FlushedFile, syncDirectory } from '../files/flushed.ts';
import { partialMark, removeLeftovers } from '../files/leftovers.ts';
import { bytesOf } from '../files/location.ts';
import { BLOCK_BYTES } from './target.ts';

/** One file of a bundle. */
export interface BundleFile {
  readonly name: string;
  readonly mode: number;
  readonly content: () => Iterable<string | Uint8Array>;
}

const DIRECTORIES = ['lists', 'by-owner', 'rescue'] as const;

/** Those that a bundle has always; the others where something lies in them. */
const ALWAYS: ReadonlySet<string> = new Set(['lists', 'by-owner']);

/** Something lies where the bundle was to come. */
export class AlreadyThere extends RollcallError {
  constructor(directory: string, cause?: unknown) {
    super(`${directory} exists already; a bundle is never written over another`, {
      next: 'give --out a new name',
      cause,
    });
  }
}

const THERE: ReadonlySet<string> = new Set(['EEXIST', 'ENOTEMPTY', 'ENOTDIR']);

/** A directory in which nothing is that no bundle has. */
function isPartial(path: Buffer, files: readonly BundleFile[]): boolean {
  const names = new Set([...DIRECTORIES, 'SHA256SUMS', ...files.map(({ name }) => name)]);
  return lstatSync(path).isDirectory() && readdirSync(path).every((name) => names.has(name));
}

/**
 * In a directory beside the final one, which is renamed when everything is on disk.
 * @throws AlreadyThere, RollcallError (a full disk)
 */
export function writeBundleWhole(
  directory: string,
  files: readonly BundleFile[],
): { seal: string; bytesWritten: number } {
  removeLeftovers(parentOf(directory), (_, path) => isPartial(path, files));
  const partial = joinPath(parentOf(directory), `${baseName(directory).slice(0, 100)}${partialMark()}`);
  const at = (name: string): Buffer => Buffer.concat([bytesOf(partial), Buffer.from(name === '' ? '' : `/${name}`)]);
  try {
    mkdirSync(at(''), { mode: 0o700 });
    const directories = DIRECTORIES.filter(
      (one) => ALWAYS.has(one) || files.some(({ name }) => name.startsWith(`${one}/`)),
    );
    for (const name of directories) mkdirSync(at(name), { mode: 0o700 });
    let bytesWritten = 0;
    let sums = '';
    for (const { name, mode, content } of files) {
      const { sha256, bytes } = writeFile(at(name), mode, content());
      sums += `${sha256}  ${name}\n`;
      bytesWritten += bytes;
    }
    const { sha256: seal, bytes } = writeFile(at('SHA256SUMS'), 0o600, [sums]);
    for (const name of directories) syncDirectory(at(name));
    syncDirectory(at(''));
    moveTo(at(''), directory);
    syncDirectory(bytesOf(parentOf(directory)));
    return { seal, bytesWritten: bytesWritten + bytes };
  } catch (error) {
    rmSync(at(''), { recursive: true, force: true });
    const errno = errnoOf(error);
    if (errno === null) throw error;
    const full = errno === 'ENOSPC' || errno === 'EDQUOT';
    throw new RollcallError(
      full
        ? `the disk is full: the bundle needs ${sizeOf(files)} bytes at ${parentOf(directory)}; nothing was left behind`
        : `the bundle could not be written to ${parentOf(directory)}: ${errnoText(errno)}; nothing was left behind`,
      {
        exit: EXIT.failure,
        cause: error,
        next: 'give --out a directory on another disk; the assessment itself is kept, and the next run is quick',
      },
    );
  }
}

/** Throws AlreadyThere. (An empty directory that has come there meanwhile is taken.) */
function moveTo(partial: Buffer, directory: string): void {
  try {
    renameSync(partial, bytesOf(directory));
  } catch (error) {
    if (THERE.has(errnoOf(error) ?? '')) throw new AlreadyThere(directory, error);
    throw error;
  }
}

function writeFile(
  path: Buffer,
  mode: number,
  content: Iterable<string | Uint8Array>,
): { sha256: string; bytes: number } {
  const hash = createHash('sha256');
  const file = new FlushedFile(path, mode, (written) => void hash.update(written));
  try {
    for (const piece of content) file.write(typeof piece === 'string' ? Buffer.from(piece) : piece);
    file.finish();
  } finally {
    file.close();
  }
  return { sha256: hash.digest('hex'), bytes: file.written };
}

/** What the bundle takes on disk, in whole blocks. */
function sizeOf(files: readonly BundleFile[]): number {
  let total = BLOCK_BYTES * 3;
  for (const { name, content } of files) {
    let bytes = 0;
    for (const piece of content()) bytes += typeof piece === 'string' ? Buffer.byteLength(piece) : piece.length;
    total += Math.ceil(bytes / BLOCK_BYTES) * BLOCK_BYTES + name.length + 68;
  }
  return total;
}
