// Bricks of one volume on two hosts, whose workers are processes: judged by both together, and by one process alone.
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect } from 'vitest';
import type { Assessment } from '../../domain/assessment.ts';
import { assess } from '../../services/assess.ts';
import { taskState } from '../../services/catalog/steer-tasks.ts';
import { leaveJoined } from '../../services/joined.ts';
import type { JoinedRequest } from '../../services/joined-request.ts';
import { bundleOfAssessment } from '../../services/joined-work.ts';
import { backUpBricks, type Bricks, type BricksWanted, makeBricks } from '../support/bricks.ts';
import { Catalog } from '../support/catalog.ts';
import { until } from '../support/poll.ts';
import { databaseForFile } from '../support/postgres.ts';
import { startWorkerProcess, stopWorkers, type WorkerProcess } from '../support/processes.ts';
import { SEED } from '../support/random.ts';
import { plainRequest } from '../support/request.ts';
import { temporaryDirectory } from '../support/tree.ts';

export const HOSTS = ['files1', 'files2'] as const;

const { outDir: _, ...OPTIONS } = plainRequest('', [], null);
let worlds = 0;

/**
 * Bricks in turn on both hosts, so that the replicas of a set are apart.
 * @param first so many are on the first host, and the rest on the other: then they come in the order of one host
 */
export function onBoth({ roots }: Bricks, first?: number): string {
  const hostOf = (at: number): string => HOSTS[first === undefined ? at % 2 : at < first ? 0 : 1] ?? '';
  return `gluster:${roots.map((root, at) => `${hostOf(at)}:${root}`).join()}`;
}

/** What it names bricks with, where they lie on several. */
function withoutHosts(text: string): string {
  return text.replaceAll(/files[12]:(?=\/)/g, '');
}

/**
 * What it says of each path, without the hosts that bricks are named with, the order in which those come, and when it
 * was looked at.
 */
export function told({ findings, verdicts: counts, universe, incomplete, orphans = [] }: Assessment): string {
  const lines = findings.map(({ path, verdict, recovery, cause, bricks, evidence = [] }) => {
    const copies = (bricks?.copies ?? []).map((copy) => withoutHosts(JSON.stringify(copy)));
    const of = { why: bricks?.why, belongs: bricks?.belongs, copies: copies.toSorted() };
    const said = evidence.map(withoutHosts).toSorted();
    return JSON.stringify({ path, verdict, recovery, cause, of, said });
  });
  const left = orphans.map(({ copy: { brick, handle, size, xxh64 }, isUnlinked, names }) =>
    JSON.stringify([brick, handle, size, xxh64, isUnlinked, names.map(({ path, isAbsent }) => [path, isAbsent])]),
  );
  const sums = [JSON.stringify(counts), JSON.stringify(universe), ...incomplete];
  // Without hosts before they are sorted: those come first in a path.
  const sorted = [lines, left].flatMap((texts) => texts.map(withoutHosts).toSorted());
  const text = [...sorted, ...sums.map(withoutHosts)].join('\n');
  return text.replaceAll(/20\d\d-\d\d-\d\dT[0-9:.]+Z/g, 'then');
}

export interface BrickHosts {
  /** Of the catalog that the workers share. */
  readonly address: Awaited<ReturnType<typeof databaseForFile>>['database']['address'];
  /** Of this test. */
  readonly base: () => string;
  /** A worker; a host that says nothing for `silentMs` is not waited for. */
  readonly start: (host: string, silentMs?: number) => void;
  /** Its worker has said that it is there: it counts as silent until then. */
  readonly awake: (host: string) => Promise<void>;
  /** All workers are killed. */
  readonly stop: () => Promise<void>;
  readonly said: () => string;
  readonly world: (wanted: Omit<BricksWanted, 'seed'>) => Bricks;
  readonly answerOf: (
    live: string,
    choice?: Partial<JoinedRequest>,
  ) => Promise<Readonly<Record<string, unknown>> | null>;
  /** By the workers of both hosts. Its bundle is `bundle` in the base. */
  readonly judged: (live: string, choice?: Partial<JoinedRequest>) => Promise<Assessment>;
  readonly onOneHost: (made: Bricks, choice?: { readonly reread?: boolean }) => Promise<Assessment>;
}

/** For one file of tests. */
export async function brickHosts(): Promise<BrickHosts> {
  const { database, db } = await databaseForFile();
  const catalog = await Catalog.forFile();
  const workers: WorkerProcess[] = [];
  let base = '';
  beforeEach(() => {
    base = temporaryDirectory('rollcall-two-brick-hosts-');
  });
  const stop = (): Promise<void> => stopWorkers(workers.splice(0));
  afterEach(stop);
  const said = (): string => workers.map((worker) => worker.said()).join('');
  const answerOf: BrickHosts['answerOf'] = async (live, choice = {}) => {
    const request: JoinedRequest = {
      ...OPTIONS,
      live: { host: HOSTS[0], path: live },
      backups: [{ host: HOSTS[0], pattern: join(base, 'backup/*') }],
      part: null,
      program: 'rollcall',
      out: null,
      ...choice,
    };
    const id = await leaveJoined(db.pool, request, Date.now());
    const ended = async (): Promise<boolean> =>
      ['done', 'failed'].includes((await taskState(db.pool, id))?.state ?? '');
    await until('it is answered', ended, 90_000).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${said()}`);
    });
    return (await taskState(db.pool, id))?.result ?? null;
  };
  return {
    address: database.address,
    base: () => base,
    start: (host, silentMs = 60_000) =>
      void workers.push(startWorkerProcess({ address: database.address, host, silentMs })),
    awake: (host) =>
      until(`a worker of ${host} is there`, async () => {
        const recent = "select from worker where host = $1 and seen > now() - interval '1 second'";
        return (await db.pool.query(recent, [host])).rows.length > 0;
      }),
    stop,
    said,
    world(wanted) {
      const place = join(base, 'volume');
      mkdirSync(place);
      // A volume of its own: the catalogs remember those of the tests before.
      const made = makeBricks(place, { ...wanted, seed: SEED + ++worlds });
      backUpBricks(made, join(base, 'backup/2026-09-07'));
      return made;
    },
    answerOf,
    async judged(live, choice = {}) {
      const result = await answerOf(live, choice);
      expect(result, said()).toMatchObject({ assessment: expect.any(String) });
      const signal = new AbortController().signal;
      const tools = { db, host: 'desk', nowMs: Date.now, owners: new Map(), signal, program: 'rollcall' };
      const of = { id: BigInt(String(result?.['assessment'])), outDir: join(base, 'bundle'), part: null };
      rmSync(of.outDir, { recursive: true, force: true });
      return (await bundleOfAssessment(tools, of)).assessment;
    },
    async onOneHost({ roots }, choice = {}) {
      const tools = { ...catalog.tools(), cwd: base, stateDir: null, program: 'rollcall', owners: new Map() };
      const request = plainRequest(`gluster:${roots.join()}`, [`${base}/backup/*`], join(base, 'bundle-of-one'));
      rmSync(join(base, 'bundle-of-one'), { recursive: true, force: true });
      return (await assess({ ...tools, onPlan: () => {} }, { ...request, ...choice })).assessment;
    },
  };
}
