// rollcall volumes: the volumes that the catalog knows, and a person's word that one is on another file system now, or
// is to be forgotten.
import type { Command } from 'commander';
import { EXIT, type ExitCode } from '../../domain/exit.ts';
import type { BricksSeen } from '../../services/rebase.ts';
import { localTime, plural, visible } from '../../services/report/wording.ts';
import type { Context, Run } from '../command.ts';
import { actor } from '../config.ts';

export interface ListVolumesArguments {
  readonly json: boolean;
}

export interface RebaseVolumeArguments {
  /** The label of a volume, or the path of its root. */
  readonly volume: string;
  readonly reason: string;
  readonly newState: boolean;
  readonly notGluster: boolean;
  readonly bricksRescued: boolean;
  readonly json: boolean;
}

export interface ForgetVolumeArguments {
  /** The label of a volume, the path of its root, or the pattern of its snapshots. */
  readonly volume: string;
  readonly reason: string;
  readonly json: boolean;
}

interface RebaseOptions {
  readonly reason: string;
  readonly newState?: boolean;
  readonly notGluster?: boolean;
  readonly bricksRescued?: boolean;
  readonly json?: boolean;
}

export function define(program: Command, run: Run): void {
  const volumes = program
    .command('volumes')
    .summary('list volumes, accept that one is on another file system now, or forget one')
    .description('Lists the volumes that the catalog knows, accepts a new file system below one, and forgets one.');
  volumes
    .command('list', { isDefault: true })
    .description('list volumes (the default)')
    .option('--json', 'print them as one JSON object')
    .action(async (options: { readonly json?: boolean }) => {
      const args: ListVolumesArguments = { json: options.json ?? false };
      await run((context) => listVolumesBody(context, args), {
        json: options.json,
      });
    });
  volumes
    .command('rebase')
    .description(
      'accept what is at a root now as the same volume, for instance on a new file system after a disaster; or the bricks that a GlusterFS volume has now',
    )
    .argument(
      '<volume>',
      'the label of a volume, or the path of its root; the bricks that a volume has now: gluster:/b1/data,/b2/data',
    )
    .requiredOption('--reason <text>', 'why; kept in the audit log')
    .option('--new-state', 'accept the root also if it is empty, or holds none of the names that are known at its top')
    .option('--not-gluster', 'this FUSE mount of unknown type is not GlusterFS (fuse.glusterfs needs --bricks-rescued)')
    .option('--bricks-rescued', 'the bricks behind this GlusterFS mount were scanned, and their hidden files rescued')
    .option('--json', 'print the new identity as one JSON object')
    .action(async (volume: string, options: RebaseOptions) => {
      const args: RebaseVolumeArguments = {
        volume,
        reason: options.reason,
        newState: options.newState ?? false,
        notGluster: options.notGluster ?? false,
        bricksRescued: options.bricksRescued ?? false,
        json: options.json ?? false,
      };
      await run((context) => rebaseVolumeBody(context, args), {
        json: options.json,
      });
    });
  volumes
    .command('forget')
    .description('forget a volume: its scans, file versions, findings and assessments; its files are not touched')
    .argument('<volume>', 'the label of a volume, the path of its root, or the pattern of its snapshots (quoted)')
    .requiredOption('--reason <text>', 'why; kept in the audit log')
    .option('--json', 'print what was forgotten as one JSON object')
    .action(async (volume: string, options: { readonly reason: string; readonly json?: boolean }) => {
      const args: ForgetVolumeArguments = { volume, reason: options.reason, json: options.json ?? false };
      await run((context) => forgetVolumeBody(context, args), {
        json: options.json,
      });
    });
}

export async function listVolumesBody(context: Context, args: ListVolumesArguments): Promise<ExitCode> {
  const { volumes } = await import('../../services/volumes.ts');
  const { db } = await context.session();
  const found = await volumes(db.pool);
  const { output } = context;
  if (args.json) {
    output.json({
      volumes: found.map(({ volume }) => ({
        ...volume,
        newest: volume.newestMs === null ? null : new Date(volume.newestMs).toISOString(),
      })),
    });
    return EXIT.nothing;
  }
  if (found.length === 0)
    output.line(`No volume was scanned yet. Next: ${context.config.program} assess --live PATH --backup 'PATTERN'`);
  for (const { volume, isList } of found) {
    const newest =
      volume.newestMs === null ? 'never completely' : `newest ${localTime(new Date(volume.newestMs).toISOString())}`;
    const role = isList ? 'lists' : volume.role;
    output.line(`${role.padEnd(6)} ${volume.name}`);
    output.line(
      `       ${volume.layout} on ${volume.host}: ${volume.scans} scans, ${newest}${volume.running ? ', one is running' : ''}`,
    );
  }
  return EXIT.nothing;
}

export async function rebaseVolumeBody(context: Context, args: RebaseVolumeArguments): Promise<ExitCode> {
  const { rebase } = await import('../../services/rebase.ts');
  const { db } = await context.session();
  const { output } = context;
  const { volume, before, now, seen, bricks } = await rebase(db, {
    ...args,
    actor: actor(),
    host: context.config.host,
    nowMs: context.now(),
  });
  if (args.json) {
    output.json({ volume: volume.name, before, now, seen, bricks });
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
  if (bricks !== null) for (const line of bricksLines(bricks)) output.line(line);
  output.line(`${volume.name}: accepted as the same volume. Nothing that it held before is forgotten.`);
  if (seen.known > 0 && seen.found === 0)
    output.line(
      `Next: scan or assess it once with --new-state; without it the next scan stops, as none of its known names is there.`,
    );
  return EXIT.nothing;
}

function bricksLines({ added, removed, away, unnamed }: BricksSeen): string[] {
  const line = (bricks: readonly string[], what: string): string[] =>
    bricks.length === 0 ? [] : [`  ${what}: ${bricks.map(visible).join(', ')}`];
  return [
    ...line(added, 'new bricks'),
    ...line(removed, 'no longer its bricks'),
    ...line(away, 'away now, so what is there stays unknown'),
    ...line(unnamed, 'bricks of the volume that were not named, so what is there stays unknown'),
  ];
}

export async function forgetVolumeBody(context: Context, args: ForgetVolumeArguments): Promise<ExitCode> {
  const { forget, knownText } = await import('../../services/forget.ts');
  const { db } = await context.session();
  const { output } = context;
  const { volume, known } = await forget(db, {
    ...args,
    actor: actor(),
    host: context.config.host,
    nowMs: context.now(),
  });
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
