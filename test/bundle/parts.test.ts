// A bundle that holds a part of what is lost: what is asked for comes back, the rest is counted, and all parts together
// are the whole.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { cutBundle, type CutRequest } from '../../services/bundle.ts';
import { choose, EVERYTHING } from '../../domain/restore/selection.ts';
import { fits, tooLittleRoom } from '../../services/report/room.ts';
import type { BundleSummary } from '../../services/bundle/write.ts';
import { now, World } from './world.ts';
import { refusal } from '../support/refusal.ts';
import { have } from '../support/machine.ts';
import { bytes, survey, text } from '../support/tree.ts';

const NEEDED = have('rsync') ? null : 'rsync is missing: apt-get install rsync';

let world: World;

beforeEach(() => {
  world = new World();
});
afterEach(() => world.remove());

function stamp(raw: Buffer, days: number): void {
  const at = new Date(Date.UTC(2026, 9, 1) + days * 86_400_000);
  utimesSync(raw, at, at);
}

/** A file that is missing from the live tree and lies in a snapshot. */
function lost(path: string | Buffer, options: { days?: number; size?: number; from?: string } = {}): void {
  const from = options.from ?? 's1';
  stamp(world.write(world.snapshot(from), path, bytes(path, 'x'.repeat(options.size ?? 10))), options.days ?? 1);
  world.wrong(path, { verdict: 'missing', from });
}

const ALL: CutRequest['part'] = { paths: [], owners: [], newestFirst: false, bytesMax: null, filesMax: null };

async function cut(
  from: string,
  outDir: string,
  part: Partial<CutRequest['part']> = {},
  rest = false,
): Promise<BundleSummary> {
  const tools = {
    host: 'here',
    cwd: world.base,
    nowMs: now,
    program: 'rollcall',
    owners: new Map<number, string>(),
    signal: new AbortController().signal,
    onProgress: () => undefined,
  };
  const request = {
    from,
    part: { ...ALL, ...part },
    rest,
    uncertain: false,
    outDir,
    notGluster: false,
    bricksRescued: false,
  };
  const noCatalog = (): never => {
    throw new Error('a bundle stands alone');
  };
  return (await cutBundle(tools, request, noCatalog)).bundle;
}

function apply(bundle: string): string {
  const ran = spawnSync('sh', [join(bundle, 'restore.sh'), '--apply', '--damaged', world.live], {
    env: { ...process.env, TMPDIR: world.base },
    encoding: 'latin1',
  });
  expect(ran.stdout + ran.stderr).not.toContain('PARTLY');
  expect(ran.status).toBe(0);
  return ran.stdout;
}

function jsonLines(bundle: string, name: string): Record<string, unknown>[] {
  return readFileSync(join(bundle, name), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

const destinations = (bundle: string): string[] =>
  jsonLines(bundle, 'manifest.jsonl').map((entry) => String(entry['destination']));

describe.skipIf(NEEDED !== null)(`parts${NEEDED === null ? '' : ` (${NEEDED})`}`, () => {
  test('a path brings back what lies below it and nothing else, and says what it left', async () => {
    lost('home/anna/a');
    lost('home/anna/b', { size: 5000 });
    lost('home/annabel/c', { size: 7000 });
    lost('home/-n $(x)\n', { size: 3 });
    const whole = await world.writeBundle();
    expect(whole.report.part).toBeNull();

    const part = await cut(world.bundle, join(world.base, 'p1'), { paths: ['home/anna'] });
    expect(destinations(part.directory)).toEqual(['home/anna/a', 'home/anna/b']);
    expect(part.report.part).toMatchObject({
      held: { files: 2 },
      beyond: { files: 0 },
      elsewhere: { files: 2, bytes: 7000 + 'home/annabel/c'.length + 3 + 'home/-n $(x)\n'.length },
      next: `rollcall bundle ${world.base}/p1 --rest`,
    });
    for (const name of ['README.txt', 'report.html']) {
      const page = readFileSync(join(part.directory, name), 'utf8').replaceAll(/\s+/g, ' ');
      expect(page).toContain('2 files (');
      expect(page).toContain('were not asked for, and are not restored.');
    }
    expect(JSON.parse(readFileSync(join(part.directory, 'summary.json'), 'utf8'))).toMatchObject({
      bundle: { fits: true, part: { paths: ['home/anna'], left: { elsewhere: { files: 2 } } } },
    });
    apply(part.directory);
    expect([...survey(world.live).keys()].sort()).toEqual(['home', 'home/anna', 'home/anna/a', 'home/anna/b']);

    const rest = await cut(part.directory, join(world.base, 'p2'), {}, true);
    expect(destinations(rest.directory)).toEqual(['home/-n $(x)\\x0a', 'home/annabel/c']);
    expect(rest.report.part).toMatchObject({ earlier: { files: 2 }, elsewhere: { files: 0 }, next: null });
    apply(rest.directory);
    expect(text(survey(world.live))).toEqual(
      text(survey(world.snapshot('s1'))).map((line) => expect.stringContaining(line.split(' ')[0] ?? '') as string),
    );
    const nothing = await refusal(cut(rest.directory, join(world.base, 'p3'), {}, true));
    expect([nothing.exit, nothing.message]).toEqual([2, expect.stringContaining('Nothing is left')]);
  });

  test('limits cut a loss in parts that are the whole together, and each part begins with what was modified last', async () => {
    for (let n = 0; n < 23; n++) lost(`d${n % 3}/f${n}`, { days: (n * 7) % 23, size: 1000 });
    lost('d0/large', { days: 30, size: 50_000 });
    lost('d0/older', { days: 3, from: 's2' });
    await world.writeBundle();
    const wanted = destinations(world.bundle).sort();
    const ages = new Map(
      jsonLines(world.bundle, 'manifest.jsonl').map((entry) => [
        String(entry['destination']),
        Number(entry['mtimeNs']),
      ]),
    );

    const seen: string[][] = [];
    let from = world.bundle;
    for (let part = 1; ; part++) {
      const made = await cut(from, join(world.base, `part${part}`), { newestFirst: true, bytesMax: 9_000 }, part > 1);
      seen.push(destinations(made.directory));
      from = made.directory;
      apply(from);
      if (made.report.part?.next === null) break;
      expect(made.report.part?.next).toContain(`/part${part} --rest --newest-first --max-bytes 9000`);
    }
    expect(seen.length).toBeGreaterThan(2);
    expect(seen.flat().sort()).toEqual(wanted);
    // One file larger than the limit is a part by itself; no part is older than the one before it.
    expect(seen[0]).toEqual(['d0/large']);
    const ranges = seen.map((part) => part.map((path) => ages.get(path) ?? 0));
    ranges
      .slice(1)
      .forEach((range, at) => expect(Math.max(...range)).toBeLessThanOrEqual(Math.min(...(ranges[at] ?? []))));
    expect(wanted.filter((path) => !existsSync(join(world.live, path)))).toEqual([]);
  });

  test('with the newest first, the lists of one bundle go by age, whatever the snapshot', async () => {
    for (let n = 0; n < 130; n++) lost(`f${n}`, { days: n, from: n % 2 === 0 ? 's1' : 's2' });
    await world.writeBundle({ selection: { ...EVERYTHING, newestFirst: true } });
    const lists = readFileSync(join(world.bundle, 'lists/plan'), 'utf8').split('\n').slice(1, -1);
    expect(lists).toEqual([
      expect.stringMatching(/^01 missing-1 files 50 /),
      expect.stringMatching(/^02 missing-1 files 50 /),
      expect.stringMatching(/^01 missing-2 files 15 /),
      expect.stringMatching(/^02 missing-2 files 15 /),
    ]);
    apply(world.bundle);
    expect((await world.verify()).exit).toBe(0);
  });

  test('names of one file stay together, and are one file again', async () => {
    const first = world.write(world.snapshot('s1'), 'a/one', 'same');
    stamp(first, 5);
    mkdirSync(join(world.base, 'backup/s1/z'));
    linkSync(first, join(world.base, 'backup/s1/z/two'));
    world.wrong('a/one', { verdict: 'missing', from: 's1' });
    world.wrong('z/two', { verdict: 'missing', from: 's1' });
    lost('m/other', { days: 4 });
    await world.writeBundle({ selection: { ...EVERYTHING, filesMax: 2 } });
    expect(destinations(world.bundle)).toEqual(['a/one', 'z/two']);
    apply(world.bundle);
    expect(lstatSync(join(world.live, 'a/one')).ino).toBe(lstatSync(join(world.live, 'z/two')).ino);
  });

  test('what lies below a directory that was replaced goes beside it in every part', async () => {
    for (const name of ['dir/a', 'dir/b']) world.write(world.snapshot('s1'), name, name);
    world.write(world.live, 'dir', 'a file by now');
    world.wrong('dir', { verdict: 'replaced', from: 's1' });
    world.wrong('dir/a', { verdict: 'missing', from: 's1' });
    world.wrong('dir/b', { verdict: 'missing', from: 's1' });
    const beside = 'dir.rollcall-20261110T030000Z';
    await world.writeBundle({ selection: { ...EVERYTHING, filesMax: 1 } });
    expect(destinations(world.bundle)).toEqual([beside, `${beside}/a`]);
    const rest = await cut(world.bundle, join(world.base, 'p2'), { paths: ['dir/b'] }, true);
    expect(destinations(rest.directory)).toEqual([beside, `${beside}/b`]);
    apply(world.bundle);
    apply(rest.directory);
    expect(readFileSync(join(world.live, beside, 'b'), 'utf8')).toBe('dir/b');
    expect(readFileSync(join(world.live, 'dir'), 'utf8')).toBe('a file by now');
  });

  test('a source that has rotted since is found when the part is written', async () => {
    lost('a/good');
    lost('a/rotten');
    await world.writeBundle();
    writeFileSync(join(world.base, 'backup/s1/a/rotten'), 'something else');
    const part = await cut(world.bundle, join(world.base, 'p1'), { paths: [`${world.live}/a`] });
    expect(destinations(part.directory)).toEqual(['a/good']);
    expect(part.report.leftOut).toMatchObject([{ why: 'its source is not what it was', files: 1 }]);
    expect(jsonLines(part.directory, 'lost.jsonl').map((line) => line['path'])).toEqual(['a/rotten']);
  });

  test('what failed at its source is in no part, and not given up: another assessment looks for other copies', async () => {
    lost('a/good', { days: 2 });
    lost('a/gone', { days: 9 });
    await world.writeBundle();
    rmSync(join(world.base, 'backup/s1/a/gone'));
    const first = await cut(world.bundle, join(world.base, 'p1'), { newestFirst: true, filesMax: 1 });
    expect(first.report.leftOut[0]?.remedy).toContain(
      `rollcall assess --live ${world.live} --backup '${world.base}/backup/*'`,
    );
    expect(first.report.part).toMatchObject({ held: { files: 0 }, beyond: { files: 1 } });
    // It does not stand in the way of what is left.
    const second = await cut(first.directory, join(world.base, 'p2'), {}, true);
    expect(destinations(second.directory)).toEqual(['a/good']);
    expect(second.report.part).toMatchObject({ earlier: { files: 0 }, failed: { files: 1 } });
    for (const name of ['README.txt', 'report.html'])
      expect(readFileSync(join(second.directory, name), 'utf8').replaceAll(/\s+/g, ' ')).toContain(
        'could not be read at their source',
      );
    const nothing = await refusal(cut(second.directory, join(world.base, 'p3'), {}, true));
    expect([nothing.exit, nothing.message]).toEqual([
      3,
      expect.stringMatching(/1 file .*could not be read at .* source/),
    ]);
    expect(nothing.next).toContain(`rollcall assess --live ${world.live} --backup`);
  });

  test('an owner gets what was his by the last good state, whoever the copy belongs to', async () => {
    const of = (path: string, uid: number): void => {
      lost(path);
      const made = world.findings.pop();
      if (made?.expected) world.findings.push({ ...made, expected: { ...made.expected, uid } });
    };
    of('x', 4711);
    of('y', 4712);
    const chosen = choose(world.assessment().findings, { ...EVERYTHING, owners: [4712] });
    expect([...chosen.parts].map(([{ path }, part]) => [path, part])).toEqual([
      ['x', 'left'],
      ['y', 'this'],
    ]);
  });

  test.skipIf(process.getuid?.() !== 0)('a restore that does not fit says so first, and how to cut it', async () => {
    spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m,nr_inodes=64', 'tmpfs', world.live]);
    try {
      lost('large', { size: 3_000_000 });
      const { report } = await world.writeBundle();
      expect([report.needed.inodes, fits(report)]).toEqual([1, false]);
      const readme = readFileSync(join(world.bundle, 'README.txt'), 'utf8');
      expect(readme.indexOf('IT DOES NOT FIT: 1.')).toBeGreaterThan(0);
      expect(readme.indexOf('IT DOES NOT FIT')).toBeLessThan(readme.indexOf('First stop'));
      expect(readme).toMatch(/rollcall bundle \S+ --newest-first --max-bytes 1MB\n/);
      expect(readFileSync(join(world.bundle, 'report.html'), 'utf8')).toContain('IT DOES NOT FIT');
      for (let n = 0; n < 70; n++) lost(`many/${n}`);
      rmSync(world.bundle, { recursive: true });
      const many = await world.writeBundle({ selection: { ...EVERYTHING, paths: ['many'] } });
      expect(tooLittleRoom(many.report)?.text).toMatch(/^IT DOES NOT FIT: \d+ inodes are lacking/);
    } finally {
      spawnSync('umount', [world.live]);
    }
  });

  test.each([
    ['a path outside', { paths: ['/etc'] }, 'is not below'],
    ['a path that leads out', { paths: ['../x'] }, 'is not below'],
    ['a path where nothing is wrong', { paths: ['home/a', 'home/x'] }, 'nothing there was found'],
    ['an unknown user', { owners: ['no-such-user-here'] }, 'there is no such user'],
    ['a user without losses', { owners: ['4242'] }, 'Nothing that can be restored is of uid 4242'],
  ])('%s is refused with what to do', async (_, part, message) => {
    lost('home/a');
    await world.writeBundle();
    const error = await refusal(cut(world.bundle, join(world.base, 'p1'), part));
    expect([error.exit, error.message, typeof error.next]).toEqual([2, expect.stringContaining(message), 'string']);
    expect(existsSync(join(world.base, 'p1'))).toBe(false);
  });

  test('a bundle that others could have written is not taken up', async () => {
    lost('a');
    await world.writeBundle();
    chmodSync(join(world.bundle, 'findings.jsonl'), 0o620);
    expect((await refusal(cut(world.bundle, join(world.base, 'p1')))).exit).toBe(4);
    chmodSync(join(world.bundle, 'findings.jsonl'), 0o600);
    writeFileSync(join(world.bundle, 'findings.jsonl'), '');
    expect((await refusal(cut(world.bundle, join(world.base, 'p1')))).exit).toBe(4);
    rmSync(join(world.bundle, 'findings.jsonl'));
    symlinkSync('/etc/passwd', join(world.bundle, 'findings.jsonl'));
    expect((await refusal(cut(world.bundle, join(world.base, 'p1')))).exit).toBe(2);
  });

  test('a part protects every snapshot that the whole bundle does, also those that it takes nothing from', async () => {
    lost('a');
    await world.writeBundle({ backupRoots: ['/backup/a snapshot that gives nothing\\xff'] });
    const part = await cut(world.bundle, join(world.base, 'p1'));
    const protectedBy = (bundle: string): string => readFileSync(join(bundle, 'lists/backups0'), 'latin1');
    expect(protectedBy(world.bundle)).toContain('gives nothing\xff\0');
    expect(protectedBy(part.directory)).toBe(protectedBy(world.bundle));
  });

  test('a part is cut also where only a list of another tool tells of a loss, which has no mode, owner or time', async () => {
    lost('a');
    lost('told');
    const told = world.findings.pop();
    if (told === undefined || told.expected === null) throw new Error('no finding');
    const expected = { ...told.expected, mode: null, uid: null, gid: null, size: null, mtimeNs: null };
    world.findings.push({ ...told, recovery: 'none', source: null, expected });
    await world.writeBundle();
    const part = await cut(world.bundle, join(world.base, 'p1'));
    const lines = (bundle: string): string => readFileSync(join(bundle, 'lost.jsonl'), 'utf8');
    expect(lines(world.bundle)).toContain('"mtimeNs":null');
    expect(lines(part.directory)).toBe(lines(world.bundle));
  });

  test('verify believes no bundle that others could have written', async () => {
    lost('a');
    await world.writeBundle();
    expect((await world.verify()).exit).toBe(1);
    chmodSync(join(world.bundle, 'manifest.jsonl'), 0o602);
    expect((await refusal(world.verify())).exit).toBe(4);
    chmodSync(join(world.bundle, 'manifest.jsonl'), 0o600);
    chmodSync(world.bundle, 0o770);
    expect((await refusal(world.verify())).exit).toBe(4);
  });

  test('bundles without a name of their own that are written at once get one each; one that was named is never put elsewhere', async () => {
    lost('a');
    const names = ['first', 'first', 'second'].map((name) => join(world.base, name));
    const outDir = (): string => names.shift() ?? '';
    const written = [await world.writeBundle({ outDir }), await world.writeBundle({ outDir })];
    expect(written.map(({ directory }) => directory)).toEqual([join(world.base, 'first'), join(world.base, 'second')]);
    expect(readFileSync(join(world.base, 'second/report.html'), 'utf8')).toContain('second/restore.sh');
    await expect(world.writeBundle({ outDir: join(world.base, 'first') })).rejects.toThrow('exists already');
    // It comes while the bundle is written: after everybody has looked.
    const late = join(world.base, 'late');
    const proving = world.writeBundle({
      outDir: late,
      onProgress: () => mkdirSync(join(late, 'x'), { recursive: true }),
    });
    await expect(proving).rejects.toThrow('exists already');
    expect(existsSync(join(late, 'restore.sh'))).toBe(false);
  });
});
