// Random small trees with hostile names, random nights, random damage: what holds whatever happened.
import { readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Finding } from '../../domain/assessment.ts';
import { decodePath } from '../../domain/path.ts';
import type { AssessResult } from '../../services/assess.ts';
import { findSnapshots } from '../../services/files/snapshots.ts';
import { parseManifestLine, type ManifestEntry } from '../../services/bundle/manifest.ts';
import { scanSeries } from '../../services/scan/scan-series.ts';
import { contentOf, Life, type Script, scripts } from './life.ts';
import { cases, fc } from '../support/random.ts';
import { checkSums } from '../support/answers.ts';
import { Catalog } from '../support/catalog.ts';
import { survey } from '../support/tree.ts';
import { Volume } from '../support/volume.ts';

/**
 * More of it, or one case again: ROLLCALL_TEST_RUNS=200 ROLLCALL_TEST_SEED=7 npx vitest run
 * test/scenario/property.test.ts
 */
const RUNS = Number(process.env['ROLLCALL_TEST_RUNS'] ?? 6);
const PATH = process.env['ROLLCALL_TEST_PATH'];
const ONCE_MS = 60_000;

const catalog = await Catalog.forFile();

async function forAll(
  runs: number,
  holds: (script: Script, house: Volume, life: Life) => Promise<void>,
): Promise<void> {
  await fc.assert(
    fc.asyncProperty(scripts, async (script) => {
      const house = new Volume(catalog, script.nights.length + 1);
      const life = new Life(house);
      try {
        life.run(script);
        await holds(script, house, life);
      } catch (error) {
        throw new Error(
          `${life.log.join('\n')}\n${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
          {
            cause: error,
          },
        );
      } finally {
        house.close();
      }
    }),
    {
      numRuns: cases(runs),
      ...(PATH === undefined ? {} : { path: PATH }),
      endOnFailure: process.env['ROLLCALL_TEST_SHRINK'] === undefined,
    },
  );
}

/** What a default restore does not touch: it goes beside, or a person must say which side is right. */
function isApart({ verdict, flags }: Finding): boolean {
  return verdict === 'replaced' || verdict === 'recreated' || flags.includes('side unknown');
}

function manifestOf(result: AssessResult): ManifestEntry[] {
  if (result.bundle === null) return [];
  const text = readFileSync(join(result.bundle.directory, 'manifest.jsonl'), 'utf8');
  return text.split('\n').flatMap((line) => (line === '' ? [] : [parseManifestLine(line)]));
}

/** docs/design.md#rule-7, with a universe that was counted without the catalog. */
function checkUniverse(house: Volume, nights: number, { assessment }: AssessResult): void {
  const universe = new Set(survey(house.live).keys());
  for (let night = 1; night <= nights; night++)
    for (const path of survey(house.snapshotRoot(night)).keys()) universe.add(path);
  checkSums(assessment);
  expect(assessment.universe.paths + assessment.universe.directories).toBe(universe.size);
  const live = survey(house.live);
  const found = new Map(assessment.findings.map((finding) => [finding.path, finding]));
  for (const path of found.keys()) expect(universe).toContain(path);
  for (const path of universe)
    if (!live.has(path)) expect(found.has(path), `${path} is not there, and in no class`).toBe(true);
}

/**
 * Silent damage of what a backup has is noticed; rot may have more copies than what was there before, and then nobody
 * can know.
 */
function checkNoticed(life: Life, { rereads }: Script, { assessment }: AssessResult): void {
  const found = new Map(assessment.findings.map((finding) => [finding.path, finding.verdict]));
  for (const [path, { damage, asBackedUp, hidden }] of life.harmed) {
    if (!asBackedUp || damage === 'flip' || (hidden && !rereads)) continue;
    // A second name of a file that appeared in the very snapshot that saw the lost one last passes for where it moved
    // to.
    const expected =
      damage === 'lose' || damage === 'lose tree'
        ? ['missing', ...(life.linked.has(path) ? ['moved'] : [])]
        : damage === 'replace'
          ? ['replaced']
          : ['truncated', 'corrupt'];
    expect(expected, `${path} was damaged: ${damage}`).toContain(found.get(path));
  }
}

test(
  'the classes add up, exact is exact, nothing else is touched, and a second assessment finds nothing to restore',
  () =>
    forAll(RUNS, async (script, house, life) => {
      const nights = script.nights.length;
      const sinceMs = house.nowMs(Life.damagedSince(script));
      const untouched = survey(house.live);
      const first = await house.assess(nights + 1, { sinceMs, reread: script.rereads });
      expect(survey(house.live)).toEqual(untouched);
      checkUniverse(house, nights, first);
      checkNoticed(life, script, first);

      const manifest = manifestOf(first);
      const byPath = new Map(manifest.map((entry) => [entry.path, entry]));
      const exact = first.assessment.findings.filter(({ recovery }) => recovery === 'exact');
      for (const finding of exact.filter((one) => !isApart(one)))
        expect(byPath.has(finding.path), `${finding.path} is ${finding.verdict} exact, and in no list`).toBe(true);

      if (first.bundle !== null) {
        const { code, output } = house.restore(first.bundle.directory, '--apply', '--damaged', '--person-deleted');
        expect(code, output).toBe(0);
      }
      const after = survey(house.live);
      for (const finding of exact) {
        const entry = byPath.get(finding.path);
        if (entry === undefined) continue;
        const content = contentOf(house.at(Buffer.from(decodePath(entry.destination))));
        const good = life.good.get(finding.path);
        // No snapshot has this name of a file undamaged; what it held is known by another name of it.
        if (good === undefined && life.linked.has(finding.path)) continue;
        expect(content, `${finding.path} (${finding.verdict})`).toBe(good);
      }
      const listed = new Set(manifest.map(({ destination }) => destination));
      for (const [path, was] of untouched)
        if (!listed.has(path)) {
          const now = after.get(path);
          // A directory that gets names back has a new mtime.
          if (was.kind === 'directory')
            expect(now, path).toMatchObject({ kind: was.kind, mode: was.mode, owner: was.owner });
          else expect(now, path).toEqual(was);
        }
      const made = [...after.keys()].filter((path) => !untouched.has(path) && !listed.has(path));
      const ways = made.filter((path) => after.get(path)?.kind !== 'directory');
      expect(ways, 'made, and in no list').toEqual([]);

      if (first.bundle !== null && script.proves) {
        const { result } = await house.verify(first.bundle.directory, nights + 1.1);
        const back = ['restored', 'beside'];
        expect(result.items.filter(({ status, needs }) => !back.includes(status) && !needs.includes('older'))).toEqual(
          [],
        );
      }
      const second = await house.assess(nights + 1.2, { sinceMs });
      checkSums(second.assessment);
      const replaced = second.assessment.findings.filter(({ verdict }) => verdict === 'replaced');
      const restored = new Set(exact.map(({ path }) => path));
      const renamedToLost = new Set(
        first.assessment.findings.flatMap(({ path, verdict, movedTo }) =>
          verdict === 'moved' && movedTo !== null && restored.has(movedTo) ? [path] : [],
        ),
      );
      const again = second.assessment.findings.filter(
        (one) =>
          one.recovery === 'exact' &&
          !isApart(one) &&
          // Of a lost name that passed for moved, the content may stand in one place more now.
          !life.linked.has(one.path) &&
          // So it does where the name that it was renamed to was lost, and is back.
          !renamedToLost.has(one.path) &&
          // What lay below a directory that was replaced lies beside it, and stays absent there.
          !replaced.some(({ path }) => one.path.startsWith(`${path}/`)),
      );
      expect(again.map(({ path, verdict, flags }) => ({ path, verdict, flags }))).toEqual([]);
    }),
  ONCE_MS * Math.max(2, RUNS / 4),
);

/**
 * Names, metadata and intervals. Neighbours that differ in nothing but their digests count as one: content that changed
 * under the same size and time is told apart where both sides were read, and what is cut off from a version may have
 * lost its reading.
 */
async function catalogOf(pattern: string): Promise<string[]> {
  const { rows } = await catalog.db.pool.query<{ what: string; first: bigint; end: bigint | null; reason: string }>(
    `select concat_ws(' | ', d.path, v.name, v.kind, v.mode, v.uid, v.gid, v.size, v.mtime_ns, v.target) as what,
            v.first_seq as first, v.end_seq as end, v.end_reason as reason
       from volume o join root r on r.volume = o.id join version v on v.root = r.id join directory d on d.id = v.directory
       where o.name = $1 order by 1, 2`,
    [pattern],
  );
  const joined: (typeof rows)[number][] = [];
  for (const row of rows) {
    const before = joined.at(-1);
    if (before?.what === row.what && before.end === row.first) joined.splice(-1, 1, { ...row, first: before.first });
    else joined.push(row);
  }
  return joined.map(({ what, first, end, reason }) => `${what}: ${first} to ${end} ${reason}`);
}

test(
  'snapshots that come in any order give the same catalog',
  () =>
    forAll(Math.ceil(RUNS / 2), async (script, house) => {
      const ingest = async (host: string, order: readonly number[]): Promise<string[]> => {
        const tools = { ...house.tools(script.nights.length + 1), host };
        const pattern = `${host}: ${house.pattern}`;
        for (const index of order) {
          const found = await findSnapshots(house.pattern, { nowMs: tools.nowMs(), tz: 'UTC', limit: null });
          const snapshots = found.snapshots.filter((_, i) => i === index);
          const scope = { excludes: [], crossMounts: false };
          await scanSeries(tools, { pattern, found: { ...found, snapshots }, scope, reread: false }, () => {});
        }
        return catalogOf(pattern);
      };
      const inOrder = script.nights.map((_, i) => i);
      // The states of the nights in another order: then much comes back that was gone, as no ordinary life has it.
      const states = inOrder.toSorted((a, b) => key(script, b, 7) - key(script, a, 7));
      for (const i of inOrder) renameSync(house.snapshotRoot(i + 1), join(house.base, `state ${i}`));
      for (const [i, state] of states.entries())
        renameSync(join(house.base, `state ${state}`), house.snapshotRoot(i + 1));
      const shuffled = inOrder.toSorted((a, b) => key(script, a, 3) - key(script, b, 3));
      const [late, early] = [await ingest('first', shuffled), await ingest('second', inOrder)];
      expect(late, shuffled.join(', ')).toEqual(early);
    }),
  ONCE_MS * Math.max(2, RUNS / 4),
);

/** Some number that a night has by chance; another one with another salt. */
function key(script: Script, night: number, salt: number): number {
  const first = script.first[(night * salt) % script.first.length];
  return ((first?.pick ?? 0) * 31 + (first?.name ?? 0) * (17 + salt) + night * (311 + salt)) % 1_009;
}
