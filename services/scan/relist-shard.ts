// A relist shard: before a live scan closes, directories that moved since they were listed are listed again, so that a
// file renamed from a directory that was still to come into one that was already done is not taken for gone
// (docs/design.md#moving-tree).
import { joinPath } from '../../domain/path.ts';
import {
  contributionOf,
  listedDirectories,
  mayHaveMoved,
  movedWhileRead,
  unvisitedDirectories,
  vanishedNames,
  withDescendants,
} from '../catalog/contribution.ts';
import type { ListedDirectory } from '../catalog/contribution.ts';
import { resolveDirectories } from '../catalog/directories.ts';
import { directoriesDisagree } from '../catalog/listed-times.ts';
import { knownDonors, knownRows } from '../catalog/known.ts';
import type { KnownRow } from '../catalog/known.ts';
import { chosenOf } from '../catalog/scrubbed.ts';
import type { GapRow, ShardCounts, ShardResult } from '../catalog/shard-result.ts';
import type { Shard, ShardDirectory } from '../catalog/shards.ts';
import { openDirectory } from '../files/open-directory.ts';
import { FileError } from '../files/errors.ts';
import { listAhead, openAhead } from './ahead.ts';
import { diffDirectory } from './directory-diff.ts';
import type { ShardEnvironment } from './environment.ts';
import { COARSE_TICK_MS, RACY_MS, RELIST_ENTRIES, RELIST_ROUNDS, TICK_MS } from './limits.ts';
import { childDirectories, emptyOutcome, listingOf, resultOf, settleSuspects } from './outcome.ts';
import type { ListOutcome } from './outcome.ts';
import { look } from './look.ts';

/** Directories on other hosts that are asked for together. */
const OPENED_AHEAD = 512;

/** counts.moved of the result says how many directories had moved; 0 lets the scan close. */
export async function runRelistShard(environment: ShardEnvironment, shard: Shard): Promise<ShardResult> {
  if (!('round' in shard.work)) throw new Error('a relist shard has a round');
  const outcome = emptyOutcome(environment);
  const { client, context } = environment;
  if (!(await mayHaveMoved(client, context))) return resultOf(outcome, 1);
  if (context.role === 'backup') {
    // A snapshot stands still, or somebody is at work in it, who fills it or takes it away: what it lacks then may have
    // been there, or be about to come, anywhere in it. Its own listings tell, and no clock has to agree with another;
    // so does a file that changed while it was read.
    const atWork =
      (await movedWhileRead(client, context)) ||
      (await directoriesDisagree(client, context)) ||
      movedDirectories(environment, await listedDirectories(client, context), 0).length > 0;
    if (!atWork) return resultOf(outcome, 1);
    return unsettle(environment, () => true, 'the snapshot was changing while it was scanned', outcome);
  }
  const moved = movedDirectories(environment, await listedDirectories(client, context), shard.work.round);
  if (shard.work.round > RELIST_ROUNDS) {
    if (moved.length === 0) return resultOf(outcome, 1);
    const sinceNs = sinceMs(environment) * 1_000_000n;
    const inFlux = (directory: number, path: string): boolean =>
      moved.some((one) => one.id === directory) || movedSince(environment, path, sinceNs);
    const detail = `the tree was still changing after ${RELIST_ROUNDS} further listings`;
    return unsettle(environment, inFlux, detail, outcome);
  }
  const replaces = await relist(environment, moved, outcome);
  await settleSuspects(environment, outcome.gathered);
  return { ...resultOf(outcome, 1), replaces };
}

/**
 * Directories whose mtime or ctime is not what their listing saw. In the first round also those that moved at all since
 * the scan began: a change within the same tick of the file system's clock as their listing shows in no time.
 */
function movedDirectories(
  environment: ShardEnvironment,
  listed: readonly ListedDirectory[],
  round: number,
): MovedDirectory[] {
  const moved: MovedDirectory[] = [];
  const racyNs = round === 1 ? sinceMs(environment) * 1_000_000n : null;
  for (const [at, one] of listed.entries()) {
    environment.progress.tick();
    if (at % OPENED_AHEAD === 0)
      openAhead(
        environment,
        listed.slice(at, at + OPENED_AHEAD).map(({ path }) => path),
      );
    if (environment.hangs(one.id, '')) continue;
    environment.enter(one.id, '');
    try {
      const handle = openDirectory(environment.root, one.path);
      try {
        const { stat } = handle;
        const differs = stat.inode !== one.inode || stat.mtimeNs !== one.mtimeNs || stat.ctimeNs !== one.ctimeNs;
        if (differs || (racyNs !== null && (stat.mtimeNs >= racyNs || stat.ctimeNs >= racyNs))) {
          // Mounted over or unmounted since it was listed: its names are hidden, and what is seen there now says
          // nothing of them.
          if (environment.isBelowCovered(one.path)) continue;
          const { inode, device, mtimeNs, ctimeNs } = stat;
          moved.push({
            id: one.id,
            path: one.path,
            inode: String(inode),
            device: String(device),
            movedNs: mtimeNs > ctimeNs ? mtimeNs : ctimeNs,
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
  environment.leave();
  return moved;
}

interface MovedDirectory extends ShardDirectory {
  /** The later of mtime and ctime. */
  readonly movedNs: bigint;
}

function sinceMs(environment: ShardEnvironment): bigint {
  return BigInt(environment.context.startedMs) - RACY_MS;
}

/**
 * Until the directory's clock has ticked since it moved: a change that comes after its listing then shows in its times.
 */
async function ticked(environment: ShardEnvironment, directory: MovedDirectory): Promise<void> {
  const tickMs = directory.movedNs % 1_000_000_000n === 0n ? COARSE_TICK_MS : TICK_MS;
  const leftMs = Number(directory.movedNs / 1_000_000n) + tickMs - environment.nowMs();
  if (leftMs > 0) await new Promise((resolve) => setTimeout(resolve, Math.min(leftMs, COARSE_TICK_MS)));
}

/** @returns the directories whose rows of this scan are replaced */
async function relist(
  environment: ShardEnvironment,
  moved: readonly MovedDirectory[],
  outcome: ListOutcome,
): Promise<number[]> {
  const { client, context } = environment;
  const unvisited = await unvisitedDirectories(client, context);
  const replaced = new Set<number>();
  for (const directory of moved) {
    // What lay above it is gone, and with it everything that this scan saw below.
    if (replaced.has(directory.id)) continue;
    await ticked(environment, directory);
    environment.columns.reset();
    listAhead(environment, [directory]);
    const one = look(environment, directory, RELIST_ENTRIES);
    environment.leave();
    // What cannot be listed now keeps what its first listing saw; if that was wrong, the next round or the end
    // unsettles it. (So does one that is longer than can be held in memory: names that vanished from it meanwhile are
    // unsettled in the end.)
    if ('huge' in one) one.huge.close();
    if ('gap' in one || 'huge' in one) continue;
    try {
      const rows = (await knownRows(client, context, [directory.id], null)).get(directory.id) ?? new Map();
      const donors = (await knownDonors(client, context, [directory.id])).get(directory.id);
      // What the first listing read otherwise is taken back with it, and must not be carried now.
      const chosen = (await chosenOf(client, context, [directory.id])).get(directory.id);
      const diffed = diffDirectory(
        environment,
        { looked: one, known: rows, donors, nexts: null, complete: true, readLarge: true, chosen },
        outcome.gathered,
      );
      outcome.listings.push(listingOf(environment, one, diffed));
      replaced.add(directory.id);
      // Of the entries that stand, so that a directory which became a gap meanwhile is not entered.
      const children = await childDirectories(environment, [{ ...one, standing: diffed.standing }], outcome);
      const entered = new Set<string>();
      for (const child of children) {
        const name = child.path.slice(child.path.lastIndexOf('/') + 1);
        entered.add(name);
        if (isDirectory(rows.get(name)) && !unvisited.has(child.id)) continue;
        outcome.rest.push(child);
        replaced.add(child.id);
      }
      const left = [...rows].filter(([name, row]) => isDirectory(row) && !entered.has(name)).map(([name]) => name);
      for (const id of await subtreesOf(environment, directory, left)) replaced.add(id);
    } finally {
      one.handle.close();
    }
  }
  const replaces = [...replaced];
  subtract(outcome.gathered.counts, await contributionOf(client, context, replaces));
  // Files and bytes were counted at the first listing.
  outcome.gathered.counts.files = 0;
  outcome.gathered.counts.bytes = 0;
  outcome.gathered.counts.moved = moved.length;
  return replaces;
}

function isDirectory(row: KnownRow | undefined): boolean {
  return row?.now?.kind === 'directory' || row?.own?.kind === 'directory';
}

/**
 * What this scan wrote below directories that are gone, hidden or not entered any more must go too: it is told by what
 * stands above.
 */
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
  for (const key of ['seen', 'found', 'changed', 'vanished', 'unknown', 'excluded', 'visited'] as const)
    counts[key] -= before[key];
}

/** What vanished from a directory in flux may be anywhere. It is unsettled, not gone. */
async function unsettle(
  environment: ShardEnvironment,
  isInFlux: (directory: number, path: string) => boolean,
  detail: string,
  outcome: ListOutcome,
): Promise<ShardResult> {
  const result = resultOf(outcome, 1);
  const inFlux = new Map<number, boolean>();
  const unsettles: { directory: number; name: string }[] = [];
  for (const { directory, path, name } of await vanishedNames(environment.client, environment.context)) {
    let flux = inFlux.get(directory);
    if (flux === undefined) inFlux.set(directory, (flux = isInFlux(directory, path)));
    if (flux) unsettles.push({ directory, name });
  }
  const gaps: GapRow[] = unsettles.map((one) => ({ ...one, status: 'unsettled', errno: null, detail }));
  result.counts.vanished -= unsettles.length;
  result.counts.unknown += unsettles.length;
  // Their listings lack these names, which the catalog still holds: the next scan must not take such a directory for
  // unchanged.
  const forgets = [...new Set(unsettles.map(({ directory }) => directory))];
  return { ...result, gaps, unsettles, forgets };
}

function movedSince(environment: ShardEnvironment, path: string, startNs: bigint): boolean {
  try {
    const handle = openDirectory(environment.root, path);
    try {
      return handle.stat.mtimeNs >= startNs || handle.stat.ctimeNs >= startNs;
    } finally {
      handle.close();
    }
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    return true;
  }
}
