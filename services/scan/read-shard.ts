// A read shard: large files, each observed from lstat to digest.
import { gapStatusOf, isAbsent } from '../../domain/errno.ts';
import { knownDonors, knownRows, nextSeen } from '../catalog/known.ts';
import { chosenOf } from '../catalog/scrubbed.ts';
import type { Shard, ShardDirectory, ShardFile } from '../catalog/shards.ts';
import type { ShardResult } from '../catalog/shard-result.ts';
import { NAME } from '../files/columns.ts';
import type { Directory } from '../files/directory.ts';
import { FileError } from '../files/errors.ts';
import { FORMAT_FILE, formatAt } from '../files/stat.ts';
import { diffDirectory, gather, type Gathered } from './directory-diff.ts';
import type { ShardEnvironment } from './environment.ts';
import { settleSuspects } from './outcome.ts';
import type { Looked } from './look.ts';
import { addName, lookAtAll, openListed } from './look.ts';

export async function runReadShard(environment: ShardEnvironment, shard: Shard): Promise<ShardResult> {
  if (!('files' in shard.work)) throw new Error('a read shard reads files');
  const gathered = gather(environment);
  const forgets: number[] = [];
  for (const [directory, names] of byDirectory(shard.work.files)) {
    const gaps = await readFiles(environment, directory, names, gathered);
    if (gaps > 0) forgets.push(directory.id);
  }
  await settleSuspects(environment, gathered);
  return {
    versions: gathered.versions,
    endings: gathered.endings,
    gaps: gathered.gaps,
    listings: [],
    counts: gathered.counts,
    children: [],
    replaces: [],
    forgets,
    unsettles: [],
  };
}

function byDirectory(files: readonly ShardFile[]): Map<ShardDirectory, string[]> {
  const groups = new Map<number, { directory: ShardDirectory; names: string[] }>();
  for (const file of files) {
    const group = groups.get(file.directory.id);
    if (group === undefined) groups.set(file.directory.id, { directory: file.directory, names: [file.name] });
    else group.names.push(file.name);
  }
  return new Map([...groups.values()].map((group) => [group.directory, group.names]));
}

/** @returns how many of them could not be read */
async function readFiles(
  environment: ShardEnvironment,
  directory: ShardDirectory,
  names: readonly string[],
  gathered: Gathered,
): Promise<number> {
  const { client, context } = environment;
  const known = (await knownRows(client, context, [directory.id], names)).get(directory.id) ?? new Map();
  const donors = (await knownDonors(client, context, [directory.id])).get(directory.id);
  const nexts = context.laterGaps ? await nextSeen(client, context, directory.id, names) : null;
  const chosen = (await chosenOf(client, context, [directory.id])).get(directory.id);
  let handle: ReturnType<typeof openListed>;
  environment.enter(directory.id, '');
  try {
    handle = openListed(environment, directory);
  } catch (error) {
    environment.leave();
    if (!(error instanceof FileError)) throw error;
    const status = isAbsent(error.errno) || error.errno === 'ESTALE' ? 'unsettled' : gapStatusOf(error.errno);
    for (const name of names) {
      gathered.gaps.push({ directory: directory.id, name, status, errno: error.errno, detail: null });
      if (known.get(name)?.now !== undefined) gathered.counts.unknown++;
    }
    return names.length;
  }
  try {
    const looked = lookAtFiles(environment, directory, handle, names);
    const input = { looked, known, donors, nexts, complete: false, readLarge: true, chosen };
    return diffDirectory(environment, input, gathered).gaps;
  } finally {
    handle.close();
  }
}

function lookAtFiles(
  environment: ShardEnvironment,
  directory: ShardDirectory,
  handle: Directory,
  names: readonly string[],
): Looked {
  const { columns } = environment;
  columns.reset();
  for (const name of names) addName(columns, name);
  const looked = lookAtAll(environment, directory, handle, { from: 0, to: names.length });
  if (looked.excluded.size > 0) throw new Error('a large file was in scope when it was listed');
  for (let index = 0; index < names.length; index++) {
    if (columns.state(index) !== NAME.stands || formatAt(columns.view, columns.statAt(index)) === FORMAT_FILE) continue;
    columns.setState(index, NAME.gap);
    const detail = 'it was a file when it was listed';
    looked.gaps.push({ name: columns.name(index), status: 'unsettled', errno: null, detail });
  }
  return looked;
}
