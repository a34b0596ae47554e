// The options of commands that scan: assess and scan.
import type { Command } from 'commander';
import { collect, positive, quietOption } from '../command.ts';
import { addGentleOptions, type Gentle, gentleOf, type GentleOptions } from './gentle-options.ts';

/** How volumes are scanned, as the command line says it. */
export interface ScanSettings {
  /** The newest N snapshots of each series; null means all. */
  readonly snapshots: number | null;
  readonly excludes: readonly string[];
  readonly tz: string | null;
  readonly reread: boolean;
  readonly notGluster: boolean;
  readonly bricksRescued: boolean;
  readonly crossMounts: boolean;
  readonly newState: boolean;
  readonly threads: number | null;
  readonly gentle: Gentle;
  /** Left to workers. */
  readonly detach: boolean;
  /** … and followed to its end. */
  readonly wait: boolean;
  /** On which host paths lie that name none; null for this one. */
  readonly host: string | null;
  readonly json: boolean;
}

export interface ScanOptions extends GentleOptions {
  readonly snapshots?: number;
  readonly exclude?: readonly string[];
  readonly tz?: string;
  readonly reread?: boolean;
  readonly notGluster?: boolean;
  readonly bricksRescued?: boolean;
  readonly crossMounts?: boolean;
  readonly newState?: boolean;
  readonly threads?: number;
  readonly detach?: boolean;
  readonly wait?: boolean;
  readonly host?: string;
  readonly quiet?: boolean;
  readonly json?: boolean;
  readonly progress: boolean;
}

export function addScanOptions(command: Command): Command {
  command
    .option('--snapshots <n>', 'scan the newest N snapshots only; what was scanned before stays', positive)
    .option('--exclude <pattern>', 'leave out, as in .gitignore; may be repeated', collect)
    .option('--tz <zone>', 'time zone of dates in snapshot names (default: that of this machine)')
    .option('--reread', 'read every copy again, even if nothing shows a change')
    .option('--not-gluster', 'this FUSE mount of unknown type is not GlusterFS (fuse.glusterfs needs --bricks-rescued)')
    .option('--bricks-rescued', 'the bricks behind this GlusterFS mount were scanned, and their hidden files rescued')
    .option('--cross-mounts', 'enter other file systems below the root (default: they are not entered)')
    .option(
      '--new-state',
      'accept the volume as it is, even if it is empty, another one, looks like a snapshot, or shares nothing with its backup',
    )
    .option(
      '--threads <n>',
      'files read at once, 32 at most and as memory allows (default: the number of cores)',
      positive,
    );
  return addGentleOptions(command)
    .option('--host <name>', 'the host of paths that name none: its workers do the work (default: this machine)')
    .option('--detach', 'queue the scan for workers (rollcall worker) and return')
    .option('--wait', 'queue the scan for workers, and follow it to its end')
    .addOption(quietOption())
    .option('--json', 'print the result as one JSON object')
    .option('--no-progress', 'no progress line on the terminal');
}

export function scanSettings(options: ScanOptions): ScanSettings {
  return {
    snapshots: options.snapshots ?? null,
    excludes: options.exclude ?? [],
    tz: options.tz ?? null,
    reread: options.reread ?? false,
    notGluster: options.notGluster ?? false,
    bricksRescued: options.bricksRescued ?? false,
    crossMounts: options.crossMounts ?? false,
    newState: options.newState ?? false,
    threads: options.threads ?? null,
    gentle: gentleOf(options),
    detach: options.detach === true || options.wait === true,
    wait: options.wait ?? false,
    host: options.host ?? null,
    json: options.json ?? false,
  };
}

/** What is left to a worker is read as the worker was told. Null where there is nothing to say. */
export function detachedProblem({ detach, gentle, threads }: ScanSettings): string | null {
  return !detach || (gentle.bytesPerSecond === null && !gentle.idle && threads === null)
    ? null
    : 'error: --bwlimit, --idle and --threads are for the process that reads: give them to rollcall worker, not with --detach or --wait.';
}
