// The backups that people have (docs/backups.md), made by the tools themselves: a silent loss and a flipped file are
// found, restored and proven.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { scan } from '../../services/scan.ts';
import { importList } from '../../services/import.ts';
import { canFuse } from '../support/fuse.ts';
import { until } from '../support/poll.ts';
import { Catalog } from '../support/catalog.ts';
import { canMount, hasBtrfs, run } from '../support/machine.ts';
import { Volume } from '../support/volume.ts';

const catalog = await Catalog.forFile();
const NIGHTS = [0, 1, 2];

const has = (program: string): boolean => spawnSync('sh', ['-c', 'command -v "$0"', program]).status === 0;
/** What is lacking, with how to get it; null where nothing is. */
function lacking(program: string, alsoNeeded: boolean, what: string): string | null {
  if (!has(program)) return `skipped: apt-get install ${program === 'borg' ? 'borgbackup' : program}`;
  return alsoNeeded ? null : `skipped: ${what}`;
}

function open(): Volume {
  const house = Volume.open(catalog, 3);
  house.furnish();
  for (let n = 0; n < 12; n++) house.write(`photos/${n}.jpg`, `photo ${n} `.repeat(300));
  house.write('photos/kept.jpg', 'kept '.repeat(300));
  return house;
}

/** The night's time as the tools take it. */
const at = (house: Volume, night: number): string =>
  new Date(house.nowMs(night) - 3 * 3_600_000).toISOString().slice(0, 19);

async function found(house: Volume, backup: string): Promise<void> {
  house.lose(...NIGHTS.flatMap((n) => [0, 1, 2, 3].map((m) => `photos/${4 * n + m}.jpg`)));
  house.rot('photos/kept.jpg', (content) => Buffer.concat([Buffer.from('KEPT'), content.subarray(4)]));
  const result = await house.assess(3, { backups: [backup] });
  expect(result.exit).toBe(1);
  const lost = result.assessment.findings.filter(({ path }) => path.startsWith('photos/'));
  expect(lost.map(({ verdict, recovery }) => `${verdict} ${recovery}`).sort()).toEqual([
    'corrupt exact',
    ...Array.from({ length: 12 }, () => 'missing exact'),
  ]);
  const bundle = result.bundle?.directory ?? '';
  const sideKnown = result.bundle?.report.lists.some(({ kind }) => kind === 'damaged') ?? false;
  expect(house.restore(bundle, '--apply', ...(sideKnown ? ['--damaged'] : []))).toMatchObject({ code: 0 });
  const { counts } = (await house.verify(bundle, 3)).result;
  expect(counts.restored.files).toBe(12 + (sideKnown ? 1 : 0));
  expect(counts.missing.files + counts.unreadable.files).toBe(0);
}

const restic = lacking('restic', canFuse && has('fusermount'), 'FUSE cannot be mounted (apt-get install fuse3)');
test.skipIf(restic !== null)(`restic mount${restic === null ? '' : ` (${restic})`}`, async () => {
  const house = open();
  const mount = join(house.base, 'restic-mount');
  mkdirSync(mount);
  const env = {
    ...process.env,
    RESTIC_REPOSITORY: join(house.base, 'restic'),
    RESTIC_PASSWORD: 'x',
    XDG_CACHE_HOME: join(house.base, 'cache'),
  };
  const call = (...args: string[]): void => {
    const { status, stderr } = spawnSync('restic', args, { env, encoding: 'utf8' });
    if (status !== 0) throw new Error(stderr);
  };
  call('init');
  for (const night of NIGHTS) call('backup', '--time', at(house, night).replace('T', ' '), house.live);
  const server: ChildProcess = spawn('restic', ['mount', mount], { env, stdio: 'ignore' });
  onTestFinished(async () => {
    const ended = new Promise((resolve) => server.once('exit', resolve));
    spawnSync('umount', ['-l', mount]);
    server.kill('SIGTERM');
    await ended;
    rmSync(house.base, { recursive: true, force: true });
  });
  await until('restic has mounted', () => readdirSync(mount).includes('snapshots'), 60_000);
  await found(house, `${mount}/snapshots/*${house.live}`);
});

const canBorgMount = ['pyfuse3', 'llfuse'].some((m) => spawnSync('python3', ['-c', `import ${m}`]).status === 0);
const borg = lacking(
  'borg',
  canFuse && has('fusermount') && canBorgMount,
  'FUSE cannot be mounted (apt-get install fuse3 python3-pyfuse3)',
);
test.skipIf(borg !== null)(`borg mount, and its list as evidence${borg === null ? '' : ` (${borg})`}`, async () => {
  const house = open();
  const mount = join(house.base, 'borg-mount');
  mkdirSync(mount);
  const env = {
    ...process.env,
    BORG_REPO: join(house.base, 'borg'),
    BORG_BASE_DIR: join(house.base, 'borg-home'),
    BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK: 'yes',
  };
  const call = (...args: string[]): string => {
    const { status, stdout, stderr } = spawnSync('borg', args, { env, encoding: 'utf8', cwd: house.base });
    if (status !== 0) throw new Error(stderr);
    return stdout;
  };
  call('init', '-e', 'none');
  for (const night of NIGHTS) call('create', '--timestamp', at(house, night), `::data-${at(house, night)}`, 'live');
  call('mount', '::', mount);
  onTestFinished(() => {
    spawnSync('umount', ['-l', mount]);
    rmSync(house.base, { recursive: true, force: true });
  });

  const list = join(house.base, 'borg.list');
  writeFileSync(list, call('list', '--format', '{xxh64} {path}{NL}', `::data-${at(house, 2)}`));
  const tools = { ...house.tools(2), cwd: house.base, stateDir: null, onPlan: () => {} };
  const whole = { exportFile: null, snapshotsMax: null, excludes: [], crossMounts: false, tz: null, reread: false };
  const as = { role: null, newState: false, notGluster: false, bricksRescued: false };
  const { volume } = await scan(tools, { ...whole, ...as, target: house.live });
  const imported = await importList(tools, {
    file: list,
    volume,
    asOf: { fromMs: house.nowMs(2), toMs: house.nowMs(2) },
    format: null,
    root: 'live',
    below: null,
    side: null,
    complete: false,
    partial: false,
    unlike: false,
  });
  expect(imported).toMatchObject({ format: 'borg', problems: [] });
  expect(imported.digests).toBeGreaterThan(12);
  expect(imported.likeness).toMatchObject({ met: imported.files, comparable: imported.files, equal: imported.files });

  await found(house, `${mount}/data-*/live`);
});

const rsnapshot = lacking('rsnapshot', true, '');
test.skipIf(rsnapshot !== null)(`rsnapshot${rsnapshot === null ? '' : ` (${rsnapshot})`}`, async () => {
  const house = open();
  const config = join(house.base, 'rsnapshot.conf');
  const lines = [
    ['config_version', '1.2'],
    ['snapshot_root', `${house.base}/rsnap/`],
    ['cmd_cp', '/bin/cp'],
    ['cmd_rm', '/bin/rm'],
    ['cmd_rsync', '/usr/bin/rsync'],
    ['retain', 'daily', '7'],
    ['lockfile', `${house.base}/rsnapshot.pid`],
    ['backup', `${house.live}/`, 'localhost/'],
  ];
  writeFileSync(config, lines.map((line) => `${line.join('\t')}\n`).join(''));
  for (const night of NIGHTS) {
    house.write(`anna/night${night}`, 'x', night);
    run('rsnapshot', '-c', config, 'daily');
  }
  await found(house, `${house.base}/rsnap/daily.*/localhost${house.live}`);
});

for (const tool of ['snapper', 'btrbk'] as const) {
  const why = lacking(tool, canMount && hasBtrfs, 'btrfs cannot be mounted');
  test.skipIf(why !== null)(`${tool}${why === null ? '' : ` (${why})`}`, async () => {
    const house = open();
    const disk = join(house.base, 'disk');
    const top = join(house.base, 'top');
    mkdirSync(top);
    run('truncate', '-s', '300M', disk);
    run('mkfs.btrfs', '-q', disk);
    run('mount', '-o', 'loop', disk, top);
    onTestFinished(() => {
      spawnSync('umount', ['-l', top]);
      spawnSync('umount', ['-l', house.live]);
    });
    run('btrfs', 'subvolume', 'create', join(top, 'live'));
    run('cp', '-a', `${house.live}/.`, join(top, 'live'));
    run('mount', '--bind', join(top, 'live'), house.live);
    const config = `rollcall-test-${process.pid}`;
    if (tool === 'snapper') {
      run('snapper', '--no-dbus', '-c', config, 'create-config', join(top, 'live'));
      onTestFinished(() => void spawnSync('snapper', ['--no-dbus', '-c', config, 'delete-config']));
    } else {
      mkdirSync(join(top, 'snaps'));
      writeFileSync(
        join(house.base, 'btrbk.conf'),
        `timestamp_format long-iso\nsnapshot_preserve_min all\nlockfile ${house.base}/btrbk.lock\nvolume ${top}\n  snapshot_dir snaps\n  subvolume live\n`,
      );
    }
    for (const night of NIGHTS) {
      house.write(`anna/night${night}`, 'x', night);
      if (tool === 'snapper') run('snapper', '--no-dbus', '-c', config, 'create');
      else run('btrbk', '-c', join(house.base, 'btrbk.conf'), 'run');
    }
    await found(house, tool === 'snapper' ? `${house.live}/.snapshots/*/snapshot` : `${top}/snaps/live.*`);
  });
}
