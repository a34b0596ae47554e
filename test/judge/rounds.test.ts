import { linkSync, readFileSync, renameSync, statSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { EXIT } from '../../domain/exit.ts';
import { FLAG } from '../../domain/judge/flags.ts';
import { fate } from '../../domain/picture.ts';
import type { AnyAsk } from '../../services/bundle/asks.ts';
import { keptLine } from '../../services/bundle/kept.ts';
import { parseFindingLine } from '../../services/bundle/manifest.ts';
import { fromJson, toJson } from '../../domain/assessment-json.ts';
import { carryOutTexts } from '../../services/bundle/carry-out.ts';
import { toText } from '../../services/judge/asks.ts';
import { ROUNDS_MAX } from '../../services/judge/hosts.ts';
import { refusal } from '../support/refusal.ts';
import { writeBundle } from '../../services/bundle/write.ts';
import { exitOf } from '../../services/assess.ts';
import { reconcile } from '../../services/judge/assess-volume.ts';
import { cases, fc } from '../support/random.ts';
import { act, NAMES, night } from './nights.ts';
import { bundleInput, bundleInRounds, comparable, HOSTS, inputOf, judgeInRounds, listsOf, Rows } from './rounds.ts';
import { classes, findingAt, verdicts } from '../support/answers.ts';
import { Catalog } from '../support/catalog.ts';
import { Volume } from '../support/volume.ts';

const catalog = await Catalog.forFile();

/** Both ways, on one disk and with catalogs that know nothing of one another. */
async function bothWays(world: Volume): Promise<{ rounds: number; bundleRounds: number }> {
  const here = await reconcile({ ...inputOf(world, await world.scan()), host: 'here' });
  const scanned = await world.scan(['backup'], HOSTS);
  const rows = new Rows(world);
  const fleet = await judgeInRounds(world, scanned, rows);
  expect(comparable(fleet.assessment)).toEqual(comparable(here.assessment));
  const { rounds } = rows;
  if (!here.assessment.findings.some(({ recovery }) => recovery !== null)) return { rounds, bundleRounds: 0 };

  // What was judged is kept as text, and the bundle is written from that.
  const lines = fleet.assessment.findings.map(keptLine);
  const kept = fromJson(
    toJson(fleet.assessment),
    lines.map((line) => parseFindingLine(line).finding),
  );
  expect(comparable(kept)).toEqual(comparable(fleet.assessment));
  const [one, many] = [join(world.base, 'bundle'), join(world.base, 'bundle-in-rounds')];
  await writeBundle({ ...bundleInput(here.assessment, one), nextSource: here.nextSource });
  const proofs = new Rows(world);
  await bundleInRounds(bundleInput(kept, many), proofs, inputOf(world, scanned));
  expect(listsOf(many)).toEqual(listsOf(one));
  return { rounds, bundleRounds: proofs.rounds };
}

function flip(path: string): void {
  const { atime, mtime, size } = statSync(path);
  writeFileSync(path, 'X'.repeat(size));
  utimesSync(path, atime, mtime);
}

/** A loss of each sort that can be restored, and some that cannot be told without reading copies. */
function damaged(): Volume {
  const world = Volume.open(catalog, 20, 'by day');
  for (let i = 0; i < 30; i++) world.write(`d/f${i}`, `the content of file ${i} `.repeat(20 + i));
  world.write('d/linked', 'two names, one file');
  linkSync(world.path('d/linked'), world.path('d/link'));
  for (const name of ['before', 'unread']) world.write(`r/${name}`, `the words of ${name}`);
  world.write('z/zeros', Buffer.alloc(16_384, 'a'));
  world.write('z/tail', Buffer.alloc(16_384, 'b'));
  world.snapshot(1);
  world.write('d/f1', 'a newer text that was lost', 2);
  world.snapshot(2);
  world.snapshot(3);
  world.lose('d/f1');
  world.lose('d/f2');
  world.lose('d/linked');
  flip(world.path('d/f3'));
  truncateSync(world.path('d/f4'), 100);
  const { atime, mtime } = statSync(world.path('z/tail'));
  writeFileSync(world.path('z/tail'), Buffer.concat([Buffer.alloc(4_000, 'b'), Buffer.alloc(8_192)]));
  utimesSync(world.path('z/tail'), atime, mtime);
  writeFileSync(world.path('z/zeros'), Buffer.alloc(16_384));
  renameSync(world.path('r/before'), world.path('r/renamed'));
  world.write('d/f6', 'edited in the ordinary way', 12);
  return world;
}

describe('judged in rounds, live and backup on different hosts', () => {
  test('whatever happens to a volume: the same assessment and the same lists as on one host', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(night, { minLength: 2, maxLength: 5 }), night, async (nights, after) => {
        const world = new Volume(catalog, 12, 'by day');
        try {
          NAMES.forEach((name, i) => world.write(name, `first text of ${name} `.repeat(1 + i)));
          nights.forEach((steps, i) => {
            for (const one of steps) act(world, one, i + 1);
            world.snapshot(i + 1);
          });
          for (const one of after) act(world, one, 11);
          world.write('always', 'here');
          const { rounds, bundleRounds } = await bothWays(world);
          expect(rounds).toBeLessThanOrEqual(ROUNDS_MAX);
          expect(bundleRounds).toBeLessThanOrEqual(ROUNDS_MAX);
        } finally {
          world.close();
        }
      }),
      { numRuns: cases(10) },
    );
  });

  test('losses and damage of each sort: the same assessment and the same lists', async () => {
    const { rounds, bundleRounds } = await bothWays(damaged());
    expect(rounds).toBeLessThanOrEqual(ROUNDS_MAX);
    expect(bundleRounds).toBe(1);
  });

  test('a source that fails when the lists are written falls to the next best one', async () => {
    const world = damaged();
    const scanned = await world.scan(['backup'], HOSTS);
    const { assessment } = await judgeInRounds(world, scanned, new Rows(world));
    const { source } = findingAt(assessment, 'd/f2');
    flip(join(source!.root, 'd/f2'));
    const bundle = join(world.base, 'bundle');
    const rows = new Rows(world);
    const written = await bundleInRounds(bundleInput(assessment, bundle), rows, inputOf(world, scanned));
    expect(rows.rounds).toBeLessThanOrEqual(ROUNDS_MAX);
    expect(written.report.fallenBack).toBe(1);
    expect(written.unread).toBeNull();
    const entry = manifestOf(bundle).find(({ path }) => path === 'd/f2');
    expect(entry).toMatchObject({ source: { host: 'store' }, insteadOf: { snapshot: source!.snapshot } });
  });

  test('which of many copies is right takes few rounds, however many are asked', async () => {
    const world = Volume.open(catalog, 20, 'by day');
    for (let i = 0; i < 6; i++) world.write(`d/f${i}`, `the content of file ${i} `.repeat(40));
    const nights = Array.from({ length: 12 }, (_, i) => world.snapshot(i + 1));
    // Two old copies are right; all newer ones, and live, hold what rot made of it.
    for (const snapshot of nights.slice(2)) flip(join(snapshot, 'd/f1'));
    flip(world.path('d/f1'));
    flip(world.path('d/f2'));
    world.lose('d/f3');
    const { rounds } = await bothWays(world);
    expect(rounds).toBeLessThanOrEqual(ROUNDS_MAX);
  });

  test('a host is asked for its own copies only', async () => {
    const world = damaged();
    const kinds = new Map<string, Set<string>>();
    const onAsked = (host: string, asks: readonly AnyAsk[]): void => {
      const own = kinds.get(host) ?? new Set();
      for (const ask of asks) own.add(ask.kind);
      kinds.set(host, own);
    };
    const scanned = await world.scan(['backup'], HOSTS);
    const fleet = { onAsked };
    const { assessment } = await judgeInRounds(world, scanned, new Rows(world, fleet));
    await bundleInRounds(
      bundleInput(assessment, join(world.base, 'b')),
      new Rows(world, fleet),
      inputOf(world, scanned),
    );
    expect([...kinds.get('store')!].toSorted()).toEqual(['copy', 'directory', 'measure', 'read']);
    expect([...kinds.get('files')!].toSorted()).toEqual(['copy', 'look', 'measure', 'mount', 'target']);
    const ask = toText({ kind: 'mount', host: 'store', root: world.live, mark: null } as AnyAsk);
    const tools = { host: 'files', accepted: { notGluster: false, bricksRescued: false }, now: Date.now };
    expect((await refusal(carryOutTexts([ask], tools))).message).toContain('this is files');
  });

  test('by a process on another host than both: nothing there is taken for what lies elsewhere', async () => {
    const world = damaged();
    const scanned = await world.scan(['backup'], HOSTS);
    const { assessment } = await reconcile({ ...inputOf(world, scanned), host: 'here' });
    expect(assessment.bytesRead).toBe(0);
    expect(assessment.incomplete.join(' ')).toContain('No answer from store');
    const { lists, unread } = await writeBundle(bundleInput(assessment, join(world.base, 'bundle')));
    expect(lists).toEqual([]);
    expect(unread).toContain('No answer from');
  });
});

describe('a host that does not answer', () => {
  test('of the backup: what only it can tell is unverified, losses stay, and the assessment is incomplete', async () => {
    const world = damaged();
    const scanned = await world.scan(['backup'], HOSTS);
    const { assessment } = await judgeInRounds(world, scanned, new Rows(world, { silent: ['store'] }));
    expect(verdicts(assessment)).toEqual({
      'd/f1': 'missing',
      'd/f2': 'missing',
      'd/f3': 'corrupt',
      'd/f4': 'unverified',
      'd/f6': 'unverified',
      'd/linked': 'missing',
      'r/before': 'moved',
      'r/renamed': 'new',
      'z/tail': 'truncated',
      'z/zeros': 'truncated',
    });
    expect(assessment.incomplete[0]).toMatch(/^No answer from store: \d+ copies there were not read\./);
    // A copy stands in a snapshot there: it is not given up.
    expect(fate(findingAt(assessment, 'd/f2'))).not.toBe('lost');
    expect(exitOf(assessment)).toBe(EXIT.findings);
  });

  test('of the backup: what may have been renamed is unverified, unless nobody touched its directory', async () => {
    const world = Volume.open(catalog, 20, 'by day');
    for (let i = 0; i < 9; i++) world.write(`r/f${i}`, `what ${i} says`);
    world.write('q/f', 'what 0 says');
    world.snapshot(1);
    renameSync(world.path('r/f0'), world.path('r/renamed'));
    world.stamp('r', 2);
    world.lose('q/f');
    world.snapshot(2);
    const scanned = await world.scan(['backup'], HOSTS);
    const since = { sinceMs: world.startMs };
    const silent = await judgeInRounds(world, scanned, new Rows(world, { silent: ['store'] }), since);
    expect(verdicts(silent.assessment)).toMatchObject({ 'r/f0': 'unverified', 'q/f': 'missing' });
    const { assessment } = await judgeInRounds(world, scanned, new Rows(world), since);
    expect(verdicts(assessment)).toMatchObject({ 'r/f0': 'moved', 'q/f': 'missing' });
  });

  test('of the live volume: a loss that a scan proved stays one, what is calm is unverified', async () => {
    const world = damaged();
    const scanned = await world.scan(['backup'], HOSTS);
    const { assessment } = await judgeInRounds(world, scanned, new Rows(world, { silent: ['files'] }));
    expect(classes(assessment)).toEqual({ missing: 3, corrupt: 1, truncated: 2, unverified: 4, intact: 27 });
    for (const finding of assessment.findings)
      if (finding.verdict !== 'unverified') expect(finding.flags, finding.path).toContain(FLAG.notLookedAt);
    expect(assessment.incomplete[0]).toContain('paths were not looked at again');
    const { report } = await bundleInRounds(
      bundleInput(assessment, join(world.base, 'bundle')),
      new Rows(world, { silent: ['files'] }),
      inputOf(world, scanned),
    );
    // What is damaged is replaced only where somebody has seen what lies there.
    expect(report.lists.every(({ kind }) => kind === 'missing')).toBe(true);
    expect(report.free).toBeNull();
  });

  test('with nothing else to report: exit 3, and exit 0 once they answer', async () => {
    const world = Volume.open(catalog, 20, 'by day');
    for (let i = 0; i < 5; i++) world.write(`d/f${i}`, `text ${i}`);
    world.snapshot(1);
    world.snapshot(2);
    world.write('d/f0', 'edited in the ordinary way', 12);
    world.write('d/new', 'made today', 19);
    const scanned = await world.scan(['backup'], HOSTS);
    const { assessment } = await judgeInRounds(world, scanned, new Rows(world, { silent: ['store', 'files'] }));
    expect(verdicts(assessment)).toEqual({ 'd/f0': 'unverified', 'd/new': 'unverified' });
    expect(exitOf(assessment)).toBe(EXIT.incomplete);
    const answered = (await judgeInRounds(world, scanned, new Rows(world))).assessment;
    expect(verdicts(answered)).toEqual({ 'd/f0': 'modified', 'd/new': 'new' });
    expect(exitOf(answered)).toBe(EXIT.nothing);
  });
});

function manifestOf(bundle: string): Record<string, unknown>[] {
  const lines = readFileSync(join(bundle, 'manifest.jsonl'), 'utf8').trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}
