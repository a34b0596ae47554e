// The options of commands that read much: how fast they may, and whether everybody else comes first.
import type { Command } from 'commander';
import { rate } from '../../services/typed/size.ts';

export interface GentleOptions {
  /** 0 is no limit. (commander would make an empty text of null.) */
  readonly bwlimit?: number;
  readonly idle?: boolean;
}

export interface Gentle {
  /** Bytes that are read in a second, over all threads; null for no limit. */
  readonly bytesPerSecond: number | null;
  readonly idle: boolean;
}

export function addGentleOptions(command: Command): Command {
  return command
    .option(
      '--bwlimit <rate>',
      'read no faster than this, all threads together (20M, 500KiB; a number alone is KiB/s)',
      rate,
    )
    .option('--idle', 'give way to other processes: nice 19, and the idle class of the disks (ionice)');
}

export function gentleOf(options: GentleOptions): Gentle {
  const { bwlimit = 0, idle = false } = options;
  return { bytesPerSecond: bwlimit === 0 ? null : bwlimit, idle };
}
