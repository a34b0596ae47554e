// A relist shard: before a live scan closes, directories that moved since they were listed are listed again, so that a file renamed from a
// directory that was still to come into one that was already done is not taken for gone (design.md section 5, "A moving tree").
import { joinPath } from '../../domain/path.ts';
import {
  contributionOf,
  listedDirectories,
  mayHaveMoved,
  unsettledDirectories,
  vanishedNames,
  withDescendants,
} from '../catalog/contribution.ts';
import type { ListedDirectory } from '../catalog/contribution.ts';
import { resolveDirectories } from '../catalog/directories.ts';
import { knownDonors, knownRows } from '../catalog/known.ts';
import type { GapRow, Shard, ShardCounts, ShardDirectory, ShardResult } from '../catalog/shards.ts';
import { openDirectory } from '../files/directory.ts';
import { FileError } from '../files/errors.ts';
import { diffDirectory, gather, lookInput } from './directory-diff.ts';
import type { ShardEnvironment } from './environment.ts';
import { RELIST_ROUNDS } from './limits.ts';
import { childDirectories, listingOf, resultOf, settleSuspects } from './outcome.ts';
import type { ListOutcome } from './outcome.ts';
import { look } from './look.ts';

/** counts.moved of the result says how many directories had moved; 0 lets the scan close. */
export async function runRelistShard(environment: ShardEnvironment, shard: Shard): Promise<ShardResult> {
  if (!('round' in shard.work)) throw new Error('a relist shard has a round');
  const outcome: ListOutcome = { gathered: gather(), listings: [], rest: [] };
  const { client, context } = environment;
  if (!(await mayHaveMoved(client, context))) return resultOf(outcome, 1);
  const moved = movedDirectories(environment, await listedDirectories(client, context));
  if (shard.work.round > RELIST_ROUNDS) return unsettle(environment, moved, outcome);
  const replaces = await relist(environment, moved, outcome);
  await settleSuspects(environment, outcome.gathered);
  return { ...resultOf(outcome, 1), replaces };
}

/** Directories whose mtime or ctime is not what their listing saw, or that are no longer there. */
function movedDirectories(environment: ShardEnvironment, listed: readonly ListedDirectory[]): ShardDirectory[] {
  const moved: ShardDirectory[] = [];
  for (const one of listed) {
    environment.tick();
    try {
      const handle = openDirectory(environment.root, one.path);
      try {
        const { stat } = handle;
        if (stat.inode !== one.inode || stat.mtimeNs !== one.mtimeNs || stat.ctimeNs !== one.ctimeNs) {
          moved.push({
            id: one.id,
            path: one.path,
            inode: String(stat.inode),
            device: String(stat.device),
            parentDevice: null,
          });
        }
      } finally {
        handle.close();
      }
    } catch (error) {
      // It is gone or cannot be opened: its parent has moved as well, and tells.
      if (!(error instanceof FileError)) throw error;
    }
  }
  return moved;
}

/** @returns the directories whose rows of this scan are replaced */
async function relist(
  environment: ShardEnvironment,
  moved: readonly ShardDirectory[],
  outcome: ListOutcome,
): Promise<number[]> {
  const { client, context } = environment;
  const unsettled = await unsettledDirectories(client, context);
  const replaced: number[] = [];
  for (const directory of moved) {
    const one = look(environment, directory);
    // What cannot be listed now keeps what its first listing saw; if that was wrong, the next round or the end unsettles it.
    // (A huge directory is not listed again either: names that vanished from it meanwhile are unsettled in the end.)
    if ('huge' in one) one.huge.close();
    if ('gap' in one || 'huge' in one) continue;
    try {
      const rows = (await knownRows(client, context, [directory.id], null)).get(directory.id) ?? new Map();
      const donors = (await knownDonors(client, context, [directory.id])).get(directory.id);
      const endedBefore = outcome.gathered.endings.length;
      const diffed = diffDirectory(
        environment,
        { ...lookInput(one), known: rows, donors, nexts: null, complete: true, readLarge: true },
        outcome.gathered,
      );
      outcome.listings.push(listingOf(environment, one, diffed));
      replaced.push(directory.id);
      const children = await childDirectories(environment, [one], outcome);
      const metBefore = (name: string): boolean =>
        rows.get(name)?.now?.kind === 'directory' || rows.get(name)?.own?.kind === 'directory';
      for (const child of children) {
        const name = child.path.slice(child.path.lastIndexOf('/') + 1);
        if (metBefore(name) && !unsettled.has(child.id)) continue;
        outcome.rest.push(child);
        if (unsettled.has(child.id)) replaced.push(child.id);
      }
      const gone = [...rows.entries()]
        .filter(([name, row]) => isGoneDirectory(name, row.own?.kind, one.entries))
        .map(([name]) => name);
      const ended = outcome.gathered.endings
        .slice(endedBefore)
        .filter((e) => e.kind === 'below')
        .map((e) => e.name);
      replaced.push(...(await subtreesOf(environment, directory, [...new Set([...gone, ...ended])])));
    } finally {
      one.handle.close();
    }
  }
  const replaces = [...new Set(replaced)];
  subtract(outcome.gathered.counts, await contributionOf(client, context, replaces));
  // Files and bytes were counted at the first listing.
  outcome.gathered.counts.files = 0;
  outcome.gathered.counts.bytes = 0;
  outcome.gathered.counts.moved = moved.length;
  return replaces;
}

function isGoneDirectory(
  name: string,
  own: string | undefined,
  entries: readonly { readonly name: string; readonly stat: { readonly kind: string } }[],
): boolean {
  return own === 'directory' && !entries.some((entry) => entry.name === name && entry.stat.kind === 'directory');
}

/** What this scan wrote below directories that are gone must go too: they were listed where they lay before. */
async function subtreesOf(
  environment: ShardEnvironment,
  directory: ShardDirectory,
  names: readonly string[],
): Promise<number[]> {
  const ids = await resolveDirectories(
    environment.client,
    names.map((name) => ({ parent: directory.id, name, path: joinPath(directory.path, name) })),
  );
  return withDescendants(environment.client, ids);
}

function subtract(counts: ShardCounts, before: ShardCounts): void {
  for (const key of ['seen', 'found', 'vanished', 'unknown', 'excluded', 'visited'] as const)
    counts[key] -= before[key];
}

/** After the last round: what vanished from a directory that moved during this scan may be anywhere. It is unsettled, not gone. */
async function unsettle(
  environment: ShardEnvironment,
  moved: readonly ShardDirectory[],
  outcome: ListOutcome,
): Promise<ShardResult> {
  const result = resultOf(outcome, 1);
  if (moved.length === 0) return result;
  const inFlux = new Map<number, boolean>();
  const sinceNs = (BigInt(environment.context.startedMs) - 2_000n) * 1_000_000n;
  const unsettles: { directory: number; name: string }[] = [];
  for (const { directory, path, name } of await vanishedNames(environment.client, environment.context)) {
    let flux = inFlux.get(directory);
    if (flux === undefined) {
      flux = moved.some((one) => one.id === directory) || movedSince(environment, path, sinceNs);
      inFlux.set(directory, flux);
    }
    if (flux) unsettles.push({ directory, name });
  }
  const detail = `the tree was still changing after ${RELIST_ROUNDS} further listings`;
  const gaps: GapRow[] = unsettles.map((one) => ({ ...one, status: 'unsettled', errno: null, detail }));
  result.counts.vanished -= unsettles.length;
  result.counts.unknown += unsettles.length;
  return { ...result, gaps, unsettles };
}

function movedSince(environment: ShardEnvironment, path: string, sinceNs: bigint): boolean {
  try {
    const handle = openDirectory(environment.root, path);
    try {
      return handle.stat.mtimeNs >= sinceNs || handle.stat.ctimeNs >= sinceNs;
    } finally {
      handle.close();
    }
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    return true;
  }
}
