// rollcall config: what holds, as rollcall.yaml would say it.
import type { Command } from 'commander';
import { EXIT, type ExitCode } from '../../domain/exit.ts';
import { iso } from '../../domain/window/timeline.ts';
import { inertJson, localTime, visible } from '../../services/report/wording.ts';
import type { Context, Run } from '../command.ts';

interface Options {
  readonly json?: boolean;
  readonly schema?: boolean;
}

export function define(program: Command, run: Run): void {
  program
    .command('config')
    .summary('print the configuration that holds, or the schema of rollcall.yaml')
    .description(
      'Prints the configuration that rollcall apply accepted last, with every default, as a file that it accepts again.',
    )
    .option('--json', 'print it as one JSON object, with who applied it and when')
    .option('--schema', 'print the JSON schema of rollcall.yaml, for editors')
    .action(async (options: Options) => {
      await run((context) => configBody(context, options), { json: options.json });
    });
}

export async function configBody({ config, output, session }: Context, options: Options): Promise<ExitCode> {
  const { configurationText, keptConfiguration, SCHEMA } = await import('../../services/apply.ts');
  if (options.schema === true) {
    output.line(inertJson(JSON.stringify(SCHEMA, null, 2)));
    return EXIT.nothing;
  }
  const { db } = await session();
  const kept = await keptConfiguration(db.pool);
  const at = kept === null ? null : iso(kept.appliedMs);
  if (options.json === true)
    output.json({ configuration: kept?.document ?? null, actor: kept?.actor ?? null, applied: at });
  else if (kept === null || at === null)
    output.line(
      `# Nothing has been applied yet. Next: ${config.program} init LIVE 'BACKUP', or apply -f rollcall.yaml`,
    );
  else {
    output.line(`# Applied ${localTime(at)} by ${visible(kept.actor)}.`);
    for (const line of configurationText(kept.document).trimEnd().split('\n')) output.line(visible(line));
  }
  return EXIT.nothing;
}
