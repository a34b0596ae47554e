// The options that say which part of what is lost a bundle holds: the same for `assess` and `bundle`.
import type { Command } from 'commander';
import type { PartRequest } from '../../services/typed/asked.ts';
import { collect, positive } from '../command.ts';
import { size } from '../../services/typed/size.ts';

export interface PartOptions {
  readonly path?: readonly string[];
  readonly owner?: readonly string[];
  readonly newestFirst?: boolean;
  readonly maxBytes?: number;
  readonly maxFiles?: number;
}

export function addPartOptions(command: Command): Command {
  return command
    .option(
      '--path <path>',
      'the bundle holds only what is there or below: from the root of the volume, or absolute; may be repeated',
      collect,
    )
    .option(
      '--owner <user>',
      'the bundle holds only what belonged to this user (name or uid); may be repeated',
      collect,
    )
    .option('--newest-first', 'lists by age: an interrupted restore has brought back what was modified last')
    .option('--max-bytes <size>', 'the bundle holds no more than this (700M, 1.5GiB); the rest is counted', size)
    .option('--max-files <n>', 'the bundle holds no more files than this; the rest is counted', positive);
}

export function partOf(options: PartOptions): PartRequest {
  return {
    paths: options.path ?? [],
    owners: options.owner ?? [],
    newestFirst: options.newestFirst ?? false,
    bytesMax: options.maxBytes ?? null,
    filesMax: options.maxFiles ?? null,
  };
}
