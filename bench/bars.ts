// What Rollcall is held against: each bar with what it must reach and what is aimed at (2 cores, warm unless said).

/** How a figure is printed: a ratio to another program, seconds, bytes. */
export type Unit = 'times' | 'seconds' | 'bytes';

export interface Bar {
  readonly what: string;
  readonly unit: Unit;
  readonly must: number;
  readonly aim: number;
  /** Of a rate more is better; of all else less. */
  readonly better: 'less' | 'more';
}

const MB = 1e6;

function less(what: string, unit: Unit, must: number, aim: number): Bar {
  return { what, unit, must, aim, better: 'less' };
}

export const BARS = {
  'first-small': less('first assess, 100,000 files a side, against `rsync -rnc`', 'times', 1.5, 1.2),
  'first-million': less('first assess, 1,000,000 files a side, against `rsync -rnc`', 'times', 1.3, 1),
  'second-small': less('second assess, unchanged, 100,000 files a side, against `rsync -rn`', 'times', 2, 1.4),
  'second-million': less('second assess, unchanged, 1,000,000 files a side, against `rsync -rn`', 'times', 1.2, 0.8),
  rclone: less('first assess, 100,000 files a side, against `rclone check --download`', 'times', 0.4, 0.25),
  hashdeep: less(
    'first assess, 100,000 files a side, against `hashdeep -r` of one side and `-a` of the other',
    'times',
    0.25,
    0.2,
  ),
  large: {
    what: 'large files: rate of reading, against `xxhsum` with as many processes',
    unit: 'times',
    must: 0.8,
    aim: 0.95,
    better: 'more',
  },
  cold: less('cold, first assess against `xxhsum` at the same parallelism', 'times', 1.05, 0.95),
  changed: less('after 1 % change, against the unchanged run', 'times', 1.5, 1.2),
  snapshot: less(
    "a 31st snapshot of 1,000,000 files with 1 % churn, against `find -printf '%p %s %T@'` of it",
    'times',
    2,
    1.3,
  ),
  help: less('`--help`, over bare `node -e 0`', 'seconds', 0.04, 0.015),
  findings: less('`findings` on a warm server, over bare `node -e 0`', 'seconds', 0.1, 0.05),
  'one-file': less('`assess` of one file, over bare `node -e 0`', 'seconds', 0.5, 0.3),
  'memory-million': less('memory of all processes, 1,000,000 files a side', 'bytes', 450 * MB, 300 * MB),
  'memory-rows': less('memory of all processes, 10,000,000 rows judged', 'bytes', 600 * MB, 400 * MB),
  'judge-rows': less('judging 10 M live against 10 M in the newest snapshot (generated)', 'seconds', 60, 30),
  'judge-linear': less('judging, seconds for each million: of 10 M against 1 M (1 is linear)', 'times', 1.3, 1.1),
  'version-bytes': less('bytes a file version, with indexes', 'bytes', 135, 110),
  'snapshots-bytes': less('room of 30 snapshots with 1 % churn against one', 'times', 1.6, 1.4),
} as const satisfies Readonly<Record<string, Bar>>;

export type BarId = keyof typeof BARS;

export type Outcome = 'aim met' | 'must met' | 'missed';

export function outcomeOf(bar: Bar, value: number): Outcome {
  const reaches = (limit: number): boolean => (bar.better === 'less' ? value <= limit : value >= limit);
  if (reaches(bar.aim)) return 'aim met';
  return reaches(bar.must) ? 'must met' : 'missed';
}
