// Which names are one file is what the volume says, not the backup: a backup that was deduplicated with hard links
// makes one inode of what was two.
import { appendFileSync, copyFileSync, linkSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { World } from './world.ts';
import { bytes } from '../support/tree.ts';

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(() => {
  world.remove();
});

const inLive = (path: string): string => join(world.live, path);
const inode = (path: string): number => statSync(inLive(path)).ino;

/**
 * Names that are one inode in the snapshot, with what the volume had: the same number was the same file, null is not
 * known.
 */
function deduplicated(names: Readonly<Record<string, number | null>>, isExport = false): void {
  const from = world.snapshot('s1');
  const [first = '', ...rest] = Object.keys(names);
  world.write(from, first, 'the same bytes');
  for (const name of rest) {
    world.write(from, name, '');
    rmSync(bytes(from, '/', name));
    linkSync(bytes(from, '/', first), bytes(from, '/', name));
  }
  for (const [name, number] of Object.entries(names)) {
    const nlink = Object.values(names).filter((each) => each === number).length;
    const liveInode = number === null ? null : { inode: BigInt(number), nlink };
    world.wrong(name, { verdict: 'missing', from: 's1', liveInode, export: isExport });
  }
}

describe('names that are one inode in the backup', () => {
  it('come back as two files where the volume had two, in missing directories too', async () => {
    deduplicated({ 'anna/x': 1, 'bob/x': 2, 'carl/x': 3 });
    await world.writeBundle();
    expect(world.restore(['--apply'])).toMatchObject({ code: 0 });
    expect(new Set([inode('anna/x'), inode('bob/x'), inode('carl/x')]).size).toBe(3);
    appendFileSync(inLive('anna/x'), 'a line of Anna');
    expect(readFileSync(inLive('bob/x'), 'utf8')).toBe('the same bytes');
  });

  it('come back in the groups that the volume had', async () => {
    deduplicated({ a1: 1, a2: 1, b1: 2, b2: 2, c: 3 });
    await world.writeBundle();
    expect(world.restore(['--apply'])).toMatchObject({ code: 0 });
    expect(inode('a2')).toBe(inode('a1'));
    expect(inode('b2')).toBe(inode('b1'));
    expect(new Set([inode('a1'), inode('b1'), inode('c')]).size).toBe(3);
    expect(await world.verify()).toMatchObject({ exit: 0, metadataDiffers: 0 });
  });

  it('are linked again where nobody saw them in the volume', async () => {
    deduplicated({ 'anna/x': null, 'bob/x': null });
    await world.writeBundle();
    expect(world.restore(['--apply'])).toMatchObject({ code: 0 });
    expect(inode('anna/x')).toBe(inode('bob/x'));
  });

  it('come back as two files from another host, where only the export tells of them', async () => {
    deduplicated({ 'anna/x': 1, 'bob/x': 2 }, true);
    await world.writeBundle();
    expect(world.restore(['--apply'])).toMatchObject({ code: 0 });
    expect(inode('anna/x')).not.toBe(inode('bob/x'));
  });

  it('replace two damaged files as two', async () => {
    const from = world.snapshot('s1');
    world.write(from, 'a', 'the good bytes');
    linkSync(bytes(from, '/a'), bytes(from, '/b'));
    for (const [index, name] of ['a', 'b'].entries()) {
      world.write(world.live, name, `the rotten by${index}`);
      world.wrong(name, { verdict: 'corrupt', from: 's1', liveInode: { inode: BigInt(index), nlink: 1 } });
    }
    await world.writeBundle();
    expect(world.restore(['--apply', '--damaged'])).toMatchObject({ code: 0 });
    expect([readFileSync(inLive('a'), 'utf8'), readFileSync(inLive('b'), 'utf8')]).toEqual([
      'the good bytes',
      'the good bytes',
    ]);
    expect(inode('a')).not.toBe(inode('b'));
  });
});

describe('verify', () => {
  it('notices two files that were put back as one', async () => {
    deduplicated({ 'anna/x': 1, 'bob/x': 2 });
    await world.writeBundle();
    expect(world.restore(['--apply'])).toMatchObject({ code: 0 });
    expect((await world.verify()).metadataDiffers).toBe(0);
    rmSync(inLive('bob/x'));
    linkSync(inLive('anna/x'), inLive('bob/x'));
    const { items } = await world.verify();
    expect(items.map(({ path, metadata }) => [path, metadata])).toEqual([
      ['anna/x', ['link']],
      ['bob/x', ['link']],
    ]);
  });

  it('notices two groups of hard links that were put back as one', async () => {
    deduplicated({ a1: 1, a2: 1, b1: 2, b2: 2 });
    await world.writeBundle();
    expect(world.restore(['--apply'])).toMatchObject({ code: 0 });
    rmSync(inLive('b1'));
    rmSync(inLive('b2'));
    linkSync(inLive('a1'), inLive('b1'));
    copyFileSync(inLive('a1'), inLive('b2'));
    const { items } = await world.verify();
    expect(items.find(({ path }) => path === 'b1')?.metadata).toContain('link');
    expect(items.find(({ path }) => path === 'a1')?.metadata).toEqual([]);
  });
});
