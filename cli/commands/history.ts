// rollcall history: every version of a path that any scan has seen, live and per snapshot, and where a good copy is.
import type { Command } from 'commander';
import { hex } from '../../domain/digest.ts';
import { EXIT, type ExitCode } from '../../domain/exit.ts';
import { isFromList, type Version } from '../../domain/version.ts';
import { isAllZeros } from '../../domain/window/damage-shape.ts';
import { iso } from '../../domain/window/timeline.ts';
import type { Stretch } from '../../services/history.ts';
import { bytes, localTime, shellWord } from '../../services/report/wording.ts';
import type { Context, Run } from '../command.ts';

export interface HistoryArguments {
  /** Absolute, or relative to the working directory or to a volume. */
  readonly path: string;
  /** The label of a volume; null searches all. */
  readonly volume: string | null;
  readonly json: boolean;
}

export function define(program: Command, run: Run): void {
  program
    .command('history')
    .summary('every version of a path, and where a good copy is')
    .description(
      'Prints every version of a path that any scan has seen, on the live volume and in each snapshot, and where a good copy is now.',
    )
    .argument('<path>', 'a path on a live volume or in a snapshot; it need not exist any more')
    .option('--volume <name>', 'look in this volume only')
    .option('--json', 'print the versions as one JSON object')
    .action(async (path: string, options: { readonly volume?: string; readonly json?: boolean }) => {
      const args: HistoryArguments = { path, volume: options.volume ?? null, json: options.json ?? false };
      await run((context) => historyBody(context, args), {
        json: options.json,
      });
    });
}

export async function historyBody(context: Context, args: HistoryArguments): Promise<ExitCode> {
  const [{ history }, { workingDirectory }] = await Promise.all([
    import('../../services/history.ts'),
    import('../../services/process/working-directory.ts'),
  ]);
  const { db } = await context.session();
  const found = await history(db.pool, args.path, {
    volume: args.volume,
    host: context.config.host,
    cwd: workingDirectory(),
  });
  const { output } = context;
  if (args.json) {
    output.json({
      path: found.path,
      volumes: found.volumes.map((one) => ({
        ...one,
        stretches: one.stretches.map((stretch) => record(stretch)),
      })),
    });
    return EXIT.nothing;
  }
  output.line(found.path);
  for (const one of found.volumes) {
    output.line(`${one.role} ${one.volume}`);
    for (const stretch of one.stretches) output.line(`  ${stretchLine(stretch)}`);
  }
  const copies = found.volumes.flatMap((one) =>
    one.stretches.flatMap(({ copy, state, isBad }) =>
      copy === null || typeof state === 'string' ? [] : [{ copy, isBad }],
    ),
  );
  // A copy that rotted is often the newest one; whoever asks here is about to copy it.
  const good = copies.filter(({ isBad }) => !isBad);
  const which = good.length < copies.length ? ' that is not suspect' : '';
  const newest = good.sort((a, b) => b.copy.asOf.toMs - a.copy.asOf.toMs)[0];
  output.line(
    newest === undefined
      ? `No snapshot on disk holds a copy${which}.`
      : `Newest copy in a snapshot${which}: ${shellWord(`${newest.copy.path}/${found.path}`)}`,
  );
  return EXIT.nothing;
}

function day(ms: number): string {
  return localTime(iso(ms));
}

function stretchLine(stretch: Stretch): string {
  const name = (scan: Stretch['first']): string => scan.snapshot ?? day(scan.asOf.fromMs);
  const span =
    stretch.scans === 1
      ? name(stretch.first)
      : `${name(stretch.first)} … ${name(stretch.last)} (${stretch.scans} scans)`;
  const gone = stretch.last.pruned === null ? '' : `, ${stretch.last.pruned}`;
  const { state } = stretch;
  if (state === 'absent') return `${span}: absent`;
  if (state === 'unknown') return `${span}: not read (${stretch.why ?? 'gap'})`;
  const size = state.size === null ? '' : `, ${bytes(state.size)}`;
  const when = isFromList(state) ? '' : `, modified ${day(Number(state.mtimeNs / 1_000_000n))}`;
  const digest = state.kind === 'file' ? `, ${state.digest === null ? 'unread' : hex(state.digest)}` : '';
  const suspect = !stretch.isBad
    ? ''
    : isAllZeros(state) === true
      ? ', SUSPECT: nothing but zeros'
      : ', SUSPECT: its content changed under the same size and time';
  const target = state.target === null ? '' : ` -> ${state.target}`;
  return `${span}: ${state.kind}${target}${size}${when}${digest}${suspect}${gone}`;
}

/** A list tells no metadata. */
function untold(version: Version): Record<string, unknown> {
  return isFromList(version)
    ? { mtimeNs: null, mode: null, uid: null, gid: null }
    : { mtimeNs: String(version.mtimeNs) };
}

function record(stretch: Stretch): unknown {
  const { state } = stretch;
  const scan = (one: Stretch['first']): unknown => ({
    snapshot: one.snapshot,
    path: one.path,
    as_of: { ...one.asOf, from: iso(one.asOf.fromMs), to: iso(one.asOf.toMs) },
    pruned: one.pruned,
  });
  return {
    state: typeof state === 'string' ? state : 'present',
    why: stretch.why,
    scans: stretch.scans,
    first: scan(stretch.first),
    last: scan(stretch.last),
    copy: stretch.copy === null ? null : scan(stretch.copy),
    suspect: stretch.isBad,
    version:
      typeof state === 'string'
        ? null
        : { ...state, ...untold(state), digest: state.digest === null ? null : hex(state.digest) },
  };
}
