// rollcall catalog: a backup of the catalog while it works, and its way back.
import type { Command } from 'commander';
import { EXIT, type ExitCode } from '../../domain/exit.ts';
import { bytes, localTime, plural } from '../../services/report/wording.ts';
import type { Context, Run } from '../command.ts';
import { actor } from '../config.ts';

export interface DumpArguments {
  /** As typed; null for standard output. */
  readonly file: string | null;
  readonly overwrite: boolean;
  readonly json: boolean;
}

export interface LoadArguments {
  /** As typed; null for standard input. */
  readonly file: string | null;
  readonly json: boolean;
}

export function define(program: Command, run: Run): void {
  const catalog = program
    .command('catalog')
    .summary('back up the catalog while it is in use, or load a backup')
    .description('Writes the whole catalog into one file while it is in use, and loads such a file into an empty one.');
  const dump = catalog.command('dump');
  dump
    .description('write the whole catalog into one file, whole or not at all; scans and workers go on meanwhile')
    .argument('<file>', "where to; '-': standard output. It holds everybody's file names: mode 0600")
    .option('--overwrite', 'replace the file if it exists')
    .option('--json', 'print what was written as one JSON object (not with -)')
    .action(async (file: string, options: { readonly overwrite?: boolean; readonly json?: boolean }) => {
      if (file === '-' && options.json === true)
        return dump.error('error: --json wants a FILE: standard output is the dump.');
      const args = {
        file: file === '-' ? null : file,
        overwrite: options.overwrite ?? false,
        json: options.json ?? false,
      };
      await run((context) => dumpBody(context, args), { json: options.json, tidies: true });
    });
  catalog
    .command('load')
    .description('load a dump into an empty catalog; it is checked first, and loaded whole or not at all')
    .argument('<file>', "what `catalog dump` has written; '-': standard input")
    .option('--json', 'print what was loaded as one JSON object')
    .action(async (file: string, options: { readonly json?: boolean }) => {
      const args = { file: file === '-' ? null : file, json: options.json ?? false };
      await run((context) => loadBody(context, args), { json: options.json, tidies: true });
    });
}

async function toolsOf(context: Context) {
  const [{ workingDirectory }, { db }] = await Promise.all([
    import('../../services/process/working-directory.ts'),
    context.session(),
  ]);
  const { config, now, signal } = context;
  return { db, host: config.host, cwd: workingDirectory(), nowMs: now, signal };
}

/** Waits for whoever reads: the catalog may be larger than memory. */
function toStandardOutput(piece: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(piece, (error) => {
      if (error === null || error === undefined) resolve();
      else reject(error);
    });
  });
}

export async function dumpBody(context: Context, args: DumpArguments): Promise<ExitCode> {
  const { dumpCatalog } = await import('../../services/dump.ts');
  const { file, overwrite } = args;
  const dumped = await dumpCatalog(
    await toolsOf(context),
    file === null ? { write: toStandardOutput } : { file, overwrite },
  );
  if (args.json) context.output.json(dumped);
  else if (dumped.file !== null) context.output.line(`${dumped.file}: the catalog, ${bytes(dumped.bytes)}`);
  return EXIT.nothing;
}

export async function loadBody(context: Context, args: LoadArguments): Promise<ExitCode> {
  const { loadCatalog } = await import('../../services/dump.ts');
  const tools = { ...(await toolsOf(context)), actor: actor() };
  const loaded = await loadCatalog(tools, args.file ?? process.stdin);
  const { output, config } = context;
  if (args.json) {
    output.json({ ...loaded, made: new Date(loaded.madeMs).toISOString() });
    return EXIT.nothing;
  }
  const { tables, scans, tasks, madeMs } = loaded;
  output.line(
    `Loaded the catalog of ${localTime(new Date(madeMs).toISOString())}: ${plural(tables['volume'] ?? 0, 'volume')}, ${plural(tables['packed_version'] ?? 0, 'file version')}.`,
  );
  if (scans > 0) output.line(`${plural(scans, 'scan')} that ran then: given up; the next one begins anew.`);
  if (tasks > 0)
    output.line(`${plural(tasks, 'task')} that workers had then: open again (${config.program} status lists them).`);
  return EXIT.nothing;
}
