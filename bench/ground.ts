// What every workload stands on: a directory of the benchmark's own, how much time there is, and whether somebody wants
// it to stop.
import { execFile } from 'node:child_process';
import { readFileSync, statfsSync } from 'node:fs';
import { promisify } from 'node:util';
import type { BarId } from './bars.ts';
import type { Measurement } from './runs.ts';

export interface Ground {
  /** Goes at the end with all that is in it. */
  readonly dir: string;
  readonly quick: boolean;
  /** How often each program is timed. */
  readonly rounds: number;
  readonly cores: number;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
  /** True once a quick run has to come to its end. */
  readonly isLate: () => boolean;
}

/** A figure that a bar asks for; null says why there is none. */
export interface Figure {
  readonly bar: BarId;
  readonly value: number | null;
  readonly why: string | null;
}

export interface Findings {
  /** What it was made of, with the sizes of this run. */
  readonly about: string;
  readonly measurements: readonly Measurement[];
  readonly figures: readonly Figure[];
  readonly notes: readonly string[];
}

export interface Workload {
  readonly name: string;
  /** What --list prints. */
  readonly about: string;
  /** The bars that it measures: where it fails as a whole, each of them says so. */
  readonly bars: readonly BarId[];
  readonly run: (ground: Ground) => Promise<Findings>;
}

const execute = promisify(execFile);

/** Of the benchmark's own preparations: throws where one fails. */
export async function make(ground: Ground, program: string, args: readonly string[]): Promise<string> {
  const { stdout } = await execute(program, args, { signal: ground.signal, maxBuffer: 1 << 26 });
  return stdout.trim();
}

const TMPFS = 0x01021994;

export function isInMemory(directory: string): boolean {
  return statfsSync(directory).type === TMPFS;
}

/** Throws where the data would not fit: a machine without memory helps nobody. */
export function mustFit(
  { dir }: Pick<Ground, 'dir'>,
  { bytes, inodes }: { readonly bytes: number; readonly inodes: number },
): void {
  const { type, bavail, bsize, ffree, files } = statfsSync(dir);
  const available = Number(/^MemAvailable: +(\d+) kB$/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1] ?? 0) * 1024;
  const room = type === TMPFS ? Math.min(bavail * bsize, available * 0.8) : bavail * bsize;
  const gigabytes = (n: number): string => `${(n / 1e9).toFixed(1)} GB`;
  if (bytes > room) throw new Error(`needs ${gigabytes(bytes)} in ${dir}, where ${gigabytes(room)} are free`);
  // Some file systems count no inodes.
  if (files > 0 && inodes > ffree)
    throw new Error(`needs ${inodes} inodes in ${dir}, where ${ffree} are free; try another --dir`);
}
