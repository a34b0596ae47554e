// Workers of several hosts as processes on one machine, and the small school that they look after: live on one host,
// its nightly copies on another.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { WorkerSettings } from '../queue/worker-child.ts';
import { program } from '../support/programs.ts';

export interface FleetWorker {
  readonly child: ChildProcess;
  /** What it said so far. */
  readonly said: () => string;
  /** Its exit code; 137 where it was killed. */
  readonly ended: Promise<number>;
}

/** @param command what runs it, such as a shell that enters a namespace first */
export function startWorker(
  settings: Pick<WorkerSettings, 'address' | 'redisUrl' | 'host'> & Partial<WorkerSettings>,
  command: readonly string[] = [],
): FleetWorker {
  const whole: WorkerSettings = { slots: 1, bytesPerSecond: null, lookEveryMs: 500, once: false, ...settings };
  const [first, ...rest] = [...command, process.execPath, program('queue/worker-child')];
  const child = spawn(first ?? process.execPath, rest, { stdio: ['pipe', 'ignore', 'pipe'] });
  child.stdin.end(JSON.stringify(whole));
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  const ended = new Promise<number>((resolve) => child.once('exit', (code) => resolve(code ?? 137)));
  return { child, said: () => said, ended };
}

export async function stopWorkers(workers: readonly FleetWorker[]): Promise<void> {
  for (const { child } of workers) child.kill('SIGKILL');
  await Promise.all(workers.map(({ ended }) => ended));
}

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

/** A command, not by spawnSync: what workers say is read meanwhile. */
export async function runs(
  command: string,
  words: readonly string[],
  more: Readonly<Record<string, string>>,
): Promise<{ readonly status: number | null; readonly stdout: string; readonly stderr: string }> {
  const child = spawn(command, words, { env: { ...process.env, ...more }, stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const status = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { status, stdout, stderr };
}
