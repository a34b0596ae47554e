// The contract between the door and a command. Each file in cli/commands/ exports `define(program, run)`, which adds
// one command to the program: words, options, and an action that calls run(body). Options are cheap; whatever is heavy
// (services, pg, the engine) is imported inside the body, so that `rollcall --help` loads none of it.
import { InvalidArgumentError, Option, type Command } from 'commander';
import type { ExitCode } from '../domain/exit.ts';
import type { Config } from './config.ts';
import type { Output } from './output.ts';
import type { Session } from '../services/session.ts';

/** What a command's body works with. */
export interface Context {
  readonly config: Config;
  readonly output: Output;
  readonly now: () => number;
  /** Aborted by the first Ctrl-C, SIGTERM or SIGHUP: end in order and return; the door makes it exit 130. */
  readonly signal: AbortSignal;
  /** The catalog, opened and migrated at the first call. The door closes it after the body, whatever happens. */
  readonly session: () => Promise<Session>;
}

/** Does the work, prints the answer, returns the exit code. Failures are thrown; the door prints them. */
export type Body = (context: Context) => Promise<ExitCode>;

export interface RunOptions {
  /** Print failures as a JSON object on standard output, too. */
  readonly json?: boolean | undefined;
  /** Print nothing where the exit code is 0 (--quiet). */
  readonly quiet?: boolean | undefined;
  /** False: no moving line, terminal or not (--no-progress). */
  readonly progress?: boolean | undefined;
  /**
   * The body has worker threads: it is waited for after a signal, and this process ends also where one of them cannot.
   */
  readonly threads?: boolean;
  /** Take only what others leave (--idle). */
  readonly idle?: boolean;
  /** The body works until it is told to end, ends in order, and knows its exit code: a signal is no interruption. */
  readonly service?: boolean;
  /** The body has made what it takes away in the end: after a signal it is waited for, not left. */
  readonly tidies?: boolean;
}

export type Run = (body: Body, options?: RunOptions) => Promise<void>;

export type Define = (program: Command, run: Run) => void;

/** For cron, which mails whatever is printed. */
export function quietOption(): Option {
  return new Option('-q, --quiet', 'print nothing where there is nothing to report; else the answer, without progress');
}

/** For options that may be given several times. */
export function collect(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value];
}

/** A whole number, 0 included. */
export function whole(value: string): number {
  return value === '0' ? 0 : positive(value);
}

/** A whole number from 1 on. */
export function positive(value: string): number {
  const number = Number(value);
  if (!/^\d+$/.test(value) || !Number.isSafeInteger(number) || number < 1) {
    throw new InvalidArgumentError('It must be a whole number from 1 on.');
  }
  return number;
}
