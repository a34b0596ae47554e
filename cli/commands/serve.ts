// rollcall serve: audits what the configuration says, when it says so, until it is stopped.
import type { Command } from 'commander';
import { encodeText } from '../../domain/path.ts';
import { EXIT, type ExitCode } from '../../domain/exit.ts';
import type { Context, Run } from '../command.ts';
import {
  addServiceOptions,
  type ServiceArguments,
  serviceArguments,
  type ServiceOptions,
  serviceRun,
} from './service-options.ts';

export interface ServeArguments extends ServiceArguments {
  /** Where metrics are served; null: nowhere. */
  readonly listen: string | null;
}

interface Options extends ServiceOptions {
  readonly listen?: string;
}

export function define(program: Command, run: Run): void {
  const command = program.command('serve');
  command
    .summary('audit on schedule, and tell what needs a person')
    .description(
      'Watches what the configuration names (rollcall apply): audits on schedule, tells hooks, and does the work of a worker on this host. One process is enough; several are equal.',
    );
  addServiceOptions(command)
    .option(
      '--listen <address>',
      'serve /metrics, /healthz and /readyz on 127.0.0.1:PORT, [::1]:PORT or unix:/PATH (default: nowhere)',
    )
    .option('--json', 'print what was done as JSON, one object a line')
    .action(async (options: Options) => {
      const args: ServeArguments = {
        ...serviceArguments(options),
        listen: options.listen ?? null,
      };
      await run((context) => serveBody(context, args), serviceRun(options));
    });
}

export async function serveBody(context: Context, args: ServeArguments): Promise<ExitCode> {
  const [{ hookTools, runServe }, { serviceStart }] = await Promise.all([
    import('../../services/serve.ts'),
    import('../service.ts'),
  ]);
  const start = await serviceStart(context, args);
  if (start === null) return EXIT.nothing;
  const { config } = context;
  return runServe({
    ...start,
    stateDir: config.databaseUrl === null ? encodeText(config.stateDir) : null,
    program: config.program,
    listen: args.listen,
    hooks: hookTools(config.hookSecrets, context.now),
  });
}
