// rollcall holds: the snapshots that must not be pruned, for whoever prunes.
import type { Command } from 'commander';
import { EXIT, type ExitCode } from '../../domain/exit.ts';
import { visible } from '../../services/report/wording.ts';
import type { Context, Run } from '../command.ts';

interface HoldsOptions {
  readonly zero?: boolean;
  readonly json?: boolean;
}

export function define(program: Command, run: Run): void {
  program
    .command('holds')
    .summary('the snapshots that open losses need and that must not be pruned')
    .description(
      'Lists the snapshots that open losses need, as HOST:PATH, and ends with 1 where there are any. With SNAPSHOT it ends with 1 if that one is needed, ' +
        'with 0 if it is not, and with 3 where losses are open and no scan has looked at it. So a script prunes on 0 only.',
    )
    .argument('[snapshot]', 'its path, HOST:/path, or its name alone (a snapshot of ZFS)')
    .option('-z, --zero', 'print the paths of this host as they are, each with a NUL after it')
    .option('--json', 'print it as one JSON object')
    .action(async (snapshot: string | undefined, options: HoldsOptions) => {
      await run(
        (context) => (snapshot === undefined ? listBody(context, options) : askBody(context, snapshot, options)),
        { json: options.json },
      );
    });
}

export async function listBody({ session, output, config }: Context, { zero, json }: HoldsOptions): Promise<ExitCode> {
  const { holds, rawPath } = await import('../../services/holds.ts');
  const { db } = await session();
  const held = await holds(db.pool);
  if (json === true) output.json({ holds: held });
  else if (zero === true) {
    const here = held.filter(({ host }) => host === config.host);
    for (const hold of here) process.stdout.write(Buffer.concat([rawPath(hold), Buffer.of(0)]));
  } else for (const { host, path } of held) output.line(`${visible(host)}:${visible(path)}`);
  return held.length > 0 ? EXIT.findings : EXIT.nothing;
}

const EXIT_OF = { needed: EXIT.findings, 'not needed': EXIT.nothing, unknown: EXIT.incomplete } as const;

export async function askBody(
  { session, output, config }: Context,
  snapshot: string,
  { json }: HoldsOptions,
): Promise<ExitCode> {
  const [{ heldBy, unknownText }, { workingDirectory }] = await Promise.all([
    import('../../services/holds.ts'),
    import('../../services/process/working-directory.ts'),
  ]);
  const { db } = await session();
  const { answer, holds } = await heldBy(db.pool, snapshot, { host: config.host, cwd: workingDirectory() });
  if (json === true) output.json({ snapshot, answer, holds });
  else if (answer === 'unknown') output.line(unknownText(snapshot));
  else {
    for (const { host, path } of holds) output.line(`needed: ${visible(host)}:${visible(path)}`);
    if (answer === 'not needed') output.line('not needed: no open loss needs this snapshot');
  }
  return EXIT_OF[answer];
}
