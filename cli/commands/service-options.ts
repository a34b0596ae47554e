// The options that worker and serve share.
import type { Command } from 'commander';
import { positive, type RunOptions } from '../command.ts';
import { addGentleOptions, type Gentle, gentleOf, type GentleOptions } from './gentle-options.ts';

export interface ServiceOptions extends GentleOptions {
  readonly host?: string;
  readonly threads?: number;
  readonly json?: boolean;
}

export interface ServiceArguments {
  /** The host whose roots it scans; null means the name of this machine. */
  readonly host: string | null;
  readonly threads: number | null;
  readonly gentle: Gentle;
  readonly json: boolean;
}

export function addServiceOptions(command: Command): Command {
  command
    .option('--host <name>', 'scan the roots of this host (default: the name of this machine)')
    .option(
      '--threads <n>',
      'files read at once, 32 at most and as memory allows (default: the number of cores)',
      positive,
    );
  return addGentleOptions(command);
}

export function serviceArguments(options: ServiceOptions): ServiceArguments {
  const { host = null, threads = null, json = false } = options;
  return { host, threads, gentle: gentleOf(options), json };
}

export function serviceRun({ json, idle }: ServiceOptions): RunOptions {
  return { json, service: true, threads: true, idle: idle === true };
}
