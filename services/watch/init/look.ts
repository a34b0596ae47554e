// What init finds of the live volume and of each backup: series, dates, mounts, sizes. Every guard of a scan holds.
import { isEstimated } from '../../../domain/snapshot-order.ts';
import { isPattern } from '../../../domain/snapshot-pattern.ts';
import { isBricks } from '../../../domain/gluster/named.ts';
import { EXIT, RollcallError } from '../../../domain/exit.ts';
import { baseName } from '../../../domain/path.ts';
import { placesOf } from '../../files/location.ts';
import { absolutePattern } from '../../files/pattern.ts';
import { type Mount, mountByPath, readMounts } from '../../files/mounts.ts';
import type { FoundSeries } from '../../files/snapshots.ts';
import { usedBelow } from '../../files/used.ts';
import { offsetsFor } from '../../files/zone.ts';
import { refuseOverlap } from '../../typed/compared.ts';
import { checkBackup, checkLive } from '../../typed/inputs.ts';
import { datedIn } from '../../typed/mistaken.ts';
import { placed, refuseRelative } from '../../typed/placed.ts';
import { isContent } from '../../typed/refused.ts';
import { patternOf } from '../../typed/unquoted.ts';
import { type Instead, volumeInstead } from './bricks-instead.ts';
import { isOfSeries, levelOf, literalPattern, seriesIn } from './series-in.ts';

export interface InitRequest {
  readonly live: string;
  readonly backups: readonly string[];
  readonly host: string;
  readonly cwd: string;
  readonly nowMs: number;
  readonly notGluster: boolean;
  readonly bricksRescued: boolean;
}

/** Where something lies: 'btrfs on /dev/sdb1', read-only or not; and how much its file system has in use. */
export interface Storage {
  readonly fsType: string;
  readonly source: string;
  readonly readOnly: boolean;
  /** Of all that the file system holds; null where it does not say. */
  readonly usedBytes: number | null;
}

export interface LookedAtLive {
  readonly host: string;
  readonly path: string;
  /** Null: on another host, not looked at. */
  readonly storage: Storage | null;
  /** Of a GlusterFS volume: what was typed, and what is proposed in its place; null where that is the same. */
  readonly instead: Instead | null;
}

export interface LookedAtBackup {
  readonly host: string;
  readonly pattern: string;
  /** What was typed, where it means more than it says. */
  readonly typed: string | null;
  /** Null: on another host, not looked at. */
  readonly found: {
    readonly storage: Storage | null;
    readonly snapshots: number;
    readonly firstMs: number;
    readonly lastMs: number;
    /** Usual time between two; null for fewer than three. */
    readonly everyMs: number | null;
    readonly isEstimated: boolean;
    /** On the file system of the live volume: they help against deletions, not when the disk dies. */
    readonly besideLive: boolean;
    readonly leftOut: readonly { readonly path: string; readonly reason: string }[];
  } | null;
}

export interface Looked {
  readonly live: LookedAtLive;
  readonly backups: readonly LookedAtBackup[];
}

/** @throws RollcallError for what a scan would refuse, too */
export async function look(request: InitRequest): Promise<Looked> {
  const scope = { ...request, crossMounts: false, newState: false, tz: null, limit: null };
  const live = placed(request.live, request.host);
  const isHere = live.host === request.host;
  if (!isHere) refuseRelative(live, 'LIVE');
  const instead = isHere ? volumeInstead(live.path, request) : null;
  const checked = isHere ? checkLive(instead?.path ?? live.path, { ...scope, newState: true }) : null;
  if (checked !== null) refuseNoVolume(checked.live, checked.names);
  const names = checked === null ? null : new Set(checked.names.filter(isContent));
  const path = checked?.live ?? live.path;
  const backups: LookedAtBackup[] = [];
  for (const typed of asMeant(request.backups)) {
    const backup = placed(typed, request.host);
    if (backup.host !== request.host) {
      refuseRelative(backup, 'BACKUP');
      backups.push({ host: backup.host, pattern: backup.path, typed: null, found: null });
      continue;
    }
    const { pattern, found } = await seriesOf(backup.path, names, scope);
    if (checked !== null) for (const place of placesOf(path)) refuseOverlap(place, found, false, readMounts());
    backups.push({
      host: backup.host,
      pattern,
      typed: pattern === absolutePattern(typed, request.cwd) ? null : typed,
      found: foundOf(found, checked === null ? [] : placesOf(path).flatMap((place) => mountByPath(place) ?? [])),
    });
  }
  const storage = checked === null ? null : storageOf(path);
  return { live: { host: live.host, path, storage, instead }, backups };
}

/** What a schedule would only stumble over: nothing is mounted there, or it is one of the snapshots. */
function refuseNoVolume(path: string, names: readonly string[]): void {
  if (!names.some(isContent))
    throw new RollcallError(`${path} is empty: most likely it is not mounted.`, {
      exit: EXIT.guard,
      next: `Check findmnt ${placesOf(path).join(' ')}, and mount the volume.`,
    });
  const dated = isBricks(path) ? null : datedIn(path);
  if (dated !== null)
    throw new RollcallError(
      `${path} looks like a snapshot: ${baseName(dated)} is a date. Are live and backup swapped?`,
      {
        exit: EXIT.guard,
        next: 'Name the volume that people work on first, then its backups. If it is the live volume, write the file by hand.',
      },
    );
}

/** Words that the shell made of one pattern are that pattern. */
function asMeant(backups: readonly string[]): readonly string[] {
  const pattern = backups.some(isPattern) ? null : patternOf(backups);
  if (pattern === null) return backups;
  const at = pattern.split('/').indexOf('*');
  const offsetAt = offsetsFor(null);
  return backups.every((word) => isOfSeries(word.split('/')[at] ?? '', offsetAt)) ? [pattern] : backups;
}

type Scope = Parameters<typeof checkBackup>[1];

/** The series that is meant: a directory of snapshots for a snapshot, the level of the live files below each. */
async function seriesOf(
  typed: string,
  live: ReadonlySet<string> | null,
  scope: Scope,
): Promise<{ readonly pattern: string; readonly found: FoundSeries }> {
  // What refuses a mount on which looking may destroy comes first: to resolve a path looks it up.
  let found = await foundSeries(typed, scope);
  let pattern = absolutePattern(typed, scope.cwd);
  const [only] = found.snapshots;
  const isOne = found.literal && only !== undefined;
  const isMirror = isOne && live !== null && levelOf(only.path, live, readMounts()) === '';
  if (isOne && !isMirror) {
    const series = seriesIn(only.path, offsetsFor(scope.tz));
    if (series !== null) {
      pattern = series;
      found = await foundSeries(pattern, scope);
    }
  }
  const newest = found.snapshots.at(-1);
  const below = live === null || newest === undefined ? '' : levelOf(newest.path, live, readMounts());
  if (below === null)
    throw new RollcallError(
      `Nothing at the top of the live volume is in ${newest?.path}, nor in the directories below it.`,
      { next: 'Check that it is a backup of this volume, and name the directory in which its files lie.' },
    );
  if (below === '') return { pattern, found };
  const deeper = literalPattern(below);
  if (deeper === null) return { pattern, found };
  pattern = `${pattern}/${deeper}`;
  return { pattern, found: await foundSeries(pattern, scope) };
}

async function foundSeries(pattern: string, scope: Scope): Promise<FoundSeries> {
  const found = await checkBackup(pattern, scope);
  if (!('exportFile' in found)) return found;
  throw new RollcallError(`${found.exportFile} is an export of another host: serve scans where the backup is.`, {
    next: 'Name the host with the pattern of its snapshots: HOST:/PATTERN.',
  });
}

/** @param live the mounts of the live volume */
function foundOf({ snapshots, leftOut }: FoundSeries, live: readonly Mount[]): LookedAtBackup['found'] {
  const [first, last] = [snapshots[0], snapshots.at(-1)];
  if (first === undefined || last === undefined) return null;
  const steps = snapshots.slice(1).map(({ asOf }, at) => asOf.fromMs - (snapshots[at]?.asOf.fromMs ?? asOf.fromMs));
  steps.sort((a, b) => a - b);
  const mount = mountByPath(last.path);
  return {
    storage: storageAt(last.path),
    snapshots: snapshots.length,
    firstMs: first.asOf.fromMs,
    lastMs: last.asOf.fromMs,
    everyMs: steps.length < 2 ? null : (steps[Math.floor(steps.length / 2)] ?? null),
    isEstimated: snapshots.some(({ asOf }) => isEstimated(asOf)),
    besideLive: mount !== null && live.some(({ source, fsType }) => mount.source === source && mount.fsType === fsType),
    leftOut,
  };
}

/** A volume on bricks has those of all their file systems. */
function storageOf(path: string): Storage | null {
  if (!isBricks(path)) return storageAt(path);
  const mounts = new Map<string, Storage>();
  for (const brick of placesOf(path)) {
    const storage = storageAt(brick);
    if (storage !== null) mounts.set(storage.source, storage);
  }
  const all = [...mounts.values()];
  const used = all.map(({ usedBytes }) => usedBytes);
  return {
    fsType: `${placesOf(path).length} bricks of GlusterFS`,
    source: all.map(({ fsType, source }) => `${fsType} ${source}`).join(', '),
    readOnly: all.some(({ readOnly }) => readOnly),
    usedBytes: used.includes(null) ? null : used.reduce<number>((sum, bytes) => sum + (bytes ?? 0), 0),
  };
}

function storageAt(path: string): Storage | null {
  const mount = mountByPath(path);
  if (mount === null) return null;
  const { fsType, source, readOnly } = mount;
  return { fsType, source, readOnly, usedBytes: usedBelow(path)?.bytes ?? null };
}
