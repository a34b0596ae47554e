// rollcall doctor: whether this process, this machine and these paths are fit for the work, and what to do where they
// are not.
import type { Command } from 'commander';
import { EXIT } from '../../domain/exit.ts';
import { openSession } from '../../services/session.ts';
import type { Run } from '../command.ts';

export function define(program: Command, run: Run): void {
  program
    .command('doctor')
    .summary('what this process can read, versions, limits, mounts, the database')
    .description(
      'Shows what this process can read, which file systems the given paths are on, limits, versions of tools, and whether the database answers.',
    )
    .argument('[path...]', 'volumes or snapshots to look at')
    .option('--json', 'print it as one JSON object')
    .action(async (paths: string[], options: { readonly json?: boolean }) => {
      await run(
        async ({ config, output, now }) => {
          const { examine } = await import('../../services/doctor.ts');
          const report = await examine({
            paths,
            stateDir: config.stateDir,
            databaseUrl: config.databaseUrl,
            redisUrl: config.redisUrl,
            pgBin: config.pgBin,
            // A session of its own: one that fails is a line of the answer here, not the end of the command.
            openDatabase: (log) => openSession(config, { now, log, applicationName: 'rollcall doctor' }),
          });
          if (options.json === true) output.json(report);
          else for (const line of report.checks.flatMap(linesOf)) output.line(line);
          return report.checks.some((check) => check.level === 'bad') ? EXIT.failure : EXIT.nothing;
        },
        { json: options.json },
      );
    });
}

function linesOf(check: { level: string; subject: string; says: string; next: string | null }): string[] {
  const mark = check.level === 'bad' ? 'BAD ' : check.level === 'warning' ? 'WARN' : 'ok  ';
  return [`${mark} ${check.subject}: ${check.says}`, ...(check.next === null ? [] : [`     next: ${check.next}`])];
}
