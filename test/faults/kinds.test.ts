// Fault catalogue, kinds of objects: what is no plain file is recorded, never opened and never followed, and comes back
// as what it was.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmdirSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { runHeldBack } from '../scan/held-back.ts';
import type { AssessOrder, AssessTold } from './assess-child.ts';
import { shown } from './shown.ts';
import { program } from '../support/programs.ts';
import { Catalog } from '../support/catalog.ts';
import { canMount, run } from '../support/machine.ts';
import { survey, text as textOf } from '../support/tree.ts';
import { Volume } from '../support/volume.ts';

const IS_ROOT = process.geteuid?.() === 0;
const MIB = 1024 * 1024;

const catalog = await Catalog.forFile();

test('FIFO, socket, device, links that dangle, circle or lead out, hard links, holes: recorded without being opened, lost, and restored as they were', async () => {
  const house = Volume.open(catalog, 3);
  house.write('kinds/real/f', 'in a directory that a link leads to');
  const links = {
    dangling: 'nowhere',
    one: 'two',
    two: 'one',
    self: 'self',
    up: '..',
    out: '/etc',
    dir: 'real',
    'bytes\n': '\x1b[1m',
  };
  for (const [name, target] of Object.entries(links)) house.symlink(target, `kinds/${name}`);
  house.symlink(Buffer.from('fffe0a', 'hex'), 'kinds/not-utf8');
  const server = createServer().listen(join(house.live, 'kinds/socket'));
  await new Promise((resolve) => server.once('listening', resolve));
  onTestFinished(() => void server.close());
  // Nobody writes to it: whoever opens it for reading waits for ever.
  run('mkfifo', join(house.live, 'kinds/fifo'));
  const special = ['kinds/fifo', 'kinds/socket'];
  if (IS_ROOT) {
    run('mknod', join(house.live, 'kinds/null'), 'c', '1', '3');
    run('mknod', join(house.live, 'kinds/disk'), 'b', '7', '250');
    special.push('kinds/null', 'kinds/disk');
  }
  house.write('hard/stays', 'one of three names stays '.repeat(100));
  for (const name of ['hard/lost', 'hard/lost too']) house.link('hard/stays', name);
  house.write('hard/all', 'no name of these two stays '.repeat(100));
  house.link('hard/all', 'hard/all of them');
  house.write('holes', 'begins');
  truncateSync(house.at('holes'), 40 * MIB);
  house.stamp('holes', 0);
  for (const night of [1, 2]) house.snapshot(night);
  const contents = (): string[] =>
    textOf(new Map([...survey(house.live)].filter(([path]) => !/^(kinds|hard)$/.test(path))));
  const before = contents();
  const files = 1 + Object.keys(links).length + 1 + special.length + 5 + 1;

  const quiet = await house.assess(3);
  expect(house.report(quiet)).toMatchObject({
    exit: 0,
    universe: `${files} files, 3 directories`,
    verdicts: { intact: files },
  });

  const gone = [
    ...[...Object.keys(links), 'not-utf8'].map((name) => `kinds/${name}`),
    ...special,
    'hard/lost',
    'hard/lost too',
    'hard/all',
    'hard/all of them',
    'holes',
  ];
  house.lose(...gone);
  const lost = await house.assess(4);
  const report = house.report(lost);
  expect(report).toMatchObject({
    exit: 1,
    verdicts: { missing: gone.length, intact: 2 },
    recovery: { exact: gone.length },
  });
  for (const name of ['hard/lost', 'hard/lost too'])
    expect(report.findings[name]).toMatch(/^missing exact from night 2 link to hard\/stays /);

  const ran = house.restore(lost.bundle?.directory ?? '', '--apply');
  expect(ran.code, ran.output).toBe(0);
  expect(contents()).toEqual(before);
  const inode = (path: string): string => `${lstatSync(house.at(path)).ino}, ${lstatSync(house.at(path)).nlink} names`;
  for (const name of ['hard/lost', 'hard/lost too']) expect(inode(name)).toBe(inode('hard/stays'));
  expect(inode('hard/stays')).toContain('3 names');
  expect(inode('hard/all')).toBe(inode('hard/all of them'));
  expect(lstatSync(house.at('holes'))).toMatchObject({ size: 40 * MIB });
  expect(lstatSync(house.at('holes')).blocks * 512).toBeLessThan(MIB);
  expect((await house.verify(lost.bundle?.directory ?? '', 4)).result).toMatchObject({ exit: 0, metadataDiffers: 0 });
  expect(house.report(await house.assess(5))).toMatchObject({ exit: 0, verdicts: { intact: files } });
});

test('a directory and a file that this user may not read are incomplete, never missing, and the way out is named; what was known of them stays', async () => {
  const house = Volume.open(catalog, 3);
  for (const name of ['shut/f', 'shut/deep/g', 'open/secret', 'open/lost', 'open/still'])
    house.write(name, `in ${name}`);
  for (const night of [1, 2]) house.snapshot(night);
  expect((await house.assess(3)).exit).toBe(0);
  house.lose('open/lost');
  chmodSync(house.at('shut'), 0o000);
  chmodSync(house.at('open/secret'), 0o000);
  const place = realpathSync(mkdtempSync(join(house.base, 'socket-')));
  const out = await runHeldBack(catalog.address, place, program('faults/assess-child'), (address) => {
    const offsetMs = house.nowMs(4) - Date.now();
    return {
      address,
      live: house.live,
      backup: house.pattern,
      cwd: join(house.base, 'bundles'),
      offsetMs,
    } satisfies AssessOrder;
  });
  const told = JSON.parse(out) as AssessTold;
  expect(told).toMatchObject({
    exit: 1,
    intact: 1,
    findings: {
      'open/lost': 'missing exact',
      'open/secret': 'unreadable exact EACCES',
      shut: 'unreadable exact EACCES',
      'shut/deep': 'unreadable exact EACCES',
      'shut/deep/g': 'unreadable exact EACCES',
      'shut/f': 'unreadable exact EACCES',
    },
  });
  expect(told.text).toContain(
    'INCOMPLETE: live: shut could not be read (EACCES: permission denied); everything below it is unknown.',
  );
  expect(told.text).toContain(
    '2 places could not be read (permission denied): nothing there is called missing. Run the same command as root',
  );

  chmodSync(house.at('shut'), 0o755);
  chmodSync(house.at('open/secret'), 0o644);
  expect(house.report(await house.assess(5))).toMatchObject({
    exit: 1,
    verdicts: { missing: 1, intact: 4 },
    findings: { 'open/lost': 'missing exact from night 2 silent' },
  });
});

test.skipIf(!canMount)(
  'what a file system keeps at its own root is skipped there and nowhere else, on both sides, and that is said (needs root: it mounts a tmpfs)',
  async () => {
    const house = Volume.open(catalog, 3);
    const mounted = realpathSync(mkdtempSync(join(tmpdir(), 'rollcall-mounted-')));
    onTestFinished(() => {
      spawnSync('umount', ['-l', mounted]);
      rmdirSync(mounted);
    });
    run('mount', '-t', 'tmpfs', 'rollcall-test', mounted);
    const own = ['.snapshot', '.snapshots', '.zfs', '.glusterfs'];
    for (const name of [...own, 'lost+found', 'home/.snapshot']) {
      mkdirSync(join(mounted, name, 'in'), { recursive: true });
      writeFileSync(join(mounted, name, 'in/f'), `below ${name}`);
    }
    const changing = [mounted, join(mounted, 'home/.snapshot/in')];
    const stamp = (): void =>
      changing.forEach((directory) => utimesSync(directory, house.startMs / 1000, house.startMs / 1000));
    stamp();
    // A backup that knows nothing of such names copies them too.
    for (const night of [1, 2]) run('cp', '-a', mounted, house.snapshotRoot(night));
    const volume = { live: mounted };
    const quiet = await house.assess(3, volume);
    expect(house.report(quiet)).toMatchObject({
      exit: 0,
      universe: '2 files, 5 directories',
      verdicts: { intact: 2 },
    });
    const said =
      '.glusterfs, .snapshot, .snapshots, .zfs: what a file system keeps at its own root (snapshots, bookkeeping) is not scanned; 12 known paths there were not judged.';
    expect(shown(quiet).text).toContain(said);
    expect(shown(quiet).json['conditions']).toContainEqual({ code: 'skipped', text: said });

    rmSync(join(mounted, '.snapshots'), { recursive: true });
    rmSync(join(mounted, 'home/.snapshot/in/f'));
    // Nobody deleted them: their directories have the times that they had.
    stamp();
    expect(house.report(await house.assess(4, volume)).findings).toEqual({
      '.snapshots': 'missing exact from night 2 silent',
      '.snapshots/in': 'missing exact from night 2 silent',
      '.snapshots/in/f': 'missing exact from night 2 silent',
      'home/.snapshot/in/f': 'missing exact from night 2 silent',
    });
  },
);
