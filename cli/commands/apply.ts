// rollcall apply: what is to be watched, from a file; says what changes, and applies it whole.
import type { Command } from 'commander';
import { EXIT, type ExitCode } from '../../domain/exit.ts';
import { plural, visible } from '../../services/report/wording.ts';
import type { Applied } from '../../services/apply.ts';
import type { Context, Run } from '../command.ts';
import { actor, timeZone } from '../config.ts';

interface Options {
  readonly file: string;
  readonly check?: boolean;
  readonly json?: boolean;
}

export function define(program: Command, run: Run): void {
  program
    .command('apply')
    .summary('apply rollcall.yaml: what is watched, when, and who is told')
    .description(
      'Checks rollcall.yaml, prints what changes, and applies all of it or nothing. Volumes that it no longer lists are no longer watched; nothing is deleted.',
    )
    .requiredOption('-f, --file <file>', 'the file; - is standard input')
    .option('--check', 'change nothing; exit code 1 if something would change')
    .option('--json', 'print the changes as one JSON object')
    .action(async (options: Options) => {
      await run((context) => applyBody(context, options), { json: options.json });
    });
}

export async function applyBody(context: Context, options: Options): Promise<ExitCode> {
  const { config, output, session, now } = context;
  const { apply, readConfigurationFile } = await import('../../services/apply.ts');
  const here = { host: config.host, timeZone: timeZone() };
  const read = readConfigurationFile(options.file, here);
  if ('problems' in read) {
    const file = visible(options.file === '-' ? 'standard input' : options.file);
    if (options.json === true) output.json({ file: options.file, problems: read.problems });
    for (const { line, column, field, message } of read.problems) {
      const at = line === null ? '' : `:${line}:${column}`;
      output.note(visible(`${file}${at}: ${field === '' ? '' : `${field}: `}${message}`));
    }
    output.note(`rollcall: ${file} has ${plural(read.problems.length, 'error')}; nothing was applied`);
    output.note(`  next: correct it, then: ${config.program} apply -f ${visible(options.file)} --check`);
    return EXIT.failure;
  }
  const check = options.check ?? false;
  const { db } = await session();
  const applied = await apply(db, { configuration: read.configuration, check, here, actor: actor(), nowMs: now() });
  const notes = [...read.notes, ...applied.notes];
  if (options.json === true) output.json({ applied: applied.applied, changes: applied.changes.map(jsonOf), notes });
  else printed(context, { ...applied, notes }, options);
  return check && applied.changes.length > 0 ? EXIT.findings : EXIT.nothing;
}

const SIGN = { new: '+', changed: '~', retired: '-' } as const;

function printed({ output, config }: Context, { changes, notes, applied }: Applied, options: Options): void {
  for (const { change, what, name, adopts, renamedFrom, fields } of changes) {
    if (name === null) {
      for (const { before, after } of fields)
        output.line(visible(`${SIGN[change]} ${what}: ${before === null ? '' : `${before} → `}${after ?? 'none'}`));
      continue;
    }
    const retired = what === 'hook' ? 'removed' : 'no longer watched; its scans and findings are kept';
    output.line(`${SIGN[change]} ${what} ${name}${change === 'retired' ? `: ${retired}` : ''}`);
    if (renamedFrom !== null) output.line(`    renamed from ${renamedFrom}`);
    if (adopts !== null) output.line(visible(`    adopts the volume ${adopts} with its history`));
    for (const { field, before, after } of fields)
      output.line(visible(`    ${field}: ${before === null ? '' : `${before} → `}${after ?? 'default'}`));
  }
  const again = `${config.program} apply -f ${options.file}`;
  if (changes.length === 0) output.line('No changes.');
  else if (!applied) output.line(`${plural(changes.length, 'change')}. Nothing was applied. Next: ${visible(again)}`);
  else output.line(`Applied. Next: ${config.program} serve, where it does not run yet.`);
  for (const note of notes) output.line(visible(`Note: ${note}`));
}

function jsonOf({ change, what, name, renamedFrom, adopts, fields }: Applied['changes'][number]): object {
  return { change, what, name, renamed_from: renamedFrom, adopts, fields };
}
