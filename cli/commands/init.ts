// rollcall init: a first rollcall.yaml, from what is there.
import type { Command } from 'commander';
import { EXIT, type ExitCode } from '../../domain/exit.ts';
import { spelledOn } from '../../domain/gluster/named.ts';
import { iso } from '../../domain/window/timeline.ts';
import { localTime, operand, plural, visible } from '../../services/report/wording.ts';
import type { Context, Run } from '../command.ts';
import { timeZone } from '../config.ts';

interface Options {
  readonly out: string;
  readonly notGluster?: boolean;
  readonly bricksRescued?: boolean;
  readonly json?: boolean;
}

export function define(program: Command, run: Run): void {
  program
    .command('init')
    .summary('look at a live volume and its backups, and write a first rollcall.yaml')
    .description(
      'Looks at a live volume and its backups (series, dates, mounts, sizes) and writes a first rollcall.yaml with comments. Scans nothing.',
    )
    .argument(
      '<live>',
      'the directory at the top of the live volume; HOST:/path on another host; of GlusterFS its bricks (gluster:/b1/data,/b2/data), one of them, or its mount',
    )
    .argument(
      '[backup...]',
      "a quoted pattern ('/backup/*/data'), or the directory that holds the snapshots; HOST:/path on another host",
    )
    .option('--out <file>', 'where to write it; - is standard output', 'rollcall.yaml')
    .option('--not-gluster', 'this FUSE mount of unknown type is not GlusterFS (fuse.glusterfs needs --bricks-rescued)')
    .option('--bricks-rescued', 'the bricks behind this GlusterFS mount were scanned, and their hidden files rescued')
    .option('--json', 'print what was found as one JSON object')
    .action(async (live: string, backups: readonly string[], options: Options) => {
      await run((context) => initBody(context, { live, backups, ...options }), { json: options.json });
    });
}

export async function initBody(
  { config, output, now }: Context,
  args: Options & { readonly live: string; readonly backups: readonly string[] },
): Promise<ExitCode> {
  const { init } = await import('../../services/init.ts');
  const { workingDirectory } = await import('../../services/process/working-directory.ts');
  const { text, looked, file } = await init({
    live: args.live,
    backups: args.backups,
    host: config.host,
    timeZone: timeZone(),
    cwd: workingDirectory(),
    nowMs: now(),
    out: args.out,
    notGluster: args.notGluster ?? false,
    bricksRescued: args.bricksRescued ?? false,
  });
  if (args.json === true) output.json({ file, text, ...looked });
  else if (file === null) for (const line of text.trimEnd().split('\n')) output.line(line);
  else {
    const { live, backups } = looked;
    output.line(visible(`Live: ${spelledOn(live.host, live.path)}${live.storage === null ? ' (not looked at)' : ''}`));
    if (live.instead !== null) {
      const { typed, volume, elsewhere } = live.instead;
      output.line(visible(`  the bricks of ${volume} on this host, instead of ${typed}`));
      if (elsewhere.length > 0) output.line(visible(`  not on this host, and so unknown: ${elsewhere.join(', ')}`));
    }
    for (const { host, pattern, found } of backups) {
      const what =
        found === null
          ? 'not looked at'
          : `${plural(found.snapshots, 'snapshot')}, newest ${localTime(iso(found.lastMs))}`;
      output.line(visible(`Backup: ${host}:${pattern} (${what})`));
    }
    output.line(visible(`Wrote ${file}. Read it, then: ${config.program} apply -f ${operand(args.out)}`));
    output.line(`After that: ${config.program} serve`);
  }
  return EXIT.nothing;
}
