// `volumes forget`: a volume that was scanned by mistake, or is no more, leaves the catalog. A person says so, with a
// reason.
import { EXIT, RollcallError } from '../domain/exit.ts';
import { writeAudit } from './catalog/audit-log.ts';
import { inTransaction, type Database } from './catalog/database.ts';
import { forgetVolume, giveRoomBack, isScanned, lockVolumes, type Known } from './catalog/forget.ts';
import type { Volume } from './catalog/volumes.ts';
import { workingDirectory } from './process/working-directory.ts';
import { plural } from './report/wording.ts';
import { volumeNamed } from './typed/volume-named.ts';

export interface Forget {
  /** A volume's name, the path of its root, or the pattern of its snapshots. */
  readonly volume: string;
  readonly reason: string;
  readonly actor: string;
  readonly host: string;
  readonly nowMs: number;
}

/** @throws RollcallError for an unknown volume, an empty reason, or while a scan of the volume runs (a guard) */
export async function forget(
  db: Database,
  request: Forget,
): Promise<{ readonly volume: Volume; readonly known: Known }> {
  if (request.reason.trim() === '') {
    throw new RollcallError('Forgetting a volume needs a reason.', { next: 'Say why with --reason TEXT.' });
  }
  const volume = await volumeNamed(db.pool, request.volume, { host: request.host, cwd: workingDirectory() });
  const known = await inTransaction(db, async (client) => {
    await lockVolumes(client);
    if (await isScanned(client, volume.id, request.nowMs)) {
      throw new RollcallError(`A scan of ${volume.name} is running. Nothing was forgotten.`, {
        exit: EXIT.guard,
        next: 'wait until it has ended, or stop it (rollcall status shows who works on it), then run this again',
      });
    }
    const all = await forgetVolume(client, volume.id);
    const { actor, reason, nowMs: atMs } = request;
    await writeAudit(client, [
      { atMs, actor, action: 'forget', subject: `${volume.name} (${knownText(all)})`, reason },
    ]);
    return all;
  });
  // It is forgotten by now, whatever becomes of this.
  await giveRoomBack(db.pool).catch(() => {});
  return { volume, known };
}

/** "2 scans, 34 file versions, 3 findings (1 open), 1 assessment" */
export function knownText({ scans, versions, findings, openFindings, assessments, lists }: Known): string {
  return [
    plural(scans, 'scan'),
    plural(versions, 'file version'),
    `${plural(findings, 'finding')}${openFindings > 0 ? ` (${openFindings} open)` : ''}`,
    plural(assessments, 'assessment'),
    ...(lists > 0 ? [plural(lists, 'imported list')] : []),
  ].join(', ');
}
