// Starting a process so that it takes what others leave: idle class for the disks, lowest priority for the processors. Threads inherit both, while
// a process that is already there could change its main thread only.
import { spawnSync } from 'node:child_process';

export interface IdleStart {
  /** Words to put before the command that is started; empty where nothing of it can be had. */
  readonly words: readonly string[];
  /** For the operator: what could not be had. */
  readonly lacks: string | null;
}

const TRY_MS = 5_000;

function works(words: readonly string[]): boolean {
  const [program = '', ...rest] = words;
  return spawnSync(program, [...rest, 'true'], { stdio: 'ignore', timeout: TRY_MS }).status === 0;
}

export function idleStart(): IdleStart {
  const disk = ['ionice', '-c3'];
  const processor = ['nice', '-n', '19'];
  const [hasDisk, hasProcessor] = [works(disk), works(processor)];
  const lacks = [
    ...(hasDisk
      ? []
      : ['--idle has no effect on the disks: ionice is missing or refused (Debian: apt-get install util-linux)']),
    ...(hasProcessor ? [] : ['--idle has no effect on the processors: nice is missing or refused']),
  ];
  return {
    words: [...(hasDisk ? disk : []), ...(hasProcessor ? processor : [])],
    lacks: lacks.length === 0 ? null : `--idle: ${lacks.join('; ')}`,
  };
}
