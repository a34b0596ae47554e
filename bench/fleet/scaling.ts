// One tree, scanned by more and more slots and processes: the seconds of each scan, and what Postgres did for it.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Findings, Ground } from '../ground.ts';
import type { Measurement } from '../runs.ts';
import { median } from '../statistics.ts';
import { makeTree, settled } from '../trees.ts';
import { type Crew, type CrewSize, openCrew } from './crew.ts';
import type { Server } from './server.ts';
import { mountSlow, SLOW_MISSING } from './slow-storage.ts';

export type Part = Pick<Findings, 'measurements' | 'notes'>;

const SIZES: readonly CrewSize[] = [
  { workers: 1, slots: 1 },
  { workers: 1, slots: 2 },
  { workers: 1, slots: 4 },
  { workers: 2, slots: 1 },
  { workers: 4, slots: 1 },
];

interface Scanned {
  readonly seconds: number;
  /** Of Postgres, from the moment in which the task was left. */
  readonly cpuSeconds: number;
  readonly walBytes: number;
  readonly databaseBytes: number;
}

export async function scaling(ground: Ground, server: Server): Promise<Part> {
  const files = ground.quick ? 8_000 : 40_000;
  const root = join(ground.dir, 'tree');
  const [tree, warm] = [join(root, 'small'), join(ground.dir, 'warm')];
  mkdirSync(root);
  await makeTree(ground, tree, { files, medianBytes: 5_000, seed: 11 });
  await makeTree(ground, warm, { files: 2_000, medianBytes: 500, seed: 12 });
  await settled(ground);
  const what = `${files} small files`;
  const { measurement, of } = await inTurns(ground, server, {
    what,
    tree,
    warm,
    sizes: SIZES,
    rounds: Math.min(3, ground.rounds),
  });
  const perFile = (name: string, figure: (scanned: Scanned) => number): number =>
    median((of.get(name) ?? []).map(figure)) / files;
  const costs = [...of.keys()].map(
    (name) =>
      `${name}: ${(perFile(name, ({ cpuSeconds }) => cpuSeconds) * 1e6).toFixed(0)} µs of processor time, ${perFile(name, ({ walBytes }) => walBytes).toFixed(0)} bytes of WAL, ${perFile(name, ({ databaseBytes }) => databaseBytes).toFixed(0)} bytes of database`,
  );
  return {
    measurements: [measurement],
    notes: [
      'Time is from the begin to the end of the scan, as the catalog has it, by workers that have scanned a small tree before; each run has a catalog of its own.',
      `Postgres, for each file: ${costs.join('; ')}.`,
    ],
  };
}

export async function slowStorage(ground: Ground, server: Server): Promise<Part> {
  if (SLOW_MISSING !== null) return { measurements: [], notes: [`Slow storage: ${SLOW_MISSING}.`] };
  const delayMs = 5;
  const storage = { delayMs, directories: 40, files: ground.quick ? 10 : 25 };
  const slow = await mountSlow(ground, storage);
  try {
    const count = storage.directories * storage.files;
    const what = `${count} files, each open and read ${delayMs} ms late`;
    const sizes = [
      { workers: 1, slots: 1 },
      { workers: 2, slots: 1 },
    ];
    const warm = join(ground.dir, 'warm');
    const { measurement } = await inTurns(ground, server, {
      what,
      tree: slow.path,
      warm,
      sizes,
      rounds: 1,
    });
    return { measurements: [measurement], notes: [] };
  } finally {
    await slow.close();
  }
}

interface Turns {
  readonly what: string;
  readonly tree: string;
  /** What every thread has scanned before. */
  readonly warm: string;
  readonly sizes: readonly CrewSize[];
  readonly rounds?: number;
}

async function inTurns(
  ground: Ground,
  server: Server,
  { what, tree, warm, sizes, rounds = ground.rounds }: Turns,
): Promise<{ readonly measurement: Measurement; readonly of: ReadonlyMap<string, readonly Scanned[]> }> {
  const of = new Map<string, Scanned[]>(sizes.map((size) => [nameOf(size), []]));
  for (let round = 1; round <= rounds; round++) {
    if (round > 1 && ground.isLate()) break;
    for (const size of sizes) {
      const crew = await openCrew(ground, server, size);
      try {
        await crew.answered([await crew.leave(warm)]);
        of.get(nameOf(size))?.push(await scanned(crew, server, tree));
      } finally {
        await crew.close();
        await server.ask('postgres', `drop database ${crew.database} with (force)`);
      }
    }
    ground.say(`  ${what}, round ${round} of ${rounds}`);
  }
  const rows = [...of].map(([name, all]) => ({
    name,
    seconds: all.map(({ seconds }) => seconds),
    peakBytes: null,
    trouble: null,
  }));
  return { measurement: { what, rows }, of };
}

async function scanned(crew: Crew, server: Server, tree: string): Promise<Scanned> {
  const state = async (): Promise<{ wal: number; size: number }> => {
    const [row] = await crew.rows<{ wal: string; size: string }>(
      `select (pg_current_wal_lsn() - '0/0')::text as wal, pg_database_size(current_database())::text as size`,
    );
    return { wal: Number(row?.wal), size: Number(row?.size) };
  };
  const before = await state();
  const cpuBefore = server.cpuSeconds();
  const id = await crew.leave(tree);
  await crew.answered([id]);
  const cpuSeconds = server.cpuSeconds() - cpuBefore;
  const after = await state();
  const [scan] = await crew.rows<{ ms: string }>(
    'select (ended_ms - started_ms)::text as ms from scan order by id desc limit 1',
  );
  return {
    seconds: Number(scan?.ms) / 1_000,
    cpuSeconds,
    walBytes: after.wal - before.wal,
    databaseBytes: after.size - before.size,
  };
}

export function nameOf({ workers, slots }: CrewSize): string {
  const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`;
  return `${count(workers, 'worker')} × ${count(slots, 'slot')}`;
}
