// `rollcall import`: a list of names and digests that another tool made becomes evidence of what a volume held at some
// time.
import { createHash } from 'node:crypto';
import { EXIT, RollcallError } from '../domain/exit.ts';
import { baseName, compareBytes, encodePath, parentOf } from '../domain/path.ts';
import { volumeNamed } from './typed/volume-named.ts';
import type { When } from './typed/when.ts';
import { connect, type Database, inTransaction } from './catalog/database.ts';
import { analyzeImported } from './catalog/import.ts';
import { isListVolume, type Likeness, type NewList, removeLists, writeList } from './catalog/lists.ts';
import { spellingsOf } from './catalog/spellings.ts';
import type { Volume } from './catalog/volumes.ts';
import type { ReadFormat } from '../domain/list-formats.ts';
import { readListFile } from './exchange/list-file.ts';
import { type Problem, type ReadList, readList } from './exchange/read-list.ts';

export interface ImportRequest {
  /** As typed; '-' for standard input. */
  readonly file: string;
  readonly volume: string;
  /** When the list was begun: the state that it tells of. */
  readonly asOf: When;
  readonly format: ReadFormat | null;
  /** As typed. */
  readonly root: string | null;
  readonly below: string | null;
  readonly side: 'src' | 'dst' | null;
  /** The list names every file of the volume: what it lacks was not there. */
  readonly complete: boolean;
  /** Lines that cannot be understood are left out and told. */
  readonly partial: boolean;
  /** It is of this volume although nothing in it was ever seen there. */
  readonly unlike: boolean;
}

export interface ImportTools {
  readonly db: Database;
  readonly host: string;
  readonly cwd: string;
  readonly nowMs: () => number;
}

export interface ImportSummary {
  readonly outcome: 'new' | 'unchanged';
  /** The volume that holds the lists. */
  readonly volume: string;
  readonly of: string;
  readonly name: string;
  readonly format: ReadFormat;
  readonly files: number;
  readonly digests: number;
  readonly foreign: ReadList['foreign'];
  readonly duplicates: number;
  readonly directories: number;
  readonly elsewhere: number;
  readonly undigested: number;
  readonly crlf: boolean;
  readonly complete: boolean;
  /** Lines that were left out (--partial). */
  readonly problems: readonly Problem[];
  /** Null where nothing was written. */
  readonly likeness: Likeness | null;
  /** Names that the volume has in other bytes, as the same text (a Mac writes é as two characters). Printable paths. */
  readonly spelled: readonly { readonly inList: string; readonly known: string }[];
  /** Names that may be any of several: left out. */
  readonly ambiguous: readonly string[];
}

const PROBLEMS_SHOWN = 10;
/** Fewer digests that can be compared say nothing when all of them differ. */
const COMPARABLE_MIN = 5;

/**
 * @throws RollcallError for a list that is not whole, or that has nothing in common with the volume (4); nothing is
 *   changed then
 */
export async function importList(tools: ImportTools, request: ImportRequest): Promise<ImportSummary> {
  const { db } = tools;
  const target = await targetOf(tools, request.volume);
  const { raw, path } = readListFile(request.file, tools.cwd);
  const root = request.root === null ? null : printableDirectory(request.root, '--root') || null;
  const below = request.below === null ? '' : printableDirectory(request.below, '--below');
  if (below.startsWith('/')) throw new RollcallError('--below is a directory below the volume, and not absolute.');
  const list = readList(raw, { ...request, root, below, volumeRoot: target.path });
  if (list.format === 'combined' && request.side === null) {
    throw new RollcallError('The output of rclone check --combined describes two sides.', {
      next: 'Say with --side src or --side dst which of them the volume is.',
    });
  }
  refuseProblems(list, request, path);
  if (request.complete && list.undigested > 0) {
    throw new RollcallError(
      `${list.undigested} names of the list have no digest: some may be further names of a hard-linked file, so it is not complete.`,
      { next: 'Import it without --complete: what it lacks then says nothing.' },
    );
  }
  const mark = {
    sha256: createHash('sha256').update(raw).digest('hex'),
    ...request.asOf,
    complete: request.complete,
    reading: JSON.stringify([list.format, root, below, list.format === 'combined' ? request.side : null]),
  };
  const spellings = await spellingsOf(
    db.pool,
    target,
    list.files.map((file) => file.path),
  );
  const files = list.files
    .filter((file) => !spellings.ambiguous.has(file.path))
    .map(({ path: file, size, digest }) => {
      const known = spellings.known.get(file) ?? file;
      return { directory: parentOf(known), name: baseName(known), size, digest };
    })
    .sort((a, b) => compareBytes(a.directory, b.directory) || compareBytes(a.name, b.name));
  const name = baseName(path);
  const written = await write(db, { target, mark, name, path, files, nowMs: tools.nowMs() }, request);
  if (written !== null) await analyzeImported(db.pool, files.length);
  return {
    ...list,
    outcome: written === null ? 'unchanged' : 'new',
    volume: written?.volume.name ?? `${target.name} (lists)`,
    of: target.name,
    name,
    files: files.length,
    digests: files.filter(({ digest }) => digest !== null).length,
    complete: request.complete,
    likeness: written?.likeness ?? null,
    spelled: [...spellings.known].map(([inList, known]) => ({ inList, known })),
    ambiguous: [...spellings.ambiguous],
  };
}

async function write(db: Database, list: NewList, request: ImportRequest): ReturnType<typeof writeList> {
  const outside = await connect(db.address, { applicationName: 'rollcall import' });
  try {
    return await inTransaction(db, async (client) => {
      const written = await writeList(client, outside, list);
      if (written !== null && !request.unlike) refuseStrangers(list, written.likeness);
      return written;
    });
  } finally {
    await outside.end().catch(() => undefined);
  }
}

/** Takes back what was imported from this very file. @returns how many lists there were */
export async function forgetList(
  tools: ImportTools,
  request: Pick<ImportRequest, 'file' | 'volume'>,
): Promise<{ readonly of: string; readonly removed: number }> {
  const target = await targetOf(tools, request.volume);
  const { raw, path } = readListFile(request.file, tools.cwd);
  const sha256 = createHash('sha256').update(raw).digest('hex');
  const removed = await inTransaction(tools.db, (client) => removeLists(client, target, sha256));
  if (removed === 0) {
    throw new RollcallError(`Nothing was imported from ${path} as it is now for ${target.name}.`, {
      next: 'The file must be the very one that was imported.',
    });
  }
  return { of: target.name, removed };
}

async function targetOf(tools: ImportTools, typed: string): Promise<Volume> {
  const target = await volumeNamed(tools.db.pool, typed, tools);
  if (!isListVolume(target)) return target;
  throw new RollcallError(`${target.name} is itself made of lists.`, {
    next: 'Name the volume that the list describes: the live volume, or the backup.',
  });
}

function printableDirectory(typed: string, option: string): string {
  const names = typed.split('/').filter((part) => part !== '' && part !== '.');
  if (names.includes('..')) throw new RollcallError(`${option} holds '..'.`);
  return encodePath(Buffer.from(`${typed.startsWith('/') ? '/' : ''}${names.join('/')}`));
}

function refuseProblems(list: ReadList, request: ImportRequest, path: string): void {
  if (list.files.length > 0 && (list.problems.length === 0 || request.partial)) return;
  if (list.problems.length === 0) {
    throw new RollcallError(`${path} names no file.`, { next: 'Check that it is the list that you mean.' });
  }
  const shown = list.problems.slice(0, PROBLEMS_SHOWN).map(({ line, why }) => `  line ${line}: ${why}`);
  const more = list.problems.length - shown.length;
  if (more > 0) shown.push(`  … and ${more} more`);
  throw new RollcallError(`${path} was not imported, because not all of it can be understood:\n${shown.join('\n')}`, {
    next:
      list.files.length === 0
        ? 'Check that it is the list that you mean, and what --format says.'
        : `Correct these lines, or leave them out with --partial (${list.files.length} files can be read).`,
  });
}

/** A list of another volume, read from another root, or by another digest would make everything missing or corrupt. */
function refuseStrangers(list: NewList, { met, comparable, equal, known }: Likeness): void {
  if (!known) return;
  const guard = (message: string, next: string): RollcallError =>
    new RollcallError(`${message} Nothing was imported.`, {
      exit: EXIT.guard,
      next: `${next} If it is right all the same, say so with --unlike.`,
    });
  if (met === 0) {
    throw guard(
      `None of the ${list.files.length} files of ${list.path} was ever seen in ${list.target.name}.`,
      'Check the volume, and where the paths of the list begin: --root and --below.',
    );
  }
  if (comparable >= COMPARABLE_MIN && equal === 0) {
    throw guard(
      `None of the ${comparable} digests of ${list.path} that can be compared is equal to one that is known of ${list.target.name}.`,
      'Check that they are XXH64 with seed 0, big-endian (16 digits without a name may be XXH3), and where the paths begin.',
    );
  }
}
