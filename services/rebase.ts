// `volumes rebase`: after a disaster the volume *is* on a new file system, or it has other bricks than before. A person
// says so, with a reason, and Rollcall looks at what is there.
import { EXIT, RollcallError } from '../domain/exit.ts';
import { brickList, placesIn } from '../domain/gluster/brick-places.ts';
import { isBricks } from '../domain/gluster/named.ts';
import type { Database } from './catalog/database.ts';
import { inTransaction } from './catalog/database.ts';
import { writeAudit } from './catalog/audit-log.ts';
import { type Queryable, topLevelNames } from './catalog/scans.ts';
import { brickVolumeKey, findVolume, moveRoot, recordIdentity, rekeyVolume } from './catalog/volumes.ts';
import type { Volume } from './catalog/volumes.ts';
import { bricksOfVolume } from './files/brick-at.ts';
import { volumeOf } from './files/glusterd-record.ts';
import { identifyRoot, isIdentity, type RootIdentity } from './files/identity.ts';
import { workingDirectory } from './process/working-directory.ts';
import { checkLive } from './typed/inputs.ts';
import { placed } from './typed/placed.ts';
import { volumeNamed } from './typed/volume-named.ts';

export interface Rebase {
  /** A volume's name, or the path of its root; of a volume on bricks also the bricks that it has now. */
  readonly volume: string;
  readonly reason: string;
  readonly actor: string;
  readonly host: string;
  readonly nowMs: number;
  /** --new-state: also an empty root, or one without any known name. */
  readonly newState: boolean;
  readonly notGluster: boolean;
  readonly bricksRescued: boolean;
}

/** What lies at the top of the root now, held against what was known there. */
export interface Seen {
  readonly names: number;
  readonly known: number;
  /** Of the known ones: those that are there. */
  readonly found: number;
  /** Of the known ones: some that are not there, printable. */
  readonly missing: readonly string[];
}

/** Bricks of a volume that is read from them, held against those that it had. */
export interface BricksSeen {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  /** Named, and away now: what is on them stays unknown. */
  readonly away: readonly string[];
  /** Of the same volume on this host, as glusterd has it, and not named: what is on them stays unknown. */
  readonly unnamed: readonly string[];
}

export interface Rebased {
  readonly volume: Volume;
  readonly before: unknown;
  readonly now: RootIdentity;
  readonly seen: Seen;
  /** Null for a directory. */
  readonly bricks: BricksSeen | null;
}

const MISSING_MAX = 5;

/**
 * Records what lies at the root now as the volume's identity.
 * @throws RollcallError for an unknown volume, or a root that cannot be opened; a guard (4) for one that is empty or
 *   holds nothing that is known
 */
export async function rebase(db: Database, request: Rebase): Promise<Rebased> {
  if (request.reason.trim() === '') {
    throw new RollcallError('Accepting a new identity needs a reason.', { next: 'Say why with --reason TEXT.' });
  }
  const volume = await volumeNamed(db.pool, request.volume, { host: request.host, cwd: workingDirectory() });
  if (volume.layout === 'snapshots') {
    throw new RollcallError(
      `${volume.name} is a backup with snapshots: each has an identity of its own, and none can be rebased.`,
    );
  }
  if (volume.host !== request.host) {
    throw new RollcallError(`${volume.name} is on the host ${volume.host}, and this is ${request.host}.`, {
      next: `Run it on ${volume.host}.`,
    });
  }
  const isOnBricks = volume.layout === 'gluster';
  const meant = isOnBricks ? bricksMeant(volume, request.volume) : volume.path;
  const { live, names } = checkLive(meant, { ...request, cwd: '/', crossMounts: false });
  const path = isOnBricks ? live : volume.path;
  const seen = compare(names, await topLevelNames(db.pool, volume));
  if (seen.known > 0 && seen.found === 0 && !request.newState) throw anotherTree(path, seen);
  // Mounts that were entered before are still expected: one that is away just now must not count as vanished later.
  const entered = isIdentity(volume.identity) ? volume.identity.enteredMounts : [];
  const found = identifyRoot(path, entered);
  const bricks = isOnBricks ? bricksSeen(volume, { path, now: found }) : null;
  // One that it had, and that is away now, is still one of them.
  const now = bricks === null ? found : { ...found, bricks: ownBricks(path, bricks) };
  await inTransaction(db, async (client) => {
    if (bricks !== null) await takeOver(client, volume, { path, now });
    await recordIdentity(client, volume.rootId, now);
    const { actor, reason, nowMs: atMs } = request;
    await writeAudit(client, [{ atMs, actor, action: 'rebase', subject: volume.name, reason }]);
  });
  return { volume: { ...volume, path }, before: volume.identity, now, seen, bricks };
}

/** The bricks that were typed; those that it had where its name was. */
function bricksMeant({ host, path }: Volume, typed: string): string {
  return isBricks(typed) ? brickList(placesIn(placed(typed, host).path)) : path;
}

function anotherTree(path: string, { known, missing }: Seen): RollcallError {
  return new RollcallError(
    `${path} is another tree: of the ${known} names that are known at its top (${missing.join(', ')}${known > missing.length ? ', …' : ''}), none is there. Nothing was accepted.`,
    {
      exit: EXIT.guard,
      next: `Check what is mounted there (findmnt ${placesIn(path).join(' ')}). If the volume really has none of its old names, say so with --new-state.`,
    },
  );
}

/** A volume that was made anew has another id, and goes on under it. */
async function takeOver(
  client: Queryable,
  volume: Volume,
  { path, now }: { readonly path: string; readonly now: RootIdentity },
): Promise<void> {
  const key = brickVolumeKey(volume.host, now.uuid ?? '');
  const other = key === volume.key ? null : await findVolume(client, key);
  if (other !== null) {
    throw new RollcallError(`These bricks are those of ${other.name}, which has a history of its own.`, {
      next: `To let ${volume.name} go on there, forget that one first: rollcall volumes forget '${other.name}' --reason TEXT`,
    });
  }
  await rekeyVolume(client, volume.id, key);
  await moveRoot(client, { rootId: volume.rootId, host: volume.host, path });
}

function ownBricks(path: string, { added, away }: BricksSeen): readonly string[] {
  return placesIn(path).filter((one) => !away.includes(one) || !added.includes(one));
}

function bricksSeen(volume: Volume, { path, now }: { readonly path: string; readonly now: RootIdentity }): BricksSeen {
  const named = placesIn(path);
  const before = (isIdentity(volume.identity) ? volume.identity.bricks : undefined) ?? placesIn(volume.path);
  const known = now.uuid === null ? null : volumeOf(now.uuid);
  return {
    added: named.filter((one) => !before.includes(one)),
    removed: before.filter((one) => !named.includes(one)),
    away: named.filter((one) => now.bricks?.includes(one) !== true),
    unnamed: known === null ? [] : bricksOfVolume(known).here.filter((one) => !named.includes(one)),
  };
}

function compare(names: readonly string[], known: readonly string[]): Seen {
  const there = new Set(names);
  const missing = known.filter((name) => !there.has(name));
  return {
    names: names.length,
    known: known.length,
    found: known.length - missing.length,
    missing: missing.slice(0, MISSING_MAX),
  };
}
