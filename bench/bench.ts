// npm run bench: makes its data, runs Rollcall and its peers in turns, and writes RESULTS.md and results.json.
// README.md says how to call it.
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Command } from 'commander';
import type { Entry } from './entry.ts';
import type { Ground, Workload } from './ground.ts';
import { fileSystemOf, load, theseVersions, thisMachine } from './machine.ts';
import { record } from './results.ts';
import { REPOSITORY, removeWithStates } from './rollcall.ts';
import { WORKLOADS } from './workloads.ts';

interface Options {
  readonly quick: boolean;
  readonly list: boolean;
  readonly only?: readonly string[];
  readonly dir: string;
  readonly out: string;
  readonly rounds: string;
}

const ROUNDS_QUICK = 2;
/** Three minutes, less what the last round and the removal take. */
const QUICK_MAX_MS = 130_000;

const program = new Command()
  .name('npm run bench --')
  .description('Runs Rollcall and its peers side by side and writes bench/RESULTS.md and bench/results.json.')
  .option(
    '--quick',
    'small sizes and few rounds, within three minutes: shows that everything runs, judges nothing',
    false,
  )
  .option('--only <name...>', 'these workloads only; the results of all others stay')
  .option('--list', 'list the workloads', false)
  .option('--dir <directory>', 'where the data is made, on tmpfs or on a disk; all of it goes at the end', tmpdir())
  .option('--out <directory>', 'where the results go', join(REPOSITORY, 'bench'))
  .option('--rounds <n>', 'how often each program is timed', '5')
  .parse();
const options = program.opts<Options>();

const say = (line: string): void => void process.stderr.write(`${line}\n`);

if (options.list) {
  for (const { name, about } of WORKLOADS) process.stdout.write(`${name.padEnd(16)}${about}\n`);
} else {
  process.exitCode = await bench();
}

function chosen(): readonly Workload[] {
  const unknown = options.only?.find((name) => !WORKLOADS.some((workload) => workload.name === name));
  if (unknown !== undefined) program.error(`there is no workload ${unknown}; --list has their names`);
  return WORKLOADS.filter(({ name }) => options.only?.includes(name) ?? true);
}

async function bench(): Promise<number> {
  const workloads = chosen();
  const begunMs = Date.now();
  // Installs and builds what is missing.
  const built = spawnSync(join(REPOSITORY, 'rollcall'), ['--version'], { stdio: ['ignore', 'ignore', 'inherit'] });
  if (built.status !== 0) return 2;
  const stop = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => {
      if (!stop.signal.aborted) say('stopping, and removing what was made');
      stop.abort(new Error('the benchmark was stopped'));
    });
  }
  const out = resolve(options.out);
  for (const directory of [out, options.dir]) mkdirSync(directory, { recursive: true });
  let measured = 0;
  for (const [index, workload] of workloads.entries()) {
    const entry = await enter(workload, {
      quick: options.quick,
      rounds: options.quick ? ROUNDS_QUICK : Number(options.rounds),
      cores: availableParallelism(),
      signal: stop.signal,
      say,
      isLate: latenessOf(begunMs, workloads.length - index),
    });
    // What was stopped in the middle is no result.
    if (stop.signal.aborted) break;
    measured++;
    if (!record(out, entry)) say('  the results of a full run stay');
  }
  say(`${measured} of ${workloads.length} workloads in ${Math.round((Date.now() - begunMs) / 1000)} s`);
  return stop.signal.aborted ? 130 : 0;
}

/** In a quick run the time that is left is divided among the workloads that are left. */
function latenessOf(begunMs: number, left: number): () => boolean {
  const untilMs = Date.now() + (begunMs + QUICK_MAX_MS - Date.now()) / left;
  return () => options.quick && Date.now() >= untilMs;
}

/** One workload in a directory of its own, which goes with all that is in it. */
async function enter(workload: Workload, ground: Omit<Ground, 'dir'>): Promise<Entry> {
  const loadBefore = load();
  const begunMs = Date.now();
  say(`${workload.name}: ${workload.about}`);
  const dir = mkdtempSync(join(resolve(options.dir), 'rollcall-bench-'));
  // The database's own user passes through.
  chmodSync(dir, 0o711);
  let findings: Entry['findings'] = null;
  let trouble: string | null = null;
  try {
    if (ground.isLate()) throw new Error('the time of a quick run was over');
    findings = await workload.run({ ...ground, dir });
  } catch (error) {
    trouble = (error as Error).message.trim().replaceAll(/\s+/g, ' ');
    say(`  ${trouble}`);
  } finally {
    await removeWithStates(dir, say);
  }
  say(`  ${Math.round((Date.now() - begunMs) / 1000)} s`);
  return {
    workload: workload.name,
    occasion: {
      date: new Date().toISOString().slice(0, 16).replace('T', ' '),
      quick: ground.quick,
      rounds: ground.rounds,
      fileSystem: fileSystemOf(resolve(options.dir)),
      load: [loadBefore, load()],
      machine: thisMachine(),
      versions: theseVersions(),
    },
    findings,
    trouble,
  };
}
