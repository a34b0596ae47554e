// `volumes rebase`: after a disaster the volume *is* on a new file system. A person says so, with a reason, and
// Rollcall looks at what is there.
import { EXIT, RollcallError } from '../domain/exit.ts';
import type { Database } from './catalog/database.ts';
import { inTransaction } from './catalog/database.ts';
import { writeAudit } from './catalog/audit-log.ts';
import { topLevelNames } from './catalog/scans.ts';
import { recordIdentity } from './catalog/volumes.ts';
import type { Volume } from './catalog/volumes.ts';
import { identifyRoot, isIdentity, type RootIdentity } from './files/identity.ts';
import { workingDirectory } from './process/working-directory.ts';
import { checkLive } from './typed/inputs.ts';
import { volumeNamed } from './typed/volume-named.ts';

export interface Rebase {
  /** A volume's name, or the path of its root. */
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

const MISSING_MAX = 5;

/**
 * Records what lies at the root now as the volume's identity.
 * @throws RollcallError for an unknown volume, or a root that cannot be opened; a guard (4) for one that is empty or
 *   holds nothing that is known
 */
export async function rebase(
  db: Database,
  request: Rebase,
): Promise<{ readonly volume: Volume; readonly before: unknown; readonly now: RootIdentity; readonly seen: Seen }> {
  if (request.reason.trim() === '') {
    throw new RollcallError('Accepting a new identity needs a reason.', { next: 'Say why with --reason TEXT.' });
  }
  const volume = await volumeNamed(db.pool, request.volume, { host: request.host, cwd: workingDirectory() });
  if (volume.layout !== 'tree') {
    throw new RollcallError(
      `${volume.name} is a backup with snapshots: each has an identity of its own, and none can be rebased.`,
    );
  }
  if (volume.host !== request.host) {
    throw new RollcallError(`${volume.name} is on the host ${volume.host}, and this is ${request.host}.`, {
      next: `Run it on ${volume.host}.`,
    });
  }
  const { names } = checkLive(volume.path, { ...request, cwd: '/', crossMounts: false });
  const seen = compare(names, await topLevelNames(db.pool, volume));
  if (seen.known > 0 && seen.found === 0 && !request.newState) {
    throw new RollcallError(
      `${volume.path} is another tree: of the ${seen.known} names that are known at its top (${seen.missing.join(', ')}${seen.known > seen.missing.length ? ', …' : ''}), none is there. Nothing was accepted.`,
      {
        exit: EXIT.guard,
        next: `Check what is mounted there (findmnt ${volume.path}). If the volume really has none of its old names, say so with --new-state.`,
      },
    );
  }
  // Mounts that were entered before are still expected: one that is away just now must not count as vanished later.
  const entered = isIdentity(volume.identity) ? volume.identity.enteredMounts : [];
  const now = identifyRoot(volume.path, entered);
  await inTransaction(db, async (client) => {
    await recordIdentity(client, volume.rootId, now);
    const { actor, reason, nowMs: atMs } = request;
    await writeAudit(client, [{ atMs, actor, action: 'rebase', subject: volume.name, reason }]);
  });
  return { volume, before: volume.identity, now, seen };
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
