// What a batch of directories will need of bricks on other hosts, asked for together: a question for each directory or
// file would cost more than the answer. What is not there when it is needed is asked for then.
import type { Donor, KnownRow } from '../catalog/known.ts';
import type { Chosen } from '../catalog/scrubbed.ts';
import type { ShardDirectory } from '../catalog/shards.ts';
import { NAME } from '../files/columns.ts';
import { type Ahead, askAhead, DirectoryElsewhere, type WantedAhead } from '../files/directory-elsewhere.ts';
import { FileError } from '../files/errors.ts';
import { FORMAT_FILE, formatAt, sizeAt } from '../files/stat.ts';
import { aheadBelow, aheadOfNames } from '../files/union-ahead.ts';
import { UnionDirectory } from '../files/union-directory.ts';
import { carriedDigest, PreviousDirectory } from './carry.ts';
import type { ShardEnvironment } from './environment.ts';
import { LARGE_FILE_BYTES } from './limits.ts';
import { entryAt, type Looked } from './look.ts';

/** Contents of one question: more would leave its asker without a sign of life for long. */
const BYTES_MAX = 64 * 1024 * 1024;

/** Null where all bricks are of this host. */
function elsewhere({ root }: ShardEnvironment): UnionDirectory | null {
  return root instanceof UnionDirectory && root.bricks.isElsewhere ? root : null;
}

/** Whole directories that are about to be listed. */
export function listAhead(environment: ShardEnvironment, directories: readonly ShardDirectory[]): void {
  const root = elsewhere(environment);
  if (root === null || directories.length === 0) return;
  askAhead(
    aheadBelow(
      root.parts,
      directories.map(({ path }): WantedAhead => ({ path, list: true })),
    ),
  );
}

/** Directories that are about to be opened, and no more. */
export function openAhead({ root }: Pick<ShardEnvironment, 'root'>, paths: readonly string[]): void {
  if (!(root instanceof UnionDirectory) || !root.bricks.isElsewhere) return;
  askAhead(
    aheadBelow(
      root.parts,
      paths.map((path): WantedAhead => ({ path })),
    ),
  );
}

export interface AboutToDiffer {
  readonly looked: Looked;
  readonly known: ReadonlyMap<string, KnownRow>;
  readonly donors: ReadonlyMap<string, Donor> | undefined;
  readonly chosen: Chosen | undefined;
}

/** Names that are known and were not listed, and contents that no digest can be carried for. */
export function diffAhead(environment: ShardEnvironment, batch: readonly AboutToDiffer[]): void {
  if (elsewhere(environment) === null) return;
  askAhead(batch.flatMap((one) => namesAhead(one)));
  if (environment.context.mode === 'list') return;
  const isFromMedium = environment.context.mode === 'reread';
  let wanted = new Map<DirectoryElsewhere, string[]>();
  let bytes = 0;
  const ask = (): void => {
    askAhead(
      [...wanted].map(([into, read]) => ({ place: into.place, wanted: { path: into.below, read }, into })),
      isFromMedium,
    );
    wanted = new Map();
    bytes = 0;
  };
  for (const one of batch) {
    for (const { holder, name, size } of contentsAhead(environment, one)) {
      const names = wanted.get(holder);
      if (names === undefined) wanted.set(holder, [name]);
      else names.push(name);
      bytes += size;
      if (bytes > BYTES_MAX) ask();
    }
  }
  if (wanted.size > 0) ask();
}

function namesAhead({ looked, known }: AboutToDiffer): Ahead[] {
  const { handle } = looked;
  if (!(handle instanceof UnionDirectory)) return [];
  const { said } = handle;
  const lacking = [...known].flatMap(([name, { now }]) => (now === undefined || said.has(name) ? [] : [name]));
  return aheadOfNames(handle.parts, lacking);
}

interface ContentAhead {
  readonly holder: DirectoryElsewhere;
  readonly name: string;
  readonly size: number;
}

/** Copies that are read with it (read-replicas.ts), on other hosts, and that were not read ahead yet. */
function copiesElsewhere(handle: UnionDirectory, name: string): DirectoryElsewhere[] {
  try {
    return handle
      .replicasOf(name)
      .flatMap(({ directory }) =>
        directory instanceof DirectoryElsewhere && !directory.hasContent(name) ? [directory] : [],
      );
  } catch (error) {
    if (error instanceof FileError) return [];
    throw error;
  }
}

function* contentsAhead(
  environment: ShardEnvironment,
  { looked, known, donors, chosen }: AboutToDiffer,
): Generator<ContentAhead> {
  const { columns, handle, directory } = looked;
  if (!(handle instanceof UnionDirectory)) return;
  const previous = new PreviousDirectory(environment, directory);
  for (let index = looked.from; index < looked.to; index++) {
    const at = columns.statAt(index);
    if (columns.state(index) !== NAME.stands || formatAt(columns.view, at) !== FORMAT_FILE) continue;
    const size = sizeAt(columns.view, at);
    if (size >= LARGE_FILE_BYTES) continue;
    const entry = entryAt(columns, index);
    const { name } = entry;
    const copies = copiesElsewhere(handle, name);
    if (copies.length === 0) continue;
    const isChosen = chosen !== undefined && (chosen === 'all' || chosen.has(name));
    const row = isChosen ? undefined : known.get(name);
    const donor = isChosen ? undefined : donors?.get(name);
    if (carriedDigest(environment, entry, row, donor, previous) !== null) continue;
    for (const holder of copies) yield { holder, name, size };
  }
  previous.close();
}
