// `volumes rebase`: after a disaster the volume *is* on a new file system. A person says so, with a reason.
import { RollcallError } from '../../domain/exit.ts';
import type { Database } from '../catalog/database.ts';
import { inTransaction } from '../catalog/database.ts';
import { writeAudit } from '../catalog/audit-log.ts';
import { recordIdentity } from '../catalog/volumes.ts';
import type { Volume } from '../catalog/volumes.ts';
import { identifyRoot, isIdentity } from '../files/identity.ts';
import { workingDirectory } from '../files/location.ts';
import { volumeNamed } from './volume-named.ts';

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
  const volume = await volumeNamed(db.pool, request.volume, { host: request.host, cwd: workingDirectory() });
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
