// The body of `scan`: one look at a live tree or at the snapshots of a backup.
import { errnoText } from '../../domain/errno.ts';
import { EXIT, type ExitCode } from '../../domain/exit.ts';
import { encodeText, joinPath } from '../../domain/path.ts';
import type { ScanResult } from '../../services/scan.ts';
import { workingDirectory } from '../../services/files/location.ts';
import { refuseStateInside } from '../../services/scan/inputs.ts';
import { bytes, count, shellWord } from '../../services/report/wording.ts';
import type { Context } from '../command.ts';
import type { ScanArguments } from '../commands/scan.ts';
import { planLines } from '../../services/report/terminal/plan.ts';

export async function scanBody(context: Context, args: ScanArguments): Promise<ExitCode> {
  const { config, output } = context;
  const request = {
    target: args.pattern,
    role: args.role,
    exportFile: args.exportFile,
    snapshotsMax: args.snapshots,
    excludes: args.excludes,
    crossMounts: args.crossMounts,
    tz: args.tz,
    reread: args.reread,
    newState: args.newState,
    notGluster: args.notGluster,
    bricksRescued: args.bricksRescued,
  };
  const stateDir = config.databaseUrl === null ? encodeText(config.stateDir) : null;
  const cwd = workingDirectory();
  if (stateDir !== null) await refuseStateInside({ ...args, stateDir, cwd, trees: [], patterns: [args.pattern] });
  if (args.detach) {
    const { detach } = await import('./detach.ts');
    return detach(context, { kind: 'scan', scan: request }, args.json);
  }
  // The database starts while the rest is loaded. What fails here fails again where it is waited for.
  context.session().catch(() => {});
  const [{ scan }, { withScanTools }] = await Promise.all([import('../../services/scan.ts'), import('./tools.ts')]);
  return withScanTools(context, args, async ({ tools }) => {
    const result = await scan(
      {
        ...tools,
        cwd,
        stateDir,
        onPlan: (pattern, plan) => {
          for (const line of planLines(pattern, plan)) output.note(line);
        },
      },
      request,
    );
    if (args.json) output.json(result);
    else for (const line of lines(result, config.program)) output.line(line);
    const unread = result.exported !== null && result.exported.failures + result.exported.unread.files > 0;
    return unread || result.gaps.some((gap) => gap.status !== 'boundary') ? EXIT.incomplete : EXIT.nothing;
  });
}

function lines(result: ScanResult, program: string): string[] {
  const { totals } = result;
  const shown = [
    `${result.volume}: ${count(totals.files)} files, ${bytes(totals.bytes)}; ${count(totals.filesRead)} of them read (${bytes(totals.bytesRead)})`,
    `  found ${count(totals.found)}, changed ${count(totals.changed)}, vanished ${count(totals.vanished + totals.belowGone)}, not read ${count(totals.unknown + totals.belowUnknown)}`,
  ];
  for (const gap of result.gaps.slice(0, 20)) {
    const place = gap.name === '' ? gap.directory : joinPath(gap.directory, gap.name);
    shown.push(
      `  ${gap.status}${gap.errno === null ? '' : ` (${errnoText(gap.errno)})`}: ${place === '' ? '.' : place}${gap.detail === null ? '' : ` (${gap.detail})`}`,
    );
  }
  if (result.gaps.length > 20)
    shown.push(`  … and ${count(result.gaps.length - 20)} more places that could not be read`);
  const { exported } = result;
  if (exported !== null) {
    shown.push(
      `Exported to ${exported.file}: ${count(exported.scans - exported.pruned)} snapshots, ${count(exported.versions)} versions; ${count(exported.read.files)} files read for it (${bytes(exported.read.bytes)})`,
    );
    for (const { directory, name, errno, detail } of exported.unreadable)
      shown.push(
        `  not read${errno === null ? '' : ` (${errnoText(errno)})`}: ${joinPath(directory, name)} (${detail})`,
      );
    if (exported.failures > exported.unreadable.length)
      shown.push(`  … and ${count(exported.failures - exported.unreadable.length)} more copies that could not be read`);
    if (exported.unread.files > 0)
      shown.push(
        `  ${count(exported.unread.files)} versions are in it without a digest: nothing can be restored from them`,
      );
    shown.push(`On the machine of the live volume: ${program} assess --live PATH --backup ${shellWord(exported.file)}`);
  } else if (result.role === 'live')
    shown.push(`Next: ${program} assess --live ${shellWord(result.path)} --backup 'PATTERN'`);
  return shown;
}
