// The body of `demo`.
import { resolve } from 'node:path';
import { EXIT, type ExitCode } from '../../domain/exit.ts';
import { openOwnCatalog } from '../../services/demo/own-catalog.ts';
import { playDemo } from '../../services/demo.ts';
import { operand, shellWord } from '../../services/report/wording.ts';
import type { Context } from '../command.ts';
import type { DemoArguments } from '../commands/demo.ts';
import { environmentWith, fromAnywhere } from '../config.ts';

export async function demoBody(context: Context, args: DemoArguments): Promise<ExitCode> {
  const { config, output, now, signal } = context;
  const own = await openOwnCatalog({
    now,
    binDir: config.pgBin ?? undefined,
    log: (line) => output.note(line),
  });
  try {
    await playDemo({
      directory: args.directory === null ? null : resolve(args.directory),
      keep: args.keep,
      program: operand(config.calledAs),
      realProgram: `${shellWord(process.execPath)} ${shellWord(process.argv[1] ?? '')}`,
      environment: environmentWith({
        DATABASE_URL: own.url,
        ROLLCALL_PROGRAM: fromAnywhere(config.calledAs),
        NO_COLOR: '1',
      }),
      nowMs: now,
      signal,
      print: (line) => output.line(line),
    });
    output.line(
      `The demo's catalog${args.keep ? '' : ', tree and bundle'} ${args.keep ? 'is' : 'are'} removed.${own.made === null ? '' : ` What stays: ${own.made}.`}`,
    );
  } finally {
    await own.close();
  }
  return EXIT.nothing;
}
