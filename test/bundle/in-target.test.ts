// A copy that lies in the volume itself (lost+found, a copy elsewhere in live) is a source like a snapshot's, and is
// held against what it was right before it is taken, because people write there.
import {
  chownSync,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
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

/** A document of a user that fsck has put into lost+found, with another owner, mode and time there. */
function displaced(path: string, inode: string, content: string): void {
  const from = world.snapshot('s1');
  const kept = world.write(from, path, content, 0o604);
  chownSync(kept, 1234, 1235);
  utimesSync(kept, 1_400_000_000, 1_400_000_000.25);
  world.write(world.live, `lost+found/#${inode}`, content, 0o600);
  mkdirSync(join(inLive(path), '..'), { recursive: true });
  world.wrong(path, { verdict: 'missing', from: 's1', sourcePath: `lost+found/#${inode}`, inTarget: true });
}

const asRoot = it.runIf(process.getuid?.() === 0);

describe('a copy in lost+found', () => {
  asRoot('goes back to its name with the owner, mode and time of that name, and stays where it is', async () => {
    displaced('home/anna/a b.odt', '12', 'a letter');
    const summary = await world.writeBundle();
    expect(summary.restored.files).toBe(1);
    const [line] = readFileSync(join(world.bundle, 'manifest.jsonl'), 'utf8').trim().split('\n');
    expect(JSON.parse(line ?? '')).toMatchObject({
      path: 'home/anna/a b.odt',
      uid: 1234,
      gid: 1235,
      mode: '0604',
      mtimeNs: '1400000000250000000',
      source: { snapshot: 'live', root: world.live, path: 'lost+found/#12', inTarget: true },
    });
    expect(world.restore([]).code).toBe(0);
    expect(existsSync(inLive('home/anna/a b.odt'))).toBe(false);
    const ran = world.restore(['--apply']);
    expect(ran).toMatchObject({ code: 0 });
    expect(readFileSync(inLive('home/anna/a b.odt'), 'utf8')).toBe('a letter');
    const stat = lstatSync(inLive('home/anna/a b.odt'), { bigint: true });
    expect([stat.uid, stat.gid, stat.mode & 0o7777n, stat.mtimeNs]).toEqual([
      1234n,
      1235n,
      0o604n,
      1_400_000_000_250_000_000n,
    ]);
    expect(readFileSync(inLive('lost+found/#12'), 'utf8')).toBe('a letter');
    expect(await world.verify()).toMatchObject({ exit: 0, metadataDiffers: 0, counts: { restored: { files: 1 } } });
  });

  it('is taken from the volume also where the snapshots lie on another host', async () => {
    displaced('home/anna/doc', '12', 'a letter');
    await world.writeBundle();
    // Nobody answers there, and nobody is asked.
    const rsh = { RSYNC_RSH: '/bin/false' };
    expect(world.restore(['--apply', '--source', 'nobody:'], { env: rsh })).toMatchObject({ code: 0 });
    expect(readFileSync(inLive('home/anna/doc'), 'utf8')).toBe('a letter');
  });

  it('is taken from the volume that was judged where TARGET is another directory', async () => {
    displaced('home/anna/doc', '12', 'a letter');
    await world.writeBundle();
    const target = join(world.base, 'elsewhere-target');
    mkdirSync(target);
    expect(world.restore(['--apply'], { target })).toMatchObject({ code: 0 });
    expect(readFileSync(join(target, 'home/anna/doc'), 'utf8')).toBe('a letter');
  });

  it('that was changed since the lists were written is not taken, and the run says so', async () => {
    displaced('home/anna/doc', '12', 'a letter');
    displaced('home/anna/other', '13', 'another');
    await world.writeBundle();
    writeFileSync(inLive('lost+found/#12'), 'a LETTER');
    for (const args of [[], ['--apply']]) {
      const ran = world.restore(args);
      expect(ran.code).toBe(2);
      expect(ran.output).toContain('the copy in the volume is no longer what it was: /lost+found/#12');
    }
    expect(existsSync(inLive('home/anna/doc'))).toBe(false);
    expect(readFileSync(inLive('home/anna/other'), 'utf8')).toBe('another');
  });

  it('below a directory that became a link is not taken from where the link leads', async () => {
    displaced('home/anna/doc', '12', 'a letter');
    await world.writeBundle();
    renameSync(inLive('lost+found'), join(world.base, 'moved'));
    symlinkSync(join(world.base, 'moved'), inLive('lost+found'));
    const ran = world.restore(['--apply']);
    expect(ran.code).toBe(2);
    expect(existsSync(inLive('home/anna/doc'))).toBe(false);
  });

  it('that has changed before the lists are written falls to the next copy', async () => {
    displaced('home/anna/doc', '12', 'a letter');
    writeFileSync(inLive('lost+found/#12'), 'a LETTER');
    const [finding] = world.findings;
    const root = world.snapshot('s1');
    const summary = await world.writeBundle({
      nextSource: async (_, failed) =>
        failed.inTarget && finding !== undefined && finding.source !== null
          ? {
              source: {
                ...finding.source,
                inTarget: false,
                snapshot: 's1',
                root: String(root),
                path: 'home/anna/doc',
                state: world.state(root, 'home/anna/doc'),
              },
              recovery: 'exact',
            }
          : null,
    });
    expect(summary).toMatchObject({ restored: { files: 1 }, report: { fallenBack: 1 } });
    expect(world.restore(['--apply'])).toMatchObject({ code: 0 });
    expect(readFileSync(inLive('home/anna/doc'), 'utf8')).toBe('a letter');
  });

  it('serves for a damaged file too, which is replaced only while it is the damaged one', async () => {
    const from = world.snapshot('s1');
    world.write(from, 'd/doc', 'the good content');
    world.write(world.live, 'd/doc', 'the rotten cntnt');
    copyFileSync(bytes(from, '/d/doc'), inLive('copy of doc'));
    world.wrong('d/doc', { verdict: 'corrupt', from: 's1', sourcePath: 'copy of doc', inTarget: true });
    await world.writeBundle();
    expect(world.restore(['--apply', '--damaged'])).toMatchObject({ code: 0 });
    expect(readFileSync(inLive('d/doc'), 'utf8')).toBe('the good content');
    expect((await world.verify()).exit).toBe(0);
    rmSync(inLive('copy of doc'));
    expect(world.restore(['--apply', '--damaged'])).toMatchObject({ code: 0 });
  });
});

describe('a name that came back from another name in a snapshot', () => {
  asRoot('has the owner, mode and time that it had itself', async () => {
    const from = world.snapshot('s1');
    const copy = world.write(from, 'copies/x', 'content', 0o600);
    chownSync(copy, 7, 7);
    const finding = world.wrong('own/x', { verdict: 'missing', from: 's1', sourcePath: 'copies/x' });
    mkdirSync(inLive('own'));
    if (finding.expected === null) throw new Error('nothing is expected');
    const expected = { ...finding.expected, uid: 1001, gid: 1002, mode: 0o4755, mtimeNs: 1_300_000_000_000_000_007n };
    const findings = [{ ...finding, expected }];
    await world.writeBundle({ assessment: { ...world.assessment(), findings } });
    expect(world.restore(['--apply'])).toMatchObject({ code: 0 });
    const stat = lstatSync(inLive('own/x'), { bigint: true });
    expect([stat.uid, stat.gid, stat.mode & 0o7777n, stat.mtimeNs]).toEqual([
      1001n,
      1002n,
      0o4755n,
      1_300_000_000_000_000_007n,
    ]);
    expect((await world.verify()).metadataDiffers).toBe(0);
  });
});
