// Snapshots of a real btrfs: where all roots have one inode, and names need not hold a date. Skipped where no btrfs can
// be made and mounted.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sameSnapshot } from '../../../domain/snapshot-identity.ts';
import { parseSubvolume } from '../../../services/files/btrfs.ts';
import { identifyRoot, identityDifference, isFileSystemRoot } from '../../../services/files/identity.ts';
import { findSnapshots, type FoundSeries } from '../../../services/files/snapshots.ts';
import { Place } from './trees.ts';
import { hasBtrfs, run } from '../../support/machine.ts';

describe.runIf(hasBtrfs)('snapshots of a btrfs', () => {
  let place: Place;
  let top: string;
  beforeEach(() => {
    place = new Place();
    run('truncate', '-s', '160M', place.join('disk.img'));
    run('mkfs.btrfs', '-q', place.join('disk.img'));
    top = place.mount('btrfs', place.join('disk.img'), 'm', '-o', 'loop');
    run('btrfs', 'subvolume', 'create', `${top}/current`);
    place.directory('m/s');
    place.write({ 'm/current/d/f': 'x' });
  });
  afterEach(() => {
    place[Symbol.dispose]();
  });
  const snapshot = (name: string, ...options: string[]): string =>
    run('btrfs', 'subvolume', 'snapshot', ...options, `${top}/current`, `${top}/s/${name}`);
  const find = (): Promise<FoundSeries> => findSnapshots(`${top}/s/*`, { nowMs: Date.now(), tz: 'UTC' });

  it('are dated by btrfs where names hold no date, are read-only, and are told apart though nothing but their uuid differs', async () => {
    const started = Math.floor(Date.now() / 1000) * 1000;
    snapshot('first', '-r');
    snapshot('second');
    snapshot('2026-11-20', '-r');
    const { snapshots } = await find();
    const byName = new Map(snapshots.map((found) => [found.name, found]));
    expect(
      [...byName.values()]
        .map(({ name, asOf, readOnly }) => [name, asOf.source, readOnly])
        .sort((a, b) => (String(a) < String(b) ? -1 : 1)),
    ).toEqual([
      ['2026-11-20', 'name', true],
      ['first', 'btrfs', true],
      ['second', 'btrfs', false],
    ]);
    expect(byName.get('first')?.asOf.fromMs).toBeGreaterThanOrEqual(started);
    const [first, second] = [byName.get('first')!.identity, byName.get('second')!.identity];
    expect([first.rootInode, first.fingerprint, first.fsType]).toEqual([second.rootInode, second.fingerprint, 'btrfs']);
    expect(sameSnapshot(first, second)).toBe(false);
    run('mv', `${top}/s/first`, `${top}/s/renamed`);
    const renamed = (await find()).snapshots.find(({ name }) => name === 'renamed')!.identity;
    expect(sameSnapshot(first, renamed)).toBe(true);
    expect(sameSnapshot({ ...first, uuid: null }, renamed)).toBe(false);
    expect(
      sameSnapshot({ ...second, uuid: null }, (await find()).snapshots.find(({ name }) => name === 'second')!.identity),
    ).toBe(true);
  });

  it('with hostile names are asked for without their names', async () => {
    snapshot('$(touch x)', '-r');
    snapshot('-rf', '-r');
    expect(
      (await find()).snapshots
        .map(({ name, readOnly }) => [name, readOnly])
        .sort((a, b) => (String(a) < String(b) ? -1 : 1)),
    ).toEqual([
      ['$(touch x)', true],
      ['-rf', true],
    ]);
  });

  it('leave a working subvolume beside them to its files: it was created long before', async () => {
    run('btrfs', 'subvolume', 'create', `${top}/s/work`);
    place.write({ 'm/s/work/f': '' });
    expect((await find()).snapshots.map(({ asOf }) => asOf.source)).toEqual(['mtime']);
  });

  it('have identities as roots: file system and subvolume, however they are mounted', () => {
    const identity = identifyRoot(`${top}/current`);
    expect(identity).toMatchObject({ fsType: 'btrfs', subvolume: '/current', rootInode: '256', source: null });
    expect(identity.uuid).toMatch(/^[0-9a-f-]{36}$/);
    const alone = place.mount('btrfs', run('findmnt', '-no', 'SOURCE', top).trim(), 'alone', '-o', 'subvol=current');
    expect(identityDifference(identity, identifyRoot(alone))).toBeNull();
    // When it was made is not told where that was within the same tick of the clock as its last change.
    expect(identityDifference(identity, identifyRoot(top))).toMatch(
      /^the subvolume is \/, and was \/current(?:; the root directory was made \S+Z, and was \S+Z)?$/,
    );
    expect([isFileSystemRoot(`${top}/current`, 256n), isFileSystemRoot(`${top}/s`, 257n)]).toEqual([true, false]);
  });
});

describe('what btrfs says of a subvolume', () => {
  it('is read with its zone, and not guessed where parts are missing', () => {
    const output =
      's1\n\tName: \t\t\ts1\n\tUUID: \t\t\ta0e81818\n\tParent UUID: \t\t1da839a5\n\tReceived UUID: \t\t-\n\tCreation time: \t\t2026-11-23 00:04:52 +0130\n\tFlags: \t\t\treadonly\n';
    expect(parseSubvolume(output)).toEqual({
      uuid: 'a0e81818',
      isSnapshot: true,
      readOnly: true,
      otimeMs: Date.UTC(2026, 10, 22, 22, 34, 52),
    });
    expect(parseSubvolume(output.replace('Creation time', 'Other'))).toBeNull();
    expect(parseSubvolume('')).toBeNull();
  });
});
