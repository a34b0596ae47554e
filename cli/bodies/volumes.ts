// The bodies of `volumes list`, `volumes rebase` and `volumes forget`.
import { hostname } from 'node:os';
import { EXIT, type ExitCode } from '../../domain/exit.ts';
import { forget, knownText } from '../../services/forget.ts';
import { rebase } from '../../services/rebase.ts';
import { isListVolume } from '../../services/catalog/lists.ts';
import { listVolumes } from '../../services/catalog/volumes.ts';
import { plural } from '../../services/report/wording.ts';
import type { Context } from '../command.ts';
import type { ForgetVolumeArguments, ListVolumesArguments, RebaseVolumeArguments } from '../commands/volumes.ts';
import { localTime } from '../../services/report/wording.ts';
import { actor } from '../config.ts';

export async function listVolumesBody(context: Context, args: ListVolumesArguments): Promise<ExitCode> {
  const { db } = await context.session();
  const volumes = await listVolumes(db.pool);
  const { output } = context;
  if (args.json) {
    output.json({
      volumes: volumes.map((volume) => ({
        ...volume,
        newest: volume.newestMs === null ? null : new Date(volume.newestMs).toISOString(),
      })),
    });
    return EXIT.nothing;
  }
  if (volumes.length === 0)
    output.line(`No volume was scanned yet. Next: ${context.config.program} assess --live PATH --backup 'PATTERN'`);
  for (const volume of volumes) {
    const newest =
      volume.newestMs === null ? 'never completely' : `newest ${localTime(new Date(volume.newestMs).toISOString())}`;
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
  const { output } = context;
  const { volume, before, now, seen } = await rebase(db, {
    ...args,
    actor: actor(),
    host: hostname(),
    nowMs: context.now(),
  });
  if (args.json) {
    output.json({ volume: volume.name, before, now, seen });
    return EXIT.nothing;
  }
  const missing = seen.known - seen.found;
  output.line(
    `${volume.path} holds ${plural(seen.names, 'name')} at its top. ${
      seen.known === 0
        ? 'None was known there before.'
        : `Of the ${seen.known} known there, ${seen.found === seen.known ? 'all' : seen.found} ${seen.found === 1 && missing > 0 ? 'is' : 'are'} present${
            missing === 0 ? '.' : `; missing: ${seen.missing.join(', ')}${missing > seen.missing.length ? ', …' : ''}.`
          }`
    }`,
  );
  output.line(`${volume.name}: accepted as the same volume. Nothing that it held before is forgotten.`);
  if (seen.known > 0 && seen.found === 0)
    output.line(
      `Next: scan or assess it once with --new-state; without it the next scan stops, as none of its known names is there.`,
    );
  return EXIT.nothing;
}

export async function forgetVolumeBody(context: Context, args: ForgetVolumeArguments): Promise<ExitCode> {
  const { db } = await context.session();
  const { output } = context;
  const { volume, known } = await forget(db, { ...args, actor: actor(), host: hostname(), nowMs: context.now() });
  if (args.json) {
    output.json({ volume: volume.name, role: volume.role, forgotten: known });
    return EXIT.nothing;
  }
  output.line(`Forgot ${volume.name}: ${knownText(known)}.`);
  output.line(
    `Files, snapshots, exports and restore bundles on disk are untouched, and so are all other volumes. The audit log keeps this entry.`,
  );
  output.line(
    volume.role === 'backup'
      ? `Assessments no longer use what was known of these snapshots; those still on disk are scanned again when they are named.`
      : `If ${volume.path} is scanned again, it is a new volume.`,
  );
  return EXIT.nothing;
}
