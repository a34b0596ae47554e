// The bundle as a weapon, and everything that restore.sh and verify refuse: a bundle that others had a hand in, links
// put in the way, mounts on which looking destroys, tools that are missing, sources that are gone, a target that fills
// up.
import { execFileSync, spawnSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EXIT } from '../../domain/exit.ts';
import { canFuse, type Fuse, openFuse } from '../support/fuse.ts';
import { refusal } from '../support/refusal.ts';
import { World } from './world.ts';
import { have, programPath } from '../support/machine.ts';
import { bytes, survey, text } from '../support/tree.ts';

const root = process.getuid?.() === 0;
const mounts = root && spawnSync('unshare', ['-m', 'true']).status === 0;

let world: World;
const opened: Fuse[] = [];

beforeEach(() => {
  world = new World();
});
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
  world.remove();
});

const inLive = (path: string): string => join(world.live, path);
const s1 = { verdict: 'missing', from: 's1' } as const;

async function oneLostFile(): Promise<void> {
  world.write(world.snapshot('s1'), 'd/lost', 'content');
  mkdirSync(inLive('d'));
  world.wrong('d/lost', s1);
  await world.writeBundle();
}

describe('a bundle', () => {
  it('whose list was changed after it was written is refused by the script and by verify, and nothing is done', async () => {
    await oneLostFile();
    appendFileSync(join(world.bundle, 'lists/01-missing.files0'), '/etc/shadow\0');
    const ran = world.restore(['--apply']);
    expect(ran.code).toBe(EXIT.guard);
    expect(ran.output).toContain('not as they were written');
    expect(readdirSync(inLive('d'))).toEqual([]);
    expect((await refusal(world.verify())).exit).toBe(EXIT.guard);
  });

  it.each([
    ['lists/01-missing.files0', 0o620],
    ['lists', 0o770],
    ['.', 0o720],
    ['restore.sh', 0o702],
  ])('in which others can write (%s) is refused', async (path, mode) => {
    await oneLostFile();
    chmodSync(join(world.bundle, path), mode);
    const ran = world.restore(['--apply']);
    expect(ran.code).toBe(EXIT.guard);
    expect(ran.output).toContain('can be written by others');
    expect(readdirSync(inLive('d'))).toEqual([]);
  });

  it.skipIf(!root)('that belongs to another user is refused', async () => {
    await oneLostFile();
    chownSync(join(world.bundle, 'lists/plan'), 4711, 4711);
    expect(world.restore(['--apply']).code).toBe(EXIT.guard);
  });

  it('in a directory in which others can rename it is refused', async () => {
    await oneLostFile();
    chmodSync(world.base, 0o777);
    const ran = world.restore(['--apply']);
    expect(ran.code).toBe(EXIT.guard);
    expect(ran.output).toContain('others can write to a directory above it');
  });

  it('that holds a symlink is refused', async () => {
    await oneLostFile();
    renameSync(join(world.bundle, 'lists'), join(world.base, 'lists'));
    symlinkSync('../lists', join(world.bundle, 'lists'));
    expect(world.restore(['--apply']).code).toBe(EXIT.guard);
  });

  it('is readable for its owner only, whatever the umask', async () => {
    const before = process.umask(0);
    try {
      await oneLostFile();
    } finally {
      process.umask(before);
    }
    const check = (path: string): void => {
      const mode = statSync(path).mode & 0o777;
      expect([path, mode & 0o077]).toEqual([path, 0]);
      if (statSync(path).isDirectory()) for (const name of readdirSync(path)) check(join(path, name));
    };
    check(world.bundle);
    execFileSync('sha256sum', ['--quiet', '--strict', '-c', 'SHA256SUMS'], { cwd: world.bundle });
  });

  it('is written to no directory that exists, and to none inside a volume or a snapshot', async () => {
    await oneLostFile();
    for (const outDir of [
      world.bundle,
      inLive('d/bundle'),
      join(world.base, 'backup/s1/bundle'),
      join(world.base, 'no/such/bundle'),
    ]) {
      expect((await refusal(world.writeBundle({ outDir }))).exit).toBe(EXIT.failure);
    }
    symlinkSync(world.live, join(world.base, 'link'));
    await refusal(world.writeBundle({ outDir: join(world.base, 'link/bundle') }));
    expect(readdirSync(world.live)).toEqual(['d']);
    expect(readdirSync(world.base).filter((name) => name.includes('partial'))).toEqual([]);
  });
});

describe('a symlink that a user has put for a lost directory', () => {
  it('leads nothing out of the target: the entry is blocked, listed and still missing', async () => {
    const from = world.snapshot('s1');
    world.write(from, 'home/a/deep/authorized_keys', 'mine');
    world.write(from, 'home/b/fine', 'fine');
    for (const path of ['home/a', 'home/a/deep', 'home/a/deep/authorized_keys', 'home/b', 'home/b/fine'])
      world.wrong(path, s1);
    mkdirSync(inLive('home'));
    await world.writeBundle();
    const victim = join(world.base, 'etc');
    mkdirSync(join(victim, 'deep'), { recursive: true });
    symlinkSync(victim, inLive('home/a'));
    const before = text(survey(victim));
    for (const args of [[], ['--apply']]) {
      const ran = world.restore(args);
      expect(ran.code).toBe(1);
      expect(ran.output).toContain('/home/a/deep/authorized_keys');
    }
    expect(text(survey(victim))).toEqual(before);
    expect(lstatSync(inLive('home/a')).isSymbolicLink()).toBe(true);
    expect(readFileSync(inLive('home/b/fine'), 'utf8')).toBe('fine');
    expect((await world.verify()).counts.blocked.files).toBe(2);
  });

  it('is passed only if the manifest has the same link and root owns it', async () => {
    const from = world.snapshot('s1');
    world.write(from, 'real/file', 'x');
    symlinkSync('real', bytes(from, '/link'));
    world.write(world.snapshot('s0'), 'link/old', 'old');
    mkdirSync(inLive('real'));
    world.wrong('link', s1);
    world.wrong('link/old', { verdict: 'missing', from: 's0' });
    await world.writeBundle();
    symlinkSync('real', inLive('link'));
    if (root) {
      expect(world.restore(['--apply']).code).toBe(0);
      expect(readFileSync(inLive('real/old'), 'utf8')).toBe('old');
    }
    rmSync(inLive('real'), { recursive: true });
    rmSync(inLive('link'));
    const other = join(world.base, 'other');
    mkdirSync(other);
    symlinkSync(other, inLive('link'));
    expect(world.restore(['--apply']).code).toBe(1);
    expect(readdirSync(other)).toEqual([]);
  });
});

describe('the tools', () => {
  it('are named when one is missing, before anything is done', async () => {
    await oneLostFile();
    const ran = world.restore(['--apply'], { env: { PATH: world.path({ without: ['rsync'] }) } });
    expect(ran.code).toBe(EXIT.failure);
    expect(ran.output).toContain('not installed on this machine: rsync');
    expect(readdirSync(inLive('d'))).toEqual([]);
  });

  it('are refused when rsync is older than 3.2.4', async () => {
    await oneLostFile();
    const directory = world.path({
      scripts: { rsync: '#!/bin/sh\necho "rsync  version 3.2.3  protocol version 31"\n' },
    });
    const ran = world.restore(['--apply'], { env: { PATH: directory } });
    expect(ran.code).toBe(EXIT.failure);
    expect(ran.output).toContain('rsync is 3.2.3; 3.2.4 or newer is needed');
  });

  it('may be killed: that is a partial failure, and the next run completes', async () => {
    await oneLostFile();
    const script = `#!/bin/sh\ncase $1 in --version) exec ${programPath('rsync')} --version ;; esac\nkill -9 $$\n`;
    const directory = world.path({ scripts: { rsync: script } });
    const ran = world.restore(['--apply'], { env: { PATH: directory } });
    expect(ran.code).toBe(EXIT.failure);
    expect(ran.output).toContain('ONLY PARTLY DONE');
    expect(world.restore(['--apply']).code).toBe(0);
    expect((await world.verify()).exit).toBe(0);
  });

  it('may be killed and leave a process that still writes: directories get their times after it', async () => {
    const from = world.snapshot('s1');
    world.write(from, 'lost/f', 'f');
    utimesSync(bytes(from, '/lost'), 1_400_000_000, 1_400_000_000);
    for (const path of ['lost', 'lost/f']) world.wrong(path, s1);
    await world.writeBundle();
    // What is left of a killed rsync waits until the directory has its time, or for a second, and then makes and
    // removes a name in it.
    const left = `i=0
until grep -qsx set "$J"/[0-9]* || [ $i = 100 ]; do i=$((i + 1)); sleep 0.01; done
: >lost/.f.aaaaaa
rm lost/.f.aaaaaa`;
    const script = `#!/bin/sh
case $1 in --version) exec ${programPath('rsync')} --version ;; esac
set +f
(${left}) </dev/null >/dev/null 2>&1 &
kill -9 $$
`;
    const ran = world.restore(['--apply'], { env: { PATH: world.path({ scripts: { rsync: script } }) } });
    expect(ran.output).toContain('ONLY PARTLY DONE');
    expect(world.restore(['--apply']).code).toBe(0);
    expect(await world.verify()).toMatchObject({ exit: 0, metadataDiffers: 0 });
    expect(survey(world.live)).toEqual(survey(from));
  });
});

describe('a target', () => {
  it.each(['nowhere', 'a file'])('that is %s is named as what is wrong', async (name) => {
    world.write(world.snapshot('s1'), 'a', 'a');
    world.wrong('a', s1);
    await world.writeBundle();
    const target = join(world.base, name);
    if (name === 'a file') writeFileSync(target, '');
    const error = await refusal(world.verify({ target }));
    expect(error).toMatchObject({ exit: EXIT.failure, next: expect.stringContaining('Check the path') });
    expect(error.message).toContain(`the target ${target} cannot be opened`);
  });
});

describe('a source', () => {
  it('that vanished since is a partial failure; the rest comes back', async () => {
    const from = world.snapshot('s1');
    for (const name of ['a', 'b']) {
      world.write(from, name, name);
      world.wrong(name, s1);
    }
    await world.writeBundle();
    rmSync(bytes(from, '/a'));
    const dry = world.restore([]);
    expect(dry.code).toBe(EXIT.failure);
    const ran = world.restore(['--apply']);
    expect(ran.code).toBe(EXIT.failure);
    expect(readdirSync(world.live)).toEqual(['b']);
    renameSync(from, join(world.base, 'elsewhere-s1'));
    const gone = world.restore(['--apply']);
    expect(gone.code).toBe(EXIT.failure);
    expect(gone.output).toContain('the snapshot is not there');
    expect(gone.output).toContain(' 0 restored,');
    expect(gone.output).toContain('0 files restored');
  });

  it('that is no longer what it was when the lists are written goes to the next candidate, or the file is called lost', async () => {
    for (const snapshot of ['s1', 's2']) {
      for (const name of ['rotten', 'spare', 'gone']) world.write(world.snapshot(snapshot), name, 'good');
    }
    const rotten = world.wrong('rotten', s1);
    const spare = world.wrong('spare', s1);
    world.wrong('gone', s1);
    const other = world.wrong('spare', { verdict: 'missing', from: 's2' });
    world.findings.pop();
    for (const name of ['rotten', 'spare']) writeFileSync(bytes(world.snapshot('s1'), '/', name), 'evil');
    rmSync(bytes(world.snapshot('s1'), '/gone'));
    const summary = await world.writeBundle({
      nextSource: async (finding, failed) => {
        if (finding.path !== 'spare' || rotten.source === null || other.source === null) return null;
        return { source: failed === spare.source ? rotten.source : other.source, recovery: 'exact' };
      },
    });
    expect(summary.leftOut).toEqual({ 'its source is not what it was': 1, 'its source is not there any more': 1 });
    expect(summary.restored.files).toBe(1);
    const lost = readFileSync(join(world.bundle, 'lost.jsonl'), 'utf8');
    expect(
      lost
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).path),
    ).toEqual(['gone', 'rotten']);
    expect(readFileSync(join(world.bundle, 'manifest.jsonl'), 'utf8')).toContain(
      '"insteadOf":{"snapshot":"s1","path":"spare","why":"its source is not what it was"}',
    );
    expect(readFileSync(join(world.bundle, 'README.txt'), 'utf8')).toContain('insteadOf in manifest.jsonl');
    expect(world.restore(['--apply']).code).toBe(0);
    expect(readFileSync(inLive('spare'), 'utf8')).toBe('good');
  });

  it('on another host is taken as its export says, without being read here', async () => {
    const from = world.snapshot('s1');
    world.write(from, 'x/lost', 'content');
    world.wrong('x/lost', { ...s1, export: true });
    const there = join(world.base, 'there');
    mkdirSync(there);
    mkdirSync(join(there, world.base, 'backup'), { recursive: true });
    renameSync(from, join(there, world.base, 'backup/s1'));
    await world.writeBundle();
    // Nobody has recorded the directory on the way.
    const ran = world.restore(['--apply', `--source=${there}`]);
    expect(ran.code).toBe(0);
    expect(ran.output).toContain('1 directory kept mode 0700');
    expect(readFileSync(inLive('x/lost'), 'utf8')).toBe('content');
  });
});

describe('a damaged file that has changed since it was judged', () => {
  it('stands in no list', async () => {
    world.write(world.snapshot('s1'), 'c', 'good');
    world.write(world.live, 'c', 'baad');
    world.wrong('c', { verdict: 'corrupt', from: 's1' });
    writeFileSync(inLive('c'), 'newer');
    const summary = await world.writeBundle();
    expect(summary.leftOut).toEqual({ 'it changed since it was judged': 1 });
    expect(summary.lists).toEqual([]);
  });
});

describe.skipIf(!mounts)('a disk that fills up', () => {
  function onSmallDisk(size: string, run: (disk: string) => Promise<void>): () => Promise<void> {
    return async () => {
      const disk = join(world.base, 'disk');
      mkdirSync(disk);
      execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'rollcall-test', disk]);
      try {
        await run(disk);
      } finally {
        execFileSync('umount', ['-l', disk]);
      }
    };
  }

  it(
    'in the middle of a restore is a partial failure, and a second run completes after space was made',
    onSmallDisk('3m', async (disk) => {
      const from = world.snapshot('s1');
      for (let i = 0; i < 20; i++) {
        world.write(from, `d/f${i}`, Buffer.alloc(100_000, i + 1));
        world.wrong(`d/f${i}`, s1);
      }
      world.wrong('d', s1);
      await world.writeBundle();
      writeFileSync(join(disk, 'in the way'), Buffer.alloc(2_000_000, 1));
      const ran = world.restore(['--apply', '--fill'], { target: disk });
      expect(ran.code).toBe(EXIT.failure);
      expect(ran.output).toContain('ONLY PARTLY DONE');
      expect(ran.output).toContain('is TARGET full?');
      for (const name of readdirSync(join(disk, 'd'))) expect(statSync(join(disk, 'd', name)).size).toBe(100_000);
      rmSync(join(disk, 'in the way'));
      expect(world.restore(['--apply'], { target: disk }).code).toBe(0);
      expect(text(survey(disk))).toEqual(text(survey(from)));
    }),
  );

  it(
    'while the bundle is written leaves nothing behind, and says how much was needed',
    onSmallDisk('200k', async (disk) => {
      const from = world.snapshot('s1');
      for (let i = 0; i < 500; i++) {
        world.write(from, `f${i}`, 'x');
        world.wrong(`f${i}`, s1);
      }
      const error = await refusal(world.writeBundle({ outDir: join(disk, 'bundle') }));
      expect(error.exit).toBe(EXIT.failure);
      expect(Number(/needs (\d+) bytes/.exec(error.message)?.[1])).toBeGreaterThan(200 * 1024);
      expect(readdirSync(disk)).toEqual([]);
    }),
  );
});

describe.skipIf(!canFuse).each(['ro', 'rw'] as const)('a FUSE mount, %s (skipped without FUSE)', (access) => {
  it('is refused by restore.sh without --not-gluster, and verify looks up no absent name on it', async () => {
    await oneLostFile();
    const at = join(world.base, 'fuse');
    const served = await openFuse(world.base, {}, access, at);
    opened.push(served);
    served.said();
    for (const args of [[], ['--apply']]) {
      const ran = world.restore(args, { target: at });
      expect({ code: ran.code, output: ran.output }).toMatchObject({ code: EXIT.guard });
      expect(ran.output).toContain('add --not-gluster');
    }
    // Below the target it is refused too: a restored path could lead into it.
    expect(world.restore([], { target: world.base }).code).toBe(EXIT.guard);
    expect((await world.verify({ target: at })).counts.missing.files).toBe(1);
    expect(served.lookups()).toEqual([]);
    // Who knows better says so.
    expect(world.restore(['--not-gluster'], { target: at }).code).not.toBe(EXIT.guard);
  });

  it('of GlusterFS is refused with the order of work before any name is looked up, whatever --not-gluster says', async () => {
    await oneLostFile();
    const at = join(world.base, 'fuse');
    const served = await openFuse(world.base, { d: { content: null } }, access, at, 'glusterfs');
    opened.push(served);
    served.said();
    symlinkSync('fuse', join(world.base, 'link'));
    for (const target of [at, `${at}/d`, `${at}/gone`, 'fuse/gone', join(world.base, 'link'), world.base])
      for (const args of [[], ['--apply'], ['--not-gluster']]) {
        const ran = world.restore(args, { target, cwd: world.base });
        expect({ target, args, ran }).toMatchObject({ ran: { code: EXIT.guard } });
        expect(ran.output).toMatch(/stop everything.*scan the bricks.*rescue.*restore.*verify.*--bricks-rescued/s);
      }
    for (const target of [
      at,
      `${at}/d`,
      `${at}/gone`,
      join(world.base, 'link'),
      join(world.base, 'link/gone'),
      world.base,
    ])
      for (const notGluster of [false, true]) {
        const error = await refusal(world.verify({ target, notGluster }));
        expect([target, error.exit]).toEqual([target, EXIT.guard]);
        expect(error.next).toMatch(/stop everything.*scan the bricks.*rescue.*restore, and verify.*--bricks-rescued/);
      }
    expect(served.said()).toEqual([]);
    expect(world.restore(['--bricks-rescued'], { target: at }).code).not.toBe(EXIT.guard);
    served.lookups();
    expect((await world.verify({ target: at, bricksRescued: true })).counts.missing.files).toBe(1);
    expect(served.lookups()).not.toContain('d/lost');
  });
});

describe('a target on a brick of a GlusterFS volume', () => {
  const HANDLE = '.glusterfs/00/00/00000000-0000-0000-0000-000000000001';

  async function refusedOn(target: string): Promise<void> {
    for (const args of [[], ['--apply'], ['--bricks-rescued', '--not-gluster']]) {
      const ran = world.restore(args, { target });
      expect(ran).toMatchObject({
        code: EXIT.guard,
        output: expect.stringContaining('on a brick of a GlusterFS volume'),
      });
    }
    const error = await refusal(world.verify({ target, bricksRescued: true }));
    expect([error.exit, error.message]).toEqual([EXIT.guard, expect.stringContaining('a brick of a GlusterFS volume')]);
  }

  it('is refused by restore.sh and verify, at its root and below, and nothing is written', async () => {
    await oneLostFile();
    mkdirSync(join(world.base, 'brick/d'), { recursive: true });
    mkdirSync(join(world.base, 'brick/.glusterfs/00/00'), { recursive: true });
    symlinkSync('../../..', join(world.base, 'brick', HANDLE));
    await refusedOn(join(world.base, 'brick'));
    await refusedOn(join(world.base, 'brick/d'));
    expect(readdirSync(join(world.base, 'brick')).sort()).toEqual(['.glusterfs', 'd']);
    expect(readdirSync(join(world.base, 'brick/d'))).toEqual([]);
  });

  it.skipIf(!root || !have('setfattr') || !have('getfattr'))(
    'is refused where only the id of the volume tells (skipped where this is not root with getfattr)',
    async () => {
      await oneLostFile();
      mkdirSync(join(world.base, 'brick/d e'), { recursive: true });
      const id = ['-n', 'trusted.glusterfs.volume-id', '-v', '0x3f1a2b3c4d5e6f708192a3b4c5d6e7f8'];
      execFileSync('setfattr', [...id, join(world.base, 'brick')]);
      await refusedOn(join(world.base, 'brick'));
      await refusedOn(join(world.base, 'brick/d e'));
    },
  );
});

it.skipIf(!have('mount') || !mounts)('a read-only target is refused with --apply', async () => {
  await oneLostFile();
  const at = join(world.base, 'ro');
  mkdirSync(at);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'ro,size=64k', 'rollcall-test', at]);
  try {
    const ran = world.restore(['--apply'], { target: at });
    expect(ran.code).toBe(EXIT.failure);
    expect(ran.output).toContain('read-only');
    expect(world.restore([], { target: at }).code).toBe(0);
  } finally {
    execFileSync('umount', ['-l', at]);
  }
});

it('the names of a bundle reach neither terminal nor shell raw', async () => {
  const from = world.snapshot('s\x1b]0;pwned\x07\nsecond line');
  const name = 'x\x1b[31m\n$(touch x)';
  world.write(from, bytes(name, '/f'), 'content');
  world.wrong(bytes(name), { verdict: 'missing', from: 's\x1b]0;pwned\x07\nsecond line' });
  world.wrong(bytes(name, '/f'), { verdict: 'missing', from: 's\x1b]0;pwned\x07\nsecond line' });
  await world.writeBundle();
  symlinkSync('/nowhere', inLive(name));
  const ran = world.restore(['--apply']);
  expect(ran.code).toBe(1);
  expect(ran.output).toContain('blocked: 2');
  expect(ran.output.split('').filter((c) => c !== '\n' && (c < ' ' || (c >= '\x7f' && c <= '\x9f')))).toEqual([]);
  expect(readlinkSync(inLive(name))).toBe('/nowhere');
});
