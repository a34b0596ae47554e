// A live volume that is read from its bricks: known by its own id, because bricks come and go, and held against what
// was read before: another volume on the same bricks is none of its scans, and a brick that is not named any more is
// not forgotten.
import { EXIT, RollcallError } from '../../domain/exit.ts';
import { placesIn } from '../../domain/gluster/brick-places.ts';
import { isOnHosts } from '../../domain/gluster/named.ts';
import { completeScans } from '../catalog/scans.ts';
import { brickVolumeKey, brickVolumesAt, ensureVolume, findVolume, moveRoot, rekeyVolume } from '../catalog/volumes.ts';
import type { Volume } from '../catalog/volumes.ts';
import { bricksOfVolume } from '../files/brick-at.ts';
import { volumeOf } from '../files/glusterd-record.ts';
import { identifyRoot, isIdentity, type RootIdentity } from '../files/identity.ts';
import { type AskingTools, askingHosts } from './asking-hosts.ts';
import type { ScanTools } from './scan-volume.ts';

type Tools = Pick<ScanTools, 'db' | 'host' | 'nowMs'> & AskingTools;

/**
 * @param newState another volume on the same bricks goes on as the one that was there
 * @throws RollcallError (4) where these bricks were those of another volume
 */
export async function brickVolume(tools: Tools, path: string, newState: boolean): Promise<Volume> {
  const { db, host } = tools;
  const uuid = (await askingHosts(tools, path, () => identifyRoot(path))).uuid ?? '';
  // Bricks of several hosts are read by any of them.
  const key = brickVolumeKey(isOnHosts(path) ? null : host, uuid);
  if ((await findVolume(db.pool, key)) === null) {
    const before = await volumeBefore(tools, path);
    if (before !== null && !newState) throw anotherVolume(path, before, uuid);
    if (before !== null) await rekeyVolume(db.pool, before.id, key);
  }
  const of = { role: 'live', layout: 'gluster', name: path, host, path, nowMs: tools.nowMs() } as const;
  const volume = await ensureVolume(db.pool, { ...of, key });
  if (volume.path !== path || volume.host !== host) await moveRoot(db.pool, { rootId: volume.rootId, host, path });
  return { ...volume, host, path };
}

/** The volume that was read from these bricks and no others, or from some of them alone. */
async function volumeBefore({ db, host }: Tools, path: string): Promise<Volume | null> {
  const now = placesIn(path);
  for (const one of await brickVolumesAt(db.pool, { host, path })) {
    const then = bricksBefore(one);
    const isSame = now.every((brick) => then.includes(brick)) || then.every((brick) => now.includes(brick));
    if (isSame && (await completeScans(db.pool, one.id)).length > 0) return one;
  }
  return null;
}

function bricksBefore({ identity, path }: Volume): readonly string[] {
  return (isIdentity(identity) ? identity.bricks : undefined) ?? placesIn(path);
}

function anotherVolume(path: string, { identity }: Volume, uuid: string): RollcallError {
  const was = isIdentity(identity) ? identity.uuid : null;
  return new RollcallError(
    `${path}: these are bricks of another volume than was scanned there before: its id is ${uuid}${was === null ? '' : `, and was ${was}`}. Nothing was scanned.`,
    {
      exit: EXIT.guard,
      next: `Check what is mounted there (findmnt). If the volume was made anew and goes on: rollcall volumes rebase '${path}' --reason "…"`,
    },
  );
}

/**
 * The identity of a scan, with the bricks that were read before: what may be on one that is not named now is unknown,
 * and never missing, until somebody says that it was taken out of the volume. Glusterd says so where it is here.
 */
export function withBricksBefore(
  { onNotice }: Pick<ScanTools, 'onNotice'>,
  volume: Volume,
  { path, found }: { readonly path: string; readonly found: RootIdentity },
): RootIdentity {
  if (found.bricks === undefined) return found;
  const { bricks, unnamed } = bricksOfScan(volume, { path, found });
  if (unnamed.length > 0)
    onNotice(
      `${unnamed.join(', ')}: read before as ${unnamed.length === 1 ? 'a brick' : 'bricks'} of this volume, and not named now. What may be there is unknown, never missing. ` +
        `Name ${unnamed.length === 1 ? 'it' : 'them'} too; or, if taken out of the volume: rollcall volumes rebase '${path}' --reason "…"`,
    );
  return { ...found, bricks };
}

function bricksOfScan(
  volume: Volume,
  { path, found }: { readonly path: string; readonly found: RootIdentity },
): { readonly bricks: readonly string[]; readonly unnamed: readonly string[] } {
  const named = placesIn(path);
  const known = found.uuid === null || isOnHosts(path) ? null : volumeOf(found.uuid);
  const has = known === null ? null : bricksOfVolume(known).here;
  const before = (isIdentity(volume.identity) ? volume.identity.bricks : undefined) ?? [];
  const unnamed = before.filter((brick) => !named.includes(brick) && has?.includes(brick) !== false);
  const stays = before.filter((brick) => named.includes(brick) || unnamed.includes(brick));
  return { bricks: [...new Set([...(found.bricks ?? []), ...stays])].sort(), unnamed };
}
