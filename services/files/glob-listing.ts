// Listing a directory for fast-glob. Node looks every name up that a listing gives without a type, by its decoded text:
// one name that is not UTF-8 then fails the whole listing with ENOENT, which fast-glob takes for an empty directory.
import { type Dirent, lstatSync, readdir, readdirSync } from 'node:fs';
import { isAbsent } from '../../domain/errno.ts';
import { errnoOf } from './errors.ts';

type Listed = (error: NodeJS.ErrnoException | null, entries: Dirent[]) => void;

type Named = (error: NodeJS.ErrnoException | null, names: string[]) => void;

/** As fs.readdir; with file types, names that are not UTF-8 may be left out. */
export function readdirForGlob(directory: string, options: { readonly withFileTypes: true }, onListed: Listed): void;
export function readdirForGlob(directory: string, onNamed: Named): void;
export function readdirForGlob(directory: string, given: { withFileTypes: true } | Named, onListed?: Listed): void {
  if (typeof given === 'function') return readdir(directory, given);
  readdir(directory, given, (error, entries) => {
    if (onListed === undefined) return;
    if (error === null || error.syscall !== 'lstat') return onListed(error, entries);
    try {
      onListed(null, untypedEntries(directory));
    } catch (again) {
      onListed(again as NodeJS.ErrnoException, []);
    }
  });
}

function untypedEntries(directory: string): Dirent[] {
  return readdirSync(directory, { encoding: 'buffer' }).flatMap((bytes) => {
    const name = bytes.toString('utf8');
    if (!Buffer.from(name).equals(bytes)) return [];
    const kind = kindOf(`${directory}/${name}`);
    return kind === null ? [] : [Object.assign(kind, { name, parentPath: directory, path: directory })];
  });
}

/**
 * Null where nothing is there any more; what cannot be read is of no kind, and whoever looks at the match tells why.
 */
function kindOf(path: string): Omit<Dirent, 'name' | 'parentPath' | 'path'> | null {
  try {
    return lstatSync(path);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === null) throw error;
    if (isAbsent(errno)) return null;
    const no = (): boolean => false;
    return {
      isFile: no,
      isDirectory: no,
      isSymbolicLink: no,
      isFIFO: no,
      isSocket: no,
      isCharacterDevice: no,
      isBlockDevice: no,
    };
  }
}
