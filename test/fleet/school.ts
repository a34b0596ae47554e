// The small school that the workers of two hosts look after: live on one host, its nightly copies on another.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';

export interface School {
  readonly directory: string;
  readonly live: string;
  /** Of its snapshots. */
  readonly pattern: string;
  /** What was done to live: path and the class that it must be judged to be. */
  readonly harm: Readonly<Record<string, string>>;
  remove(): void;
}

const NIGHTS = ['2026-11-18', '2026-11-19', '2026-11-20'];

/** Files from long ago, three nights in the backup, and then a bad day. */
export function school(files = 40): School {
  const directory = mkdtempSync(join(tmpdir(), 'rollcall-fleet-'));
  const live = join(directory, 'live');
  const old = new Date('2026-10-01T12:00:00Z');
  for (const room of ['anna', 'office', 'lab']) {
    mkdirSync(join(live, room), { recursive: true });
    for (let n = 0; n < files; n++) {
      const path = join(live, room, `file ${n}`);
      writeFileSync(path, `${room} ${n} `.repeat(2_000));
      utimesSync(path, old, old);
    }
    utimesSync(join(live, room), old, old);
  }
  for (const night of NIGHTS) {
    const snapshot = join(directory, 'nights', night);
    mkdirSync(join(directory, 'nights'), { recursive: true });
    // With the times of its directories, which say how names went.
    expect(spawnSync('cp', ['-a', live, snapshot]).status).toBe(0);
  }
  // Gone without anybody touching their directory.
  for (const n of [1, 2, 3, 4]) rmSync(join(live, 'anna', `file ${n}`));
  utimesSync(join(live, 'anna'), old, old);
  // Other bytes under the old time; a tail of zeros; cut off.
  const rotten = join(live, 'office', 'file 5');
  writeFileSync(rotten, readFileSync(rotten).fill('x', 100, 200));
  utimesSync(rotten, old, old);
  const zeroed = join(live, 'lab', 'file 6');
  writeFileSync(zeroed, readFileSync(zeroed).fill(0, 4_096));
  const later = new Date('2026-11-21T12:00:00Z');
  utimesSync(zeroed, later, later);
  const cut = join(live, 'lab', 'file 7');
  truncateSync(cut, 5_000);
  utimesSync(cut, old, old);
  return {
    directory,
    live,
    pattern: join(directory, 'nights', '*'),
    harm: {
      'anna/file 1': 'missing',
      'anna/file 2': 'missing',
      'anna/file 3': 'missing',
      'anna/file 4': 'missing',
      'office/file 5': 'corrupt',
      'lab/file 6': 'truncated',
      'lab/file 7': 'truncated',
    },
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}
