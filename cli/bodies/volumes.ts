// The bodies of `volumes list` and `volumes rebase`.
import { hostname } from 'node:os';
import { EXIT, type ExitCode } from '../../domain/exit.ts';
import { rebase } from '../../services/audit/rebase.ts';
import { isListVolume } from '../../services/catalog/lists.ts';
import { listVolumes } from '../../services/catalog/volumes.ts';
import type { Context } from '../command.ts';
import type { ListVolumesArguments, RebaseVolumeArguments } from '../commands/volumes.ts';
import { actor } from '../config.ts';

export async function listVolumesBody(context: Context, args: ListVolumesArguments): Promise<ExitCode> {
  const { db } = await context.session();
  const volumes = await listVolumes(db.pool);
  const { output } = context;
  if (args.json) {
    output.json({ volumes: volumes });
    return EXIT.nothing;
  }
  if (volumes.length === 0)
    output.line(`No volume was scanned yet. Next: ${context.config.program} assess --live PATH --backup 'PATTERN'`);
  for (const volume of volumes) {
    const newest =
      volume.newestMs === null
        ? 'never completely'
        : `newest ${new Date(volume.newestMs).toISOString().slice(0, 16).replace('T', ' ')}Z`;
    const role = isListVolume(volume) ? 'lists' : volume.role;
    output.line(`${role.padEnd(6)} ${volume.name}`);
    output.line(
      `       ${volume.layout} on ${volume.host}: ${volume.scans} scans, ${newest}${volume.running ? ', one is running' : ''}`,
    );
  }
  return EXIT.nothing;
}

export async function rebaseVolumeBody(context: Context, args: RebaseVolumeArguments): Promise<ExitCode> {
  const { db } = await context.session();
  const { volume, before, now } = await rebase(db, {
    volume: args.volume,
    reason: args.reason,
    actor: actor(),
    host: hostname(),
    nowMs: context.now(),
  });
  if (args.json) context.output.json({ volume: volume.name, before, now });
  else
    context.output.line(
      `${volume.name}: what lies at ${volume.path} now is the volume. Nothing that it held before is forgotten.`,
    );
  return EXIT.nothing;
}
