// rollcall bundle: another part of the last assessment as a restore bundle, without another scan.
import type { Command } from 'commander';
import { EXIT, type ExitCode } from '../../domain/exit.ts';
import { firstSteps } from '../../services/report/commands.ts';
import { bundleJson } from '../../services/report/json.ts';
import { leftOutLines, partLines, roomLines } from '../../services/report/terminal/bundle.ts';
import { shellWord, localTime, visible } from '../../services/report/wording.ts';
import type { PartRequest } from '../../services/typed/asked.ts';
import { positive, type Context, type Run } from '../command.ts';
import { addGentleOptions, type Gentle, gentleOf, type GentleOptions } from './gentle-options.ts';
import { addPartOptions, partOf, type PartOptions } from './part-options.ts';

export interface BundleArguments {
  /** A bundle's directory, a volume's name or path; null for the last assessment. */
  readonly from: string | null;
  /** An assessment by its number: its bundle is written from the catalog; null for none. */
  readonly assessment: number | null;
  readonly part: PartRequest;
  readonly rest: boolean;
  readonly uncertain: boolean;
  readonly out: string | null;
  readonly notGluster: boolean;
  readonly bricksRescued: boolean;
  readonly gentle: Gentle;
  readonly json: boolean;
}

interface Options extends PartOptions, GentleOptions {
  readonly assessment?: number;
  readonly rest?: boolean;
  readonly uncertain?: boolean;
  readonly out?: string;
  readonly notGluster?: boolean;
  readonly bricksRescued?: boolean;
  readonly json?: boolean;
  readonly progress: boolean;
}

export function define(program: Command, run: Run): void {
  const command = program
    .command('bundle')
    .summary('write a bundle for part of the last assessment, without a scan')
    .description(
      'Writes another restore bundle from one that assess has written: some paths or owners first, or as much as fits. Nothing is scanned ' +
        'again; every source copy of the part is read again.',
    )
    .argument('[from]', 'a bundle, or the name or path of a volume (default: the bundle of the last assessment)');
  addPartOptions(command)
    .option(
      '--assessment <n>',
      'the bundle of this assessment across hosts, written from the catalog on any machine',
      positive,
    )
    .option('--rest', 'only what neither that bundle nor those that it continues hold')
    .option(
      '--uncertain',
      'count what may have been deleted on purpose as lost: restore.sh of this bundle restores it without --uncertain',
    )
    .option('--out <dir>', 'where the bundle goes (default ./rollcall-TIME); must not exist')
    .option('--not-gluster', 'this FUSE mount of unknown type is not GlusterFS (fuse.glusterfs needs --bricks-rescued)')
    .option('--bricks-rescued', 'the bricks behind this GlusterFS mount were scanned, and their hidden files rescued');
  addGentleOptions(command)
    .option('--json', 'print what the bundle holds, and what not, as one JSON object')
    .option('--no-progress', 'no progress line on the terminal')
    .addHelpText(
      'after',
      `
Examples:
  rollcall bundle --path home/anna --path home/office      these first
  rollcall bundle --newest-first --max-bytes 200G          what was worked on last, as much as fits
  rollcall bundle ./rollcall-20261121-030000 --rest        then the rest`,
    )
    .action(async (from: string | undefined, options: Options) => {
      if (
        options.assessment !== undefined &&
        (from !== undefined || options.rest === true || options.uncertain === true)
      )
        return command.error('error: --assessment names the bundle by itself: without [from], --rest and --uncertain.');
      const args: BundleArguments = {
        from: from ?? null,
        assessment: options.assessment ?? null,
        part: partOf(options),
        rest: options.rest ?? false,
        uncertain: options.uncertain ?? false,
        out: options.out ?? null,
        notGluster: options.notGluster ?? false,
        bricksRescued: options.bricksRescued ?? false,
        gentle: gentleOf(options),
        json: options.json ?? false,
      };
      await run((context) => bundleBody(context, args), {
        json: options.json,
        progress: options.progress,
        threads: true,
        idle: options.idle === true,
      });
    });
}

type Written = Awaited<ReturnType<typeof import('../../services/bundle.ts')['cutBundle']>>;

export async function bundleBody(context: Context, args: BundleArguments): Promise<ExitCode> {
  const [{ cutBundle }, { workingDirectory }, { ownersOfMachine }, { limitReading }] = await Promise.all([
    import('../../services/bundle.ts'),
    import('../../services/process/working-directory.ts'),
    import('../../services/process/owners.ts'),
    import('../../services/process/pace.ts'),
  ]);
  limitReading(args.gentle.bytesPerSecond);
  if (args.assessment !== null) {
    const { writeAssessment } = await import('../joined.ts');
    return printBundle(context, args, await writeAssessment(context, args.assessment, args));
  }
  const { config, output } = context;
  const made = await cutBundle(
    {
      host: context.config.host,
      cwd: workingDirectory(),
      nowMs: context.now,
      program: config.program,
      owners: ownersOfMachine(),
      signal: context.signal,
      onProgress: (files, total) =>
        output.progress({ doing: 'reading sources', files, bytes: 0, filesExpected: total }),
    },
    { ...args, outDir: args.out },
    async () => (await context.session()).db,
  );
  return printBundle(context, args, made);
}

function printBundle({ output }: Context, args: BundleArguments, { assessment, bundle }: Written): ExitCode {
  const { report } = bundle;
  const exit = report.leftOut.some(({ isDone }) => !isDone) ? EXIT.incomplete : EXIT.nothing;
  if (args.json) {
    output.json({
      volume: assessment.volume,
      judged: new Date(assessment.createdMs).toISOString(),
      bundle: bundleJson(bundle),
    });
    return exit;
  }
  const plain = (text: string): string => text;
  output.line(
    `${bundle.directory}: from the assessment of ${visible(assessment.livePath)}, of ${localTime(new Date(assessment.createdMs).toISOString())}`,
  );
  for (const line of roomLines(report, output.width, plain)) output.line(line);
  for (const line of partLines(report, output.width, plain)) output.line(line);
  for (const line of leftOutLines(report, output.width)) output.line(line);
  const steps = firstSteps(report);
  if (steps.length === 0) output.line(`Read ${shellWord(bundle.directory)}/README.txt.`);
  for (const { text, command } of steps) {
    output.line(text);
    output.line(`  ${command}`);
  }
  return exit;
}
