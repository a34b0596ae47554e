// The body of `assess`: one volume after the other, the order of the snapshots before the work, the answer and the next command after it.
import { EXIT, worstExit, type ExitCode } from '../../domain/exit.ts';
import { encodeText } from '../../domain/path.ts';
import type { AssessResult } from '../../services/assess.ts';
import { parseSince } from '../../services/typed/when.ts';
import { workingDirectory } from '../../services/files/location.ts';
import { toJson } from '../../services/report/json.ts';
import { refuseStateInside } from '../../services/scan/inputs.ts';
import type { SeriesPlan } from '../../services/scan/scan-series.ts';
import type { Context } from '../command.ts';
import type { AssessArguments } from '../commands/assess.ts';
import type { Output } from '../output.ts';
import { renderAssessment } from '../../services/report/terminal/assessment.ts';
import { planLines } from '../../services/report/terminal/plan.ts';

export async function assessBody(context: Context, args: AssessArguments): Promise<ExitCode> {
  const { config, output } = context;
  const sinceMs = args.since === null ? null : parseSince(args.since, { nowMs: context.now(), tz: args.tz });
  const requests = args.volumes.map((volume, index) => ({
    live: volume.live,
    backups: volume.backups,
    sinceMs,
    outDir: outDirOf(args, index),
    snapshotsMax: args.snapshots,
    excludes: args.excludes,
    crossMounts: args.crossMounts,
    tz: args.tz,
    reread: args.reread,
    side: args.side,
    newState: args.newState,
    notGluster: args.notGluster,
    bricksRescued: args.bricksRescued,
    part: args.part,
  }));
  const stateDir = config.databaseUrl === null ? encodeText(config.stateDir) : null;
  const cwd = workingDirectory();
  if (stateDir !== null) {
    const trees = args.volumes.map(({ live }) => live);
    const patterns = args.volumes.flatMap(({ backups }) => backups);
    await refuseStateInside({ ...args, stateDir, cwd, trees, patterns });
  }
  if (args.detach) {
    const { detach } = await import('./detach.ts');
    return detach(context, { kind: 'assess', volumes: requests }, args.json);
  }
  // The database starts while the rest is loaded: half a second of a short run. What fails here fails again where it is waited for.
  context.session().catch(() => {});
  const [{ assess }, { withScanTools }] = await Promise.all([import('../../services/assess.ts'), import('./tools.ts')]);
  return withScanTools(context, args, async ({ tools, owners }) => {
    const results: AssessResult[] = [];
    for (const request of requests) {
      const result = await assess(
        {
          ...tools,
          cwd,
          stateDir,
          program: config.program,
          owners,
          onPlan: (pattern, plan) => announce(output, pattern, plan),
        },
        request,
      );
      results.push(result);
      if (!args.json) print(output, result, results.length > 1);
    }
    if (args.json) {
      const answers = results.map(({ assessment, bundle }) => toJson(assessment, bundle?.report ?? null));
      output.json(answers.length === 1 ? answers[0] : answers);
    }
    return results.length === 0 ? EXIT.failure : worstExit(results.map(({ exit }) => exit));
  });
}

/** With several volumes each has a bundle of its own: DIR, DIR-2, DIR-3. */
function outDirOf(args: AssessArguments, index: number): string | null {
  if (args.out === null) return null;
  return index === 0 ? args.out : `${args.out}-${index + 1}`;
}

function announce(output: Output, pattern: string, plan: SeriesPlan): void {
  for (const line of planLines(pattern, plan)) output.note(line);
}

function print(output: Output, { assessment, bundle }: AssessResult, another: boolean): void {
  if (another) output.line();
  for (const line of renderAssessment(assessment, bundle?.report ?? null, output)) output.line(line);
}
