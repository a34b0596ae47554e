// `volumes rebase`: after a disaster the volume *is* on a new file system. A person says so, with a reason.
import { RollcallError } from '../../domain/exit.ts';
import type { Database } from '../catalog/database.ts';
import { inTransaction } from '../catalog/database.ts';
import { writeAudit } from '../catalog/findings.ts';
import { findVolume, recordIdentity } from '../catalog/volumes.ts';
import type { Volume } from '../catalog/volumes.ts';
import { identifyRoot, isIdentity } from '../files/identity.ts';
import { realPathOf } from '../files/location.ts';

export interface Rebase {
  /** A volume's name, or the path of its root. */
  readonly volume: string;
  readonly reason: string;
  readonly actor: string;
  readonly host: string;
  readonly nowMs: number;
}

/** Records what lies at the root now as the volume's identity. @throws RollcallError for an unknown volume, or a root that cannot be opened */
export async function rebase(
  db: Database,
  request: Rebase,
): Promise<{ volume: Volume; before: unknown; now: unknown }> {
  if (request.reason.trim() === '') {
    throw new RollcallError('A new identity is accepted with a reason only.', { next: 'Say why with --reason TEXT.' });
  }
  const volume = await findByNameOrPath(db, request);
  if (volume.layout !== 'tree') {
    throw new RollcallError(
      `${volume.name} is a series of snapshots: each has an identity of its own, and none is rebased.`,
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
  return { volume, before: volume.identity, now };
}

async function findByNameOrPath(db: Database, request: Rebase): Promise<Volume> {
  const byName = await findVolume(db.pool, request.volume);
  if (byName !== null) return byName;
  const byPath = await findVolume(db.pool, `tree:${request.host}:${pathOf(request.volume)}`);
  if (byPath !== null) return byPath;
  throw new RollcallError(`There is no volume ${request.volume}.`, { next: 'rollcall volumes lists them.' });
}

function pathOf(argument: string): string {
  try {
    return realPathOf(argument);
  } catch {
    return argument;
  }
}
