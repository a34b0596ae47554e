// A read shard: large files, each observed from lstat to digest.
import { gapStatusOf, isAbsent } from '../../domain/errno.ts';
import { knownDonors, knownRows, nextSeen } from '../catalog/known.ts';
import type { Shard, ShardDirectory, ShardFile } from '../catalog/shards.ts';
import type { ShardResult } from '../catalog/shard-result.ts';
import { FileError } from '../files/errors.ts';
import { diffDirectory, gather } from './directory-diff.ts';
import type { ShardEnvironment } from './environment.ts';
import { settleSuspects } from './outcome.ts';
import type { Entry, NameGap } from './look.ts';
import { lookAtName, openListed } from './look.ts';

export async function runReadShard(environment: ShardEnvironment, shard: Shard): Promise<ShardResult> {
  if (!('files' in shard.work)) throw new Error('a read shard reads files');
  const gathered = gather();
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
  gathered: ReturnType<typeof gather>,
): Promise<number> {
  const { client, context } = environment;
  const known = (await knownRows(client, context, [directory.id], names)).get(directory.id) ?? new Map();
  const donors = (await knownDonors(client, context, [directory.id])).get(directory.id);
  const nexts = context.laterGaps ? await nextSeen(client, context, directory.id, names) : null;
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
    const entries: Entry[] = [];
    const nameGaps: NameGap[] = [];
    for (const name of names) {
      const entry = lookAtName(environment, directory, handle, name, false);
      if (entry === 'excluded') throw new Error('a large file was in scope when it was listed');
      if ('status' in entry) nameGaps.push(entry);
      else if (entry.stat.kind === 'file') entries.push(entry);
      else nameGaps.push({ name, status: 'unsettled', errno: null, detail: 'it was a file when it was listed' });
    }
    const input = {
      directory,
      handle,
      entries,
      nameGaps,
      excluded: new Set<string>(),
      known,
      donors,
      nexts,
      complete: false,
      readLarge: true,
    };
    return diffDirectory(environment, input, gathered).gaps;
  } finally {
    handle.close();
  }
}
