// rollcall exposure and rollcall preflight: what has no copy, asked at any time, and before something risky.
import type { Command } from 'commander';
import type { ExitCode } from '../../domain/exit.ts';
import { exposedOf } from '../../domain/exposure.ts';
import { iso } from '../../domain/window/timeline.ts';
import { collect, positive, quietOption, type Context, type Run } from '../command.ts';

interface Options {
  readonly backup?: readonly string[];
  readonly within?: number;
  readonly quiet?: boolean;
  readonly json?: boolean;
}

const BACKUP =
  'judge by this backup (its name or pattern); may be repeated (default: those of the configuration, else of the last assessment)';

export function define(program: Command, run: Run): void {
  program
    .command('exposure')
    .summary('what would be lost if a volume died now')
    .description(
      'Counts the files of a volume, as it was scanned last, that have no equal copy in any snapshot that still exists: by directory and owner. ' +
        'Only copies that were read count. Reads the catalog only. Ends with 1 where a file has no copy, or is not as users should see it on the bricks of GlusterFS, ' +
        'and with 3 where something was not looked at.',
    )
    .argument('<volume>', 'its name or path')
    .option('--backup <name>', BACKUP, collect)
    .addOption(quietOption())
    .option('--json', 'print it as one JSON object, with every directory')
    .action(async (volume: string, options: Options) => {
      await run((context) => exposureBody(context, volume, options), { json: options.json, quiet: options.quiet });
    });
  program
    .command('preflight')
    .summary('whether every file has a copy that was read lately: before something risky')
    .description(
      'Ends with 0 only if each file of a volume has an equal copy in a snapshot that still exists, and the bytes of that copy were read ' +
        'within so many days, and no name on the bricks of GlusterFS is hidden, unreachable or misplaced. Else says what is not covered, and the commands that cover it. ' +
        'Reads the catalog only.',
    )
    .argument('<volume>', 'its name or path')
    .option('--within <days>', 'how long ago the copies may have been read (default: 30)', positive)
    .option('--backup <name>', BACKUP, collect)
    .addOption(quietOption())
    .option('--json', 'print it as one JSON object, with every directory')
    .action(async (volume: string, options: Options) => {
      await run((context) => preflightBody(context, volume, options), { json: options.json, quiet: options.quiet });
    });
}

async function exposureBody(context: Context, volume: string, options: Options): Promise<ExitCode> {
  const { config, output, now, session } = context;
  const [{ exposure }, { coverageRecord, exposureLines }, { workingDirectory }] = await Promise.all([
    import('../../services/exposure.ts'),
    import('../../services/report/coverage.ts'),
    import('../../services/process/working-directory.ts'),
  ]);
  const { db } = await session();
  const { coverage, exit } = await exposure(db, {
    volume,
    backups: options.backup ?? [],
    readSinceMs: null,
    host: config.host,
    cwd: workingDirectory(),
  });
  const exposed = exposedOf(coverage);
  const { oldest } = coverage;
  if (options.json === true)
    output.json({
      ...coverageRecord(coverage, exposed),
      oldest: oldest === null ? null : { path: oldest.path, changed: iso(oldest.changedMs) },
      exit,
    });
  else for (const line of exposureLines(coverage, { nowMs: now(), program: config.program })) output.line(line);
  return exit;
}

async function preflightBody(context: Context, volume: string, options: Options): Promise<ExitCode> {
  const { config, output, now, session } = context;
  const [{ preflight, WITHIN_DAYS }, { coverageRecord, preflightLines }, { workingDirectory }] = await Promise.all([
    import('../../services/preflight.ts'),
    import('../../services/report/coverage.ts'),
    import('../../services/process/working-directory.ts'),
  ]);
  const { db } = await session();
  const nowMs = now();
  const withinDays = options.within ?? WITHIN_DAYS;
  const { coverage, steps, exit } = await preflight(db, {
    volume,
    backups: options.backup ?? [],
    withinDays,
    nowMs,
    host: config.host,
    cwd: workingDirectory(),
    program: config.program,
  });
  if (options.json === true)
    output.json({ ...coverageRecord(coverage, coverage.short), within_days: withinDays, steps, exit });
  else for (const line of preflightLines(coverage, steps, { nowMs, withinDays })) output.line(line);
  return exit;
}
