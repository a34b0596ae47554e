// What a scan cannot look at: it is a gap, nothing below it ends, and it heals when it can be looked at again.
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { breakDirectory, breakFile, disk, flip } from '../support/disk.ts';
import type { FuseEntry, FuseState } from '../support/fuse-server.ts';
import { canFuse, openFuse } from '../support/fuse.ts';
import type { Fuse } from '../support/fuse.ts';
import { runHeldBack } from './held-back.ts';
import { program } from '../support/programs.ts';
import { Catalog } from '../support/catalog.ts';
import { canMount, run } from '../support/machine.ts';
import { age, remove, settled, touch, truthOf, write } from '../support/tree.ts';

const catalog = await Catalog.forFile(2);

test('excluded names end as excluded, and come back, read again, when they are included', async () => {
  const tree = catalog.directory();
  write(tree, { 'keep/f': 'f', 'cache/a': 'a', 'cache/deep/b': 'b', 'x.tmp': 'tmp', 'keep/y.tmp': 'y' });
  await catalog.scan(tree);
  const all = await catalog.told(tree);
  const excludes = ['/cache/', '*.tmp'];
  const without = await catalog.scan(tree, { scope: { excludes, crossMounts: false } });
  expect(without).toMatchObject({ excluded: 3, vanished: 0, belowGone: 3 });
  expect(await catalog.told(tree)).toEqual({ keep: 'directory', 'keep/f': all['keep/f'] });
  const ends = (await catalog.versions(tree)).filter((v) => v.end !== null);
  expect(ends.map((v) => [v.path, v.reason])).toEqual(
    ['cache', 'cache/a', 'cache/deep', 'cache/deep/b', 'keep/y.tmp', 'x.tmp'].map((path) => [path, 'x']),
  );
  expect(await catalog.scan(tree)).toMatchObject({ found: 6, vanished: 0 });
  expect(await catalog.told(tree)).toEqual(all);
});

test('what is excluded, while something else vanishes and the excluded directory moves on, stays excluded', async () => {
  const tree = catalog.directory();
  write(tree, { 'keep/f': 'f', 'keep/g': 'g', 'cache/a': 'a', 'cache/deep/b': 'b' });
  await catalog.scan(tree);
  write(tree, { 'cache/new': 'new', 'cache/deep/new': 'new' });
  remove(join(tree, 'keep/g'));
  const totals = await catalog.scan(tree, { scope: { excludes: ['/cache/'], crossMounts: false } });
  expect(totals).toMatchObject({ excluded: 1, belowGone: 3, vanished: 1 });
  expect(Object.keys(await catalog.told(tree))).toEqual(['keep', 'keep/f']);
});

/** Scans as a user whom permissions hold back. */
async function scanHeldBack(tree: string): Promise<void> {
  const script = program('scan/child');
  await runHeldBack(catalog.address, catalog.directory(), script, (address) => ({ address, path: tree, threads: 1 }));
}

test('a directory and a file that may not be read are gaps: nothing below ends, and what is beside them does', async () => {
  const tree = catalog.directory();
  write(tree, { 'shut/f': 'f', 'shut/deep/g': 'g', 'open/h': 'h', 'open/secret': 's', 'open/gone': 'gone' });
  await catalog.scan(tree);
  const before = await catalog.told(tree);
  chmodSync(join(tree, 'shut'), 0o000);
  chmodSync(join(tree, 'open/secret'), 0o000);
  remove(join(tree, 'open/gone'));
  onTestFinished(() => {
    chmodSync(join(tree, 'shut'), 0o755);
  });
  await scanHeldBack(tree);
  expect(await catalog.gaps(tree)).toEqual(['open/secret denied EACCES', 'shut/ denied EACCES']);
  const { 'open/gone': _gone, ...rest } = before;
  expect(await catalog.told(tree)).toEqual(rest);
  chmodSync(join(tree, 'shut'), 0o755);
  chmodSync(join(tree, 'open/secret'), 0o644);
  remove(join(tree, 'shut/f'));
  expect(await catalog.scan(tree)).toMatchObject({ vanished: 1, gaps: 0 });
  expect(await catalog.told(tree)).toEqual(truthOf(tree));
});

test('a process that may open few files scans more directories than that', async () => {
  const tree = catalog.directory();
  for (let at = 0; at < 400; at++) write(tree, { [`${at % 20}/${at}/f`]: `${at}` });
  const order = JSON.stringify({ address: catalog.address, path: tree, threads: 2 });
  const few = ['-c', 'ulimit -n 100; exec "$@"', 'sh', process.execPath, program('scan/child'), order];
  const child = spawn('sh', few, { stdio: ['pipe', 'ignore', 'inherit'] });
  expect(await new Promise((resolve) => child.once('close', resolve))).toBe(0);
  expect(await catalog.gaps(tree)).toEqual([]);
  expect(await catalog.told(tree)).toEqual(truthOf(tree));
});

test('a first scan that may not look into a directory finds it later, as new', async () => {
  const tree = catalog.directory();
  write(tree, { 'shut/f': 'f', 'open/h': 'h' });
  chmodSync(join(tree, 'shut'), 0o000);
  await scanHeldBack(tree);
  chmodSync(join(tree, 'shut'), 0o755);
  expect(Object.keys(await catalog.told(tree))).toEqual(['open', 'open/h', 'shut']);
  await catalog.scan(tree);
  expect(await catalog.told(tree)).toEqual(truthOf(tree));
});

describe.skipIf(!canMount)('mounts (skipped where this process may not mount)', () => {
  function mounted(at: string): () => void {
    run('mount', '-t', 'tmpfs', 'rollcall-test', at);
    let isMounted = true;
    const unmount = (): void => {
      if (isMounted) run('umount', '-l', at);
      isMounted = false;
    };
    onTestFinished(unmount);
    return unmount;
  }

  test('another file system below the root is not entered, and says so', async () => {
    const tree = catalog.directory();
    write(tree, { 'own/f': 'f', 'other/under': 'hidden by the mount' });
    mounted(join(tree, 'other'));
    write(tree, { 'other/g': 'g' });
    await catalog.scan(tree);
    expect(Object.keys(await catalog.told(tree))).toEqual(['other', 'own', 'own/f']);
    expect(await catalog.gaps(tree)).toEqual(['other/ boundary']);
    expect(await catalog.scan(tree)).toMatchObject({ vanished: 0, inserted: 0 });
  });

  const across = { scope: { excludes: [], crossMounts: true } };

  test('a file system that was entered and then unmounted is a gap for as long as it is away, and nothing in it is missing', async () => {
    const tree = catalog.directory();
    write(tree, { 'own/f': 'f', 'own/g': 'g', 'mnt/.keep': '' });
    const unmount = mounted(join(tree, 'mnt'));
    write(tree, { 'mnt/a': 'a', 'mnt/deep/b': 'b' });
    await catalog.scan(tree, across);
    const before = await catalog.told(tree);
    expect(Object.keys(before)).toEqual(['mnt', 'mnt/a', 'mnt/deep', 'mnt/deep/b', 'own', 'own/f', 'own/g']);
    unmount();
    remove(join(tree, 'own/g'));
    for (let again = 0; again < 3; again++) {
      await catalog.scan(tree, across);
      expect(await catalog.gaps(tree)).toEqual(['mnt/ unmounted']);
      const { 'own/g': _gone, ...rest } = before;
      expect(await catalog.told(tree)).toEqual(rest);
    }
    // Without crossing as well: what was known there does not end.
    await catalog.scan(tree);
    expect(await catalog.told(tree)).toHaveProperty('mnt/deep/b');
    // A person accepts that it is no more.
    await catalog.scan(tree, { ...across, newState: true });
    expect(await catalog.told(tree)).toEqual(truthOf(tree));
  });

  test('a file system that was entered, and is not asked for any more, is a boundary: nothing in it ends, also when it moves', async () => {
    const tree = catalog.directory();
    write(tree, { 'own/f': 'f', 'own/g': 'g', 'mnt/.keep': '' });
    mounted(join(tree, 'mnt'));
    write(tree, { 'mnt/a': 'a', 'mnt/deep/b': 'b' });
    await catalog.scan(tree, across);
    write(tree, { 'mnt/new': 'new', 'mnt/deep/new': 'new' });
    remove(join(tree, 'own/g'), join(tree, 'mnt/a'));
    expect(await catalog.scan(tree)).toMatchObject({ vanished: 1, belowUnknown: 3 });
    expect(Object.keys(await catalog.told(tree))).toEqual(['mnt', 'mnt/a', 'mnt/deep', 'mnt/deep/b', 'own', 'own/f']);
  });

  test('a file system that was entered stays on record through a scan that leaves it out: unmounted afterwards, nothing in it is missing', async () => {
    const tree = catalog.directory();
    write(tree, { 'own/f': 'f', 'mnt/.keep': '' });
    const unmount = mounted(join(tree, 'mnt'));
    write(tree, { 'mnt/a': 'a', 'mnt/deep/b': 'b' });
    await catalog.scan(tree, across);
    const before = await catalog.told(tree);
    await catalog.scan(tree);
    expect(await catalog.gaps(tree)).toEqual(['mnt/ boundary']);
    unmount();
    for (let again = 0; again < 2; again++) {
      expect(await catalog.scan(tree)).toMatchObject({ vanished: 0, belowGone: 0 });
      expect(await catalog.gaps(tree)).toEqual(['mnt/ unmounted']);
      expect(await catalog.told(tree)).toEqual(before);
    }
  });

  test('a damaged directory and a damaged inode on ext4 are gaps; the rest is scanned, and nothing ends', async () => {
    const medium = disk(catalog.directory());
    write(medium.at, {
      'good/f': 'f',
      'bad/g': 'g',
      'bad/deep/h': 'h',
      'good/broken': 'content',
      'lost+found/found': 'x',
    });
    await catalog.scan(medium.at);
    const before = await catalog.told(medium.at);
    medium.unmount();
    flip(medium.image, 'bad');
    breakFile(medium.image, 'good/broken');
    medium.mount();
    await catalog.scan(medium.at);
    expect((await catalog.gaps(medium.at)).map((gap) => gap.split(' ').slice(0, 2))).toEqual([
      ['bad/', 'io'],
      ['good/broken', 'io'],
    ]);
    expect(await catalog.told(medium.at)).toEqual(before);
    expect((await catalog.versions(medium.at)).filter((v) => v.end !== null)).toEqual([]);
  });

  test('where ext4 keeps no checksums, names that a damaged directory denies are unknown, and not missing', async () => {
    const medium = disk(catalog.directory(), {
      options: ['-b', '1024', '-O', '^metadata_csum,^dir_index,^has_journal'],
    });
    for (let i = 0; i < 60; i++) write(medium.at, { [`d/a-name-of-some-length-${i}`]: `f${i}` });
    write(medium.at, { 'd/sub/deep/f': 'f', 'other/x': 'x', 'other/y': 'y' });
    await catalog.scan(medium.at);
    const before = await catalog.told(medium.at);
    medium.unmount();
    breakDirectory(medium.image, 'd');
    medium.mount();
    const listed = readdirSync(join(medium.at, 'd')).length;
    expect(listed).toBeLessThan(61);
    const denied = Object.keys(before).filter((path) => path.startsWith('d/') && !existsSync(join(medium.at, path)));
    expect(denied.length).toBeGreaterThan(0);
    expect(await catalog.scan(medium.at)).toMatchObject({ vanished: 0 });
    expect(await catalog.told(medium.at)).toEqual(before);
    // What vanishes from a directory without damage is told as ever, once the damage is not met meanwhile.
    remove(join(medium.at, 'other/y'));
    await catalog.scan(medium.at, { scope: { excludes: ['/d/'], crossMounts: false } });
    expect((await catalog.versions(medium.at)).filter((v) => v.reason === 'v').map((v) => v.path)).toEqual(['other/y']);
  });
});

describe.skipIf(!canFuse)('a file system that answers as a test decides (skipped where FUSE cannot be mounted)', () => {
  const fuse = (state: FuseState, access: 'ro' | 'rw'): Promise<Fuse> => openFuse(catalog.directory(), state, access);

  const FULL: FuseState = {
    a: { content: null },
    'a/f': { content: 'f' },
    'a/g': { content: 'g' },
    'a/sub': { content: null },
    'a/sub/deep': { content: null },
    'a/sub/deep/h': { content: 'h' },
    b: { content: null },
    'b/i': { content: 'i' },
  };

  function changed(changes: Readonly<Record<string, Partial<FuseEntry> | null>>): FuseState {
    const state: Record<string, FuseEntry> = { ...FULL };
    for (const [path, change] of Object.entries(changes)) {
      if (change === null) delete state[path];
      else state[path] = { content: null, ...state[path], ...change };
    }
    return state;
  }

  const EIO = -5;

  test('errors of the medium are gaps with their errno, wherever they come from, and heal', async () => {
    const disk = await fuse(FULL, 'ro');
    await catalog.scan(disk.at);
    const before = await catalog.told(disk.at);
    disk.set(
      changed({
        'a/f': { content: 'F', fails: { read: EIO } },
        'a/g': { fails: { lookup: EIO } },
        'a/sub/deep': { fails: { readdir: EIO } },
        b: { fails: { opendir: -116 } },
      }),
    );
    await catalog.scan(disk.at, { mode: 'reread' });
    expect(await catalog.gaps(disk.at)).toEqual([
      'a/f io EIO',
      'a/g io EIO',
      'a/sub/deep/ io EIO',
      'b/ unsettled ESTALE',
    ]);
    expect(await catalog.told(disk.at)).toEqual(before);
    disk.set(FULL);
    expect(await catalog.scan(disk.at)).toMatchObject({ gaps: 0, vanished: 0, inserted: 0 });
    expect(await catalog.told(disk.at)).toEqual(before);
  });

  test('a name that could not be read, and is gone the next time, ends then', async () => {
    const disk = await fuse(FULL, 'ro');
    await catalog.scan(disk.at);
    const before = await catalog.told(disk.at);
    disk.set(changed({ 'a/g': { fails: { lookup: EIO } }, 'a/sub': { fails: { lookup: EIO } } }));
    expect(await catalog.scan(disk.at)).toMatchObject({ vanished: 0, unknown: 2, belowUnknown: 2 });
    expect(await catalog.told(disk.at)).toEqual(before);
    disk.set(changed({ 'a/g': null, 'a/sub': null, 'a/sub/deep': null, 'a/sub/deep/h': null }));
    expect(await catalog.scan(disk.at)).toMatchObject({ vanished: 2, belowGone: 2, gaps: 0 });
    expect(Object.keys(await catalog.told(disk.at))).toEqual(['a', 'a/f', 'b', 'b/i']);
  });

  test.each(['ro', 'rw'] as const)(
    'where a lookup may destroy (%s), no name that is not listed is looked up: a second listing is believed',
    async (access) => {
      const disk = await fuse(FULL, access);
      await catalog.scan(disk.at);
      disk.lookups();
      disk.set(changed({ 'a/g': null, 'a/sub': { hidden: true }, 'b/i': { hidden: true } }));
      expect(await catalog.scan(disk.at)).toMatchObject({ vanished: 3, belowGone: 2, inconsistent: 0, gaps: 0 });
      const lookups = disk.lookups();
      for (const name of ['a/g', 'a/sub', 'b/i']) expect(lookups).not.toContain(name);
      expect(Object.keys(await catalog.told(disk.at))).toEqual(['a', 'a/f', 'b']);
    },
  );

  test('so it is on such a mount below a root that is harmless itself', async () => {
    const tree = catalog.directory();
    const scope = { excludes: [], crossMounts: true };
    write(tree, { 'own/f': 'f', 'own/g': 'g' });
    const disk = await openFuse(catalog.directory(), FULL, 'rw', join(tree, 'share'));
    await catalog.scan(tree, { scope });
    disk.lookups();
    disk.set(changed({ 'a/g': null }));
    remove(join(tree, 'own/g'));
    expect(await catalog.scan(tree, { scope })).toMatchObject({ vanished: 2, gaps: 0 });
    expect(disk.lookups()).not.toContain('a/g');
  });
});

test('a directory that is replaced by another of the same name is another directory: what is not in it ends', async () => {
  const tree = catalog.directory();
  const aside = catalog.directory();
  write(tree, { 'd/f': 'f', 'd/e/g': 'g', 'keep/x': 'x' });
  write(aside, { 'd/f': 'f', 'd/e/h': 'h' });
  await catalog.scan(tree);
  renameSync(join(tree, 'd'), join(aside, 'old'));
  renameSync(join(aside, 'd'), join(tree, 'd'));
  expect(await catalog.scan(tree)).toMatchObject({ vanished: 1, found: 1 });
  expect(await catalog.told(tree)).toEqual(truthOf(tree));
});

describe('guards', () => {
  test('another directory at the same path is refused with exit 4, and nothing ends', async () => {
    const tree = catalog.directory();
    const aside = catalog.directory();
    write(tree, { 'volume/f': 'f', 'volume/d/g': 'g' });
    const path = join(tree, 'volume');
    await catalog.scan(path);
    const before = await catalog.told(path);
    renameSync(path, join(aside, 'volume'));
    write(path, { f: 'f' });
    await expect(catalog.scan(path)).rejects.toMatchObject({ exit: 4 });
    expect(await catalog.told(path)).toEqual(before);
    expect((await catalog.versions(path)).filter((v) => v.end !== null)).toEqual([]);
    await catalog.scan(path, { newState: true });
    expect(await catalog.told(path)).toEqual(truthOf(path));
  });

  test('an emptied root, or one where every known name is another, is quarantined; the next scan is as good as ever', async () => {
    const tree = catalog.directory();
    const aside = catalog.directory();
    write(tree, { f: 'f', 'd/g': 'g', 'lost+found/.keep': '' });
    await catalog.scan(tree);
    const before = await catalog.told(tree);
    renameSync(join(tree, 'f'), join(aside, 'f'));
    renameSync(join(tree, 'd'), join(aside, 'd'));
    // What mkfs leaves on every new file system says nothing.
    await expect(catalog.scan(tree)).rejects.toMatchObject({ exit: 4 });
    write(tree, { stranger: 's' });
    await expect(catalog.scan(tree)).rejects.toMatchObject({ exit: 4 });
    expect(await catalog.told(tree)).toEqual(before);
    expect((await catalog.versions(tree)).filter((v) => v.end !== null)).toEqual([]);
    renameSync(join(aside, 'f'), join(tree, 'f'));
    renameSync(join(aside, 'd'), join(tree, 'd'));
    expect(await catalog.scan(tree)).toMatchObject({ vanished: 0, found: 1 });
    expect(await catalog.told(tree)).toEqual(truthOf(tree));
    const states = (await catalog.scans(tree)).map((scan) => scan.state);
    expect(states).toEqual(['complete', 'aborted', 'aborted', 'complete']);
  });

  test('a swapped root is quarantined also by a run that newly excludes one of the names known there', async () => {
    const tree = catalog.directory();
    const aside = catalog.directory();
    write(tree, { f: 'f', 'd/g': 'g' });
    await catalog.scan(tree);
    const before = await catalog.told(tree);
    renameSync(join(tree, 'f'), join(aside, 'f'));
    renameSync(join(tree, 'd'), join(aside, 'd'));
    write(tree, { stranger: 's' });
    const scope = { excludes: ['/f'], crossMounts: false };
    await expect(catalog.scan(tree, { scope })).rejects.toMatchObject({ exit: 4 });
    expect(await catalog.told(tree)).toEqual(before);
    // Where all that was known is left out, there is nothing to tell a swapped root by.
    renameSync(join(aside, 'd'), join(tree, 'd'));
    expect(await catalog.scan(tree, { scope: { ...scope, excludes: ['/f', '/d'] } })).toMatchObject({ excluded: 2 });
  });

  test('what one scan cannot learn of the identity of the root stays as recorded, unless a new state is accepted', async () => {
    const tree = catalog.directory();
    write(tree, { f: 'f' });
    await catalog.scan(tree);
    const recorded = async (): Promise<Record<string, unknown>> => {
      const [row] = await catalog.rows('select identity from root where path = $1', tree);
      return row?.['identity'] as Record<string, unknown>;
    };
    // As a host with udev would have recorded it; this one cannot tell.
    const here = await recorded();
    const unknown = Object.keys(here).filter((part) => here[part] === null);
    const full = { ...here, ...Object.fromEntries(unknown.map((part) => [part, 'told elsewhere'])) };
    expect(unknown).not.toEqual([]);
    await catalog.rows('update root set identity = $2 where path = $1', tree, JSON.stringify(full));
    await catalog.scan(tree);
    expect(await recorded()).toEqual(full);
    await catalog.scan(tree, { newState: true });
    expect(await recorded()).toEqual(here);
  });

  test('sixty of a hundred files gone is a scan like any other', async () => {
    const tree = catalog.directory();
    for (let i = 0; i < 10; i++) for (let j = 0; j < 10; j++) write(tree, { [`d${i}/f${j}`]: `${i}${j}` });
    await catalog.scan(tree);
    for (let i = 0; i < 6; i++) remove(join(tree, `d${i}`));
    expect(await catalog.scan(tree)).toMatchObject({ vanished: 6, belowGone: 60 });
    expect(await catalog.told(tree)).toEqual(truthOf(tree));
  });

  test('what a quarantined scan has read is not read again by the next', async () => {
    const tree = catalog.directory();
    const aside = catalog.directory();
    write(tree, { f: 'f' });
    await catalog.scan(tree);
    renameSync(join(tree, 'f'), join(aside, 'f'));
    write(tree, { 'new/one': 'one', 'new/two': 'two' });
    age(tree);
    await settled(tree);
    await expect(catalog.scan(tree)).rejects.toMatchObject({ exit: 4 });
    renameSync(join(aside, 'f'), join(tree, 'f'));
    touch(tree, 1_700_000_000);
    expect(await catalog.scan(tree)).toMatchObject({ found: 3, filesRead: 1 });
    expect(await catalog.told(tree)).toEqual(truthOf(tree));
  });
});
