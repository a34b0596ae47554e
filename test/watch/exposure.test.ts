// What would be lost if a volume died now, told on real trees: a copy counts where it was read, is equal, and still
// exists; what was not looked at is never fine.
import { cpSync, mkdirSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Coverage } from '../../domain/exposure.ts';
import { SHORTFALLS, shortBy } from '../../domain/exposure.ts';
import { keepConfiguration } from '../../services/catalog/configurations.ts';
import { exposure } from '../../services/exposure.ts';
import { preflight } from '../../services/preflight.ts';
import { exposureLines } from '../../services/report/coverage.ts';
import { Catalog, HOST } from '../support/catalog.ts';
import { DAY_MS } from '../../domain/lengths.ts';

const catalog = await Catalog.forFile();

class House {
  readonly base = catalog.directory();
  readonly live = join(this.base, 'live');
  readonly pattern = join(this.base, 'backup', '*');

  write(path: string, content: string): void {
    const whole = join(this.live, path);
    mkdirSync(join(whole, '..'), { recursive: true });
    writeFileSync(whole, content);
    utimesSync(whole, 1_700_000_000, 1_700_000_000);
  }

  /** A full copy of its own. */
  snapshot(name: string): void {
    cpSync(this.live, join(this.base, 'backup', name), { recursive: true, preserveTimestamps: true });
  }

  async scan(nowMs = Date.now()): Promise<void> {
    await catalog.scan(this.live, {}, { nowMs: () => nowMs });
    await catalog.scanSnapshots(this.pattern, { nowMs }, { nowMs: () => nowMs });
  }

  async asks(): Promise<{ readonly said: Record<string, number>; readonly exit: number; readonly coverage: Coverage }> {
    const { coverage, exit } = await exposure(catalog.db, { ...this.asked, readSinceMs: null });
    return { said: saidBy(coverage), exit, coverage };
  }

  async prepares(nowMs = Date.now(), withinDays = 30) {
    const found = await preflight(catalog.db, { ...this.asked, nowMs, withinDays, program: 'rollcall' });
    return { said: saidBy(found.coverage), exit: found.exit, commands: found.steps.map(({ command }) => command) };
  }

  get asked() {
    return { volume: this.live, backups: [this.pattern], host: HOST, cwd: this.base };
  }
}

/** Files by where they stand; what is nowhere is left out. */
function saidBy(coverage: Coverage): Record<string, number> {
  const said: Record<string, number> = { all: coverage.all.files, covered: coverage.covered.files };
  if (coverage.elsewhere.files > 0) said['elsewhere'] = coverage.elsewhere.files;
  for (const shortfall of SHORTFALLS) {
    const { files } = shortBy(coverage, shortfall);
    if (files > 0) said[shortfall] = files;
  }
  const short = coverage.short.reduce((sum, { files }) => sum + files, 0);
  expect(coverage.covered.files + short, 'each file is in one class').toBe(coverage.all.files);
  return said;
}

test('a file without a copy is exposed; a renamed one has its copy under the old name; an edited one an older copy', async () => {
  const house = new House();
  for (const name of ['a/one', 'a/two', 'b/three']) house.write(name, `content of ${name}`);
  house.write('b/empty', '');
  house.snapshot('2026-11-01');
  await house.scan();
  expect(await house.asks()).toMatchObject({ said: { all: 4, covered: 4 }, exit: 0 });
  expect(await house.prepares()).toEqual({ said: { all: 4, covered: 4 }, exit: 0, commands: [] });

  renameSync(join(house.live, 'a/one'), join(house.live, 'a/uno'));
  house.write('a/two', 'edited');
  house.write('b/new', 'nobody has it');
  house.write('b/empty too', '');
  await catalog.scan(house.live);
  const { said, exit, coverage } = await house.asks();
  expect({ said, exit }).toEqual({ said: { all: 6, covered: 3, elsewhere: 1, older: 1, none: 2 }, exit: 1 });
  expect(coverage.oldest?.path).toBe('a/two');
  const lines = exposureLines(coverage, { nowMs: Date.now(), program: 'rollcall' });
  expect(lines[0]).toContain('if it were lost now, 3 files (19 B) would be lost with it: 50 % of 6.');
  expect(lines.at(-1)).toMatch(/^Next: run the backup, then rollcall preflight /);
  expect((await house.prepares()).commands).toEqual([null, `rollcall scan '${house.pattern}' --role backup`]);
});

test('a copy in a snapshot that is gone does not count, and one that nobody has read neither', async () => {
  const house = new House();
  house.write('kept', 'in both');
  house.write('old', 'in the first only');
  house.snapshot('2026-11-01');
  rmSync(join(house.live, 'old'));
  house.snapshot('2026-11-02');
  house.write('old', 'in the first only');
  await house.scan();
  // The first snapshot is older than the newest, so it was listed and not read.
  expect(await house.asks()).toMatchObject({ said: { all: 2, covered: 1, 'copy-unread': 1 }, exit: 3 });
  expect(await house.prepares()).toMatchObject({
    exit: 1,
    commands: [`rollcall scan '${house.pattern}' --role backup --reread`],
  });
  await catalog.scanSnapshots(house.pattern, { reread: true });
  expect(await house.asks()).toMatchObject({ said: { all: 2, covered: 2 }, exit: 0 });
  expect(await house.prepares()).toMatchObject({ said: { all: 2, covered: 2 }, exit: 0 });

  rmSync(join(house.base, 'backup', '2026-11-01'), { recursive: true });
  await catalog.scanSnapshots(house.pattern);
  const { said, exit, coverage } = await house.asks();
  expect({ said, exit }).toEqual({ said: { all: 2, covered: 1, none: 1 }, exit: 1 });
  expect(coverage.backups).toMatchObject([{ snapshots: 1, gone: 1 }]);
});

test('a copy that was read long ago covers nothing risky until it is read again', async () => {
  const house = new House();
  house.write('a', 'content');
  house.snapshot('2026-11-01');
  await house.scan();
  const laterMs = Date.now() + 40 * DAY_MS;
  expect(await house.asks()).toMatchObject({ exit: 0 });
  expect(await house.prepares(laterMs)).toEqual({
    said: { all: 1, covered: 0, 'read-long-ago': 1 },
    exit: 1,
    commands: [`rollcall scan '${house.pattern}' --role backup --reread --snapshots 1`],
  });
  await catalog.scanSnapshots(house.pattern, { reread: true, limit: 1, nowMs: laterMs }, { nowMs: () => laterMs });
  expect(await house.prepares(laterMs)).toMatchObject({ said: { all: 1, covered: 1 }, exit: 0 });
});

test('what could not be looked at, on either side, is unknown and never fine', async () => {
  const house = new House();
  for (const path of ['open/a', 'shut/b', 'shut/deep/c', 'odd/d']) house.write(path, `content of ${path}`);
  house.snapshot('2026-11-01');
  house.write('shut/new', 'not in the backup');
  await house.scan();
  const gap = async (volume: string, directory: string, name: string): Promise<void> => {
    await catalog.rows(
      `insert into gap (scan, root, directory, name, status, errno)
         select s.id, r.id, d.id, $3, 'io', 'EIO' from volume v join root r on r.volume = v.id join scan s on s.volume = v.id, directory d
          where v.name = $1 and d.path = $2`,
      volume,
      directory,
      name,
    );
  };
  await gap(house.pattern, 'shut', '');
  expect(await house.asks()).toMatchObject({ said: { all: 5, covered: 2, 'copy-not-looked-at': 3 }, exit: 3 });
  expect((await house.prepares()).exit).toBe(3);
  await gap(house.live, 'odd', 'd');
  const { said, exit, coverage } = await house.asks();
  expect({ said, exit }).toEqual({
    said: { all: 5, covered: 1, 'not-looked-at': 1, 'copy-not-looked-at': 3 },
    exit: 3,
  });
  expect(coverage.unseen.map(({ path }) => path)).toEqual(['odd/d']);
});

test('rotten content under an old time has no copy, and is not called lost', async () => {
  const house = new House();
  house.write('a', 'content');
  house.snapshot('2026-11-01');
  await house.scan();
  house.write('a', 'CONTENT');
  await catalog.scan(house.live);
  expect(await house.asks()).toMatchObject({ said: { all: 1, covered: 0, suspect: 1 }, exit: 3 });
  expect((await house.prepares()).commands).toEqual(['rollcall findings', `rollcall scan ${house.live}`]);
});

test('a configuration says what protects a volume; a backup of it that was never scanned makes the answer incomplete', async () => {
  const house = new House();
  house.write('a', 'content');
  house.snapshot('2026-11-01');
  await house.scan();
  const plain = { host: HOST, excludes: [], quick: null, scrub: null, blindAfterMs: null, pings: [] };
  const flags = { layout: 'tree', crossMounts: false, notGluster: false, bricksRescued: false } as const;
  const backup = { host: HOST, snapshotsMax: null, tz: null, look: null, pings: [] };
  await keepConfiguration(catalog.db.pool, {
    document: {
      timeZone: 'UTC',
      bundles: null,
      volumes: [{ ...plain, ...flags, name: 'house', path: house.live, backups: ['nightly', 'vault'] }],
      backups: [
        { ...backup, name: 'nightly', pattern: house.pattern },
        { ...backup, name: 'vault', pattern: '/nowhere/*' },
      ],
      maintenance: [],
      digest: null,
      alarms: [],
      hooks: [],
      keepMessagesDays: 90,
    },
    actor: 'test',
    appliedMs: 0,
  });
  const prepared = async (): Promise<[number, string | undefined]> => {
    const asked = { ...house.asked, volume: 'house', backups: [house.pattern], withinDays: 30, nowMs: Date.now() };
    const { exit, coverage } = await preflight(catalog.db, { ...asked, program: 'rollcall' });
    return [
      exit,
      exposureLines(coverage, { nowMs: Date.now(), program: 'rollcall' }).find((line) => line.includes('INCOMPLETE')),
    ];
  };
  expect(await prepared()).toEqual([0, undefined]);
  // A scan by hand leaves something out that the configuration does not.
  house.write('b', 'content');
  await catalog.scan(house.live, { scope: { excludes: ['b'], crossMounts: false } });
  expect(await prepared()).toEqual([
    3,
    'INCOMPLETE: b could not be read (the last scan left it out, and the configuration does not)',
  ]);
  rmSync(join(house.live, 'b'));
  await catalog.scan(house.live);
  for (const volume of ['house', house.live]) {
    const asked = { ...house.asked, volume, backups: [], readSinceMs: null };
    const { coverage, exit } = await exposure(catalog.db, asked);
    expect(coverage).toMatchObject({ volume: 'house', covered: { files: 1 }, neverScanned: ['vault'] });
    expect(exit).toBe(3);
  }
  await catalog.rows('delete from configuration');
  const asked = { ...house.asked, backups: [], readSinceMs: null };
  await expect(exposure(catalog.db, asked)).rejects.toThrow('it was never assessed');
});
