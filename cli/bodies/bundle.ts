// The body of `bundle`: a part of the last assessment, what of it is left, and the commands that follow.
import { EXIT, type ExitCode } from '../../domain/exit.ts';
import { cutBundle } from '../../services/bundle.ts';
import { workingDirectory } from '../../services/files/location.ts';
import { limitReading } from '../../services/files/pace.ts';
import { ownersOfMachine } from '../../services/files/owners.ts';
import { bundle as bundleJson } from '../../services/report/json.ts';
import { restoreSteps } from '../../services/report/commands.ts';
import { shellWord, localTime, visible } from '../../services/report/wording.ts';
import type { Context } from '../command.ts';
import type { BundleArguments } from '../commands/bundle.ts';
import { leftOutLines, partLines, roomLines } from '../../services/report/terminal/bundle.ts';

export async function bundleBody(context: Context, args: BundleArguments): Promise<ExitCode> {
  limitReading(args.gentle.bytesPerSecond);
  const { config, output } = context;
  const { assessment, bundle } = await cutBundle(
    {
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
  const { report } = bundle;
  const exit = report.leftOut.some(({ isDone }) => !isDone) ? EXIT.incomplete : EXIT.nothing;
  if (args.json) {
    output.json({
      volume: assessment.volume,
      judged: new Date(assessment.createdMs).toISOString(),
      bundle: bundleJson(report),
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
  const [dry] = restoreSteps(report);
  output.line(
    dry === undefined
      ? `Read ${shellWord(bundle.directory)}/README.txt.`
      : 'Next, a dry run; the same with --apply restores the files:',
  );
  if (dry !== undefined) output.line(`  ${dry.command}`);
  return exit;
}
