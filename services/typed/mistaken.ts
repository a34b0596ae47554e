// What a person has typed for something else: live and backup swapped, a snapshot for a live volume, a volume for its
// backup. As far as names, dates and the catalog can tell; each is stopped with what to check and the option that
// accepts it.
import { EXIT, RollcallError } from '../../domain/exit.ts';
import { baseName, isWithin, joinPath, parentOf } from '../../domain/path.ts';
import { isDayOrTime } from '../../domain/snapshot-date.ts';
import { offsetsOf } from '../../domain/time-zone.ts';
import { completeScans, type Queryable } from '../catalog/scans.ts';
import { recordedSnapshots } from '../catalog/snapshots.ts';
import { findVolume, listVolumes } from '../catalog/volumes.ts';
import { subvolumeOf } from '../files/btrfs.ts';
import { directoryTimes } from '../files/glance.ts';
import { expandPattern } from '../files/pattern.ts';
import { isPattern } from '../../domain/snapshot-pattern.ts';
import type { CheckedInputs } from './inputs.ts';
import { DAY_MS } from '../../domain/lengths.ts';

const UTC = offsetsOf('UTC');
const CONFIRM = 'If it is right all the same, say so with --new-state.';

/** A series of the catalog, and the one of its snapshots that is meant. */
export interface KnownSeries {
  readonly pattern: string;
  readonly snapshot: string;
}

/** The series of this host that a directory belongs to, as one of its snapshots; null for none. */
export async function seriesOf(client: Queryable, host: string, path: string): Promise<KnownSeries | null> {
  const prefix = `series:${host}:`;
  const series = (await listVolumes(client)).filter(({ key }) => key.startsWith(prefix));
  for (const volume of series) {
    const key = volume.key.slice(prefix.length);
    // A label of earlier versions may be relative to some directory.
    const pattern = volume.name.startsWith('/') ? volume.name : key;
    if (!path.startsWith(volume.path) || !isPattern(pattern)) continue;
    const recorded = (await recordedSnapshots(client, volume.id)).find((one) => isWithin(one.path, path));
    if (recorded !== undefined) return { pattern, snapshot: recorded.path };
    const match = (await matchesOf(pattern)).find((one) => isWithin(one, path));
    if (match !== undefined) return { pattern, snapshot: match };
  }
  return null;
}

async function matchesOf(pattern: string): Promise<readonly string[]> {
  try {
    return (await expandPattern(pattern)).matches.map(({ path }) => path);
  } catch (error) {
    // What cannot be listed any more matches nothing here; whoever scans that series is told.
    if (error instanceof RollcallError) return [];
    throw error;
  }
}

/** The directory on the way to a path, or itself, whose name is a date and nothing else; null for none. */
export function datedIn(path: string): string | null {
  for (let one = path; one !== '/'; one = parentOf(one)) if (isDayOrTime(baseName(one), UTC)) return one;
  return null;
}

/**
 * A directory that is called by a date is scanned as a live volume only if somebody says that it is one.
 * @throws RollcallError (4)
 */
export function refuseDatedVolume(path: string): void {
  const dated = datedIn(path);
  if (dated === null) return;
  const pattern = `${joinPath(parentOf(dated), '*')}${path.slice(dated.length)}`;
  throw new RollcallError(`${path} looks like one snapshot of several: ${baseName(dated)} is a date.`, {
    exit: EXIT.guard,
    next: `Quote the pattern, so that the shell leaves it alone: rollcall scan '${pattern}'. Add --role live if it is a live volume, --role backup if this snapshot is all.`,
  });
}

/** @throws RollcallError (4) where live and backup seem to be swapped */
export async function refuseSwapped(client: Queryable, host: string, inputs: CheckedInputs): Promise<void> {
  const { live } = inputs;
  const swapped = (why: string, check: string): RollcallError =>
    new RollcallError(`${why} Are live and backup swapped? Nothing was scanned.`, {
      exit: EXIT.guard,
      next: `${check} ${CONFIRM}`,
    });
  const series = await seriesOf(client, host, live);
  if (series !== null)
    throw swapped(
      `${live}, given as --live, is the snapshot ${series.snapshot} of ${series.pattern}.`,
      'Name the volume that people work on with --live, and its snapshots with --backup.',
    );
  const volume = await findVolume(client, `tree:${host}:${live}`);
  const isKnown = volume !== null && (await completeScans(client, volume.id)).length > 0;
  if (isKnown) return;
  const dated = datedIn(live);
  if (dated !== null)
    throw swapped(
      `${live}, given as --live, looks like a snapshot: ${baseName(dated)} is a date.`,
      'Name the volume that people work on with --live, and its snapshots with --backup.',
    );
  const subvolume = subvolumeOf(live);
  if (subvolume !== null && subvolume.isSnapshot && subvolume.readOnly)
    throw swapped(
      `${live}, given as --live, is a read-only snapshot of btrfs.`,
      'Name the subvolume that people work on with --live.',
    );
  for (const { snapshots, literal } of inputs.series) {
    for (const { path } of snapshots) {
      const known = await findVolume(client, `tree:${host}:${path}`);
      if (known !== null && known.path === path)
        throw swapped(
          `${path}, given as --backup, is known as a live volume, and ${live} is not.`,
          'Name the volume that people work on with --live, and its snapshots with --backup.',
        );
    }
    const [only] = snapshots;
    if (!literal || only === undefined || datedIn(only.path) !== null) continue;
    if (isOlder(live, only.path))
      throw swapped(
        `The directories of ${live}, given as --live, are older than those of ${only.path}, given as --backup.`,
        'Check which of the two people work on. A live volume that was set back to an earlier state looks the same.',
      );
  }
}

/**
 * Some directory at the top of both was changed a day or more later in the second, and none in the first. (A copy is
 * never newer than what it was made of; files that are lost in silence leave the times of their directories alone.)
 */
function isOlder(live: string, backup: string): boolean {
  const [own, other] = [directoryTimes(live), directoryTimes(backup)];
  let older = 0;
  for (const [name, liveMs] of own) {
    const backupMs = other.get(name);
    if (backupMs === undefined) continue;
    if (liveMs > backupMs) return false;
    if (backupMs - liveMs >= DAY_MS) older++;
  }
  return older > 0;
}
