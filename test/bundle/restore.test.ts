// What restore.sh does and leaves alone, on real trees: nothing newer is touched, nothing is written twice, and every
// option means what it says.
import { execFileSync, spawn, spawnSync, type SpawnSyncReturns } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encodePath } from '../../domain/path.ts';
import { restoreSteps } from '../../services/report/commands.ts';
import { World } from './world.ts';
import { have } from '../support/machine.ts';
import { bytes, type Seen, survey, text } from '../support/tree.ts';

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(() => {
  world.remove();
});

/** An rsync that is killed can leave the temporary file that it was writing. */
function withoutTemporaries(seen: ReadonlyMap<string, Seen>): Map<string, Seen> {
  return new Map([...seen].filter(([path]) => !/(^|\/)\.f\d+\.\w{6}$/.test(path)));
}

/** Waits until every process of a group that was signalled has ended; zombies count as ended. */
async function gone(group: number | undefined): Promise<void> {
  const alive = (): boolean =>
    readdirSync('/proc').some((pid) => {
      if (!/^\d+$/.test(pid)) return false;
      try {
        const [state, , pgrp] = readFileSync(`/proc/${pid}/stat`, 'latin1')
          .replace(/^.*\) /s, '')
          .split(' ');
        return Number(pgrp) === group && state !== 'Z';
      } catch {
        return false;
      }
    });
  for (const deadline = Date.now() + 10_000; alive() && Date.now() < deadline; ) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const inLive = (path: string): string => join(world.live, path);
const read = (path: string): string => readFileSync(inLive(path), 'utf8');
const s1 = { verdict: 'missing', from: 's1' } as const;

describe('missing files', () => {
  it('come back into existing directories, whose owner and mode stay as they are', async () => {
    const from = world.snapshot('s1');
    world.write(from, 'd/lost', 'old content', 0o604);
    chmodSync(bytes(from, '/d'), 0o711);
    utimesSync(bytes(from, '/d'), 1_000_000_000, 1_000_000_000);
    mkdirSync(inLive('d'));
    chmodSync(inLive('d'), 0o777);
    mkdirSync(inLive('untouched'));
    utimesSync(inLive('untouched'), 1_600_000_000, 1_600_000_000);
    world.wrong('d/lost', s1);
    await world.writeBundle();
    const before = lstatSync(inLive('untouched'), { bigint: true });
    expect(world.restore(['--apply']).code).toBe(0);
    expect(read('d/lost')).toBe('old content');
    expect(statSync(inLive('d/lost')).mode & 0o7777).toBe(0o604);
    expect(statSync(inLive('d')).mode & 0o7777).toBe(0o777);
    expect(statSync(inLive('d')).mtimeMs).toBeGreaterThan(1_000_000_000_000);
    expect(lstatSync(inLive('untouched'), { bigint: true })).toEqual(before);
  });

  it('are left as they are where somebody has made the name again', async () => {
    const from = world.snapshot('s1');
    for (const name of ['newer', 'empty', 'link', 'directory']) {
      world.write(from, name, 'old');
      world.wrong(name, s1);
    }
    await world.writeBundle();
    writeFileSync(inLive('newer'), 'newer');
    writeFileSync(inLive('empty'), '');
    symlinkSync('newer', inLive('link'));
    mkdirSync(inLive('directory'));
    const before = text(survey(world.live));
    const ran = world.restore(['--apply']);
    expect(ran.output).toContain('4 already there');
    expect(text(survey(world.live))).toEqual(before);
    const verified = await world.verify();
    expect(verified.counts.differs.files).toBe(4);
    expect(verified.exit).toBe(1);
  });

  it('come back in directories that are missing too, shallow first, from whichever snapshots, with the metadata of each directory set last', async () => {
    const deep = world.snapshot('s1');
    const shallow = world.snapshot('s2');
    world.write(deep, 'a/b/c/file', 'deep');
    world.write(shallow, 'a/file', 'shallow');
    mkdirSync(bytes(shallow, '/a/empty'), { recursive: true });
    for (const [root, path, mode] of [
      [deep, 'a/b/c', 0o500],
      [deep, 'a/b', 0o2770],
      [shallow, 'a/empty', 0o1777],
      [shallow, 'a', 0o751],
    ] as const) {
      chmodSync(bytes(root, '/', path), mode);
      utimesSync(bytes(root, '/', path), 1_200_000_000 + mode, 1_200_000_000.125 + mode);
    }
    world.wrong('a', { verdict: 'missing', from: 's2' });
    world.wrong('a/empty', { verdict: 'missing', from: 's2' });
    world.wrong('a/file', { verdict: 'missing', from: 's2' });
    world.wrong('a/b', s1);
    world.wrong('a/b/c', s1);
    world.wrong('a/b/c/file', s1);
    await world.writeBundle();
    expect(readFileSync(join(world.bundle, 'lists/02.dirs0'), 'utf8')).toBe('/a/b\0/a/b/c\0');
    const ran = world.restore(['--apply']);
    expect({ code: ran.code, output: ran.output }).toMatchObject({ code: 0 });
    const back = survey(world.live);
    const wanted = new Map([...survey(deep)].filter(([path]) => path !== 'a'));
    for (const [path, seen] of survey(shallow)) wanted.set(path, seen);
    expect(text(back)).toEqual(text(wanted));
    expect((await world.verify()).metadataDiffers).toBe(0);
  });

  it('come back in directories whose own mode wins over what the file system hands down', async () => {
    const from = world.snapshot('s1');
    world.write(from, 'shared/d/f', 'x');
    chmodSync(bytes(from, '/shared/d'), 0o755);
    mkdirSync(inLive('shared'));
    chmodSync(inLive('shared'), 0o2775);
    world.wrong('shared/d', s1);
    world.wrong('shared/d/f', s1);
    await world.writeBundle();
    expect(world.restore(['--apply']).code).toBe(0);
    expect(statSync(inLive('shared/d')).mode & 0o7777).toBe(0o755);
  });

  it('come back into an empty target with the directories on the way as the snapshot has them', async () => {
    const from = world.snapshot('s1');
    world.write(from, 'x/y/file', 'content');
    chmodSync(bytes(from, '/x/y'), 0o710);
    utimesSync(bytes(from, '/x/y'), 1_300_000_000, 1_300_000_000);
    world.write(world.live, 'x/y/other', 'still there');
    world.wrong('x/y/file', s1);
    await world.writeBundle();
    const target = join(world.base, 'copy');
    mkdirSync(target);
    const ran = world.restore(['--apply'], { target });
    expect(ran.code).toBe(0);
    expect(ran.output).toContain('TARGET is empty');
    expect(text(survey(target))).toEqual(text(survey(from)));
    const verified = await world.verify({ target });
    expect(verified).toMatchObject({ exit: 0, isLive: false });
    expect((await world.verify()).counts.missing.files).toBe(1);
  });

  it('keep their holes', async () => {
    const from = world.snapshot('s1');
    const raw = world.write(from, 'sparse', 'begin');
    truncateSync(raw, 64 * 1024 * 1024);
    world.wrong('sparse', s1);
    await world.writeBundle();
    expect(world.restore(['--apply']).code).toBe(0);
    const stat = statSync(inLive('sparse'));
    expect(stat.size).toBe(64 * 1024 * 1024);
    expect(stat.blocks * 512).toBeLessThan(1024 * 1024);
  });

  it('that hold content known from another name come back under their own', async () => {
    const from = world.snapshot('s1');
    world.write(from, 'elsewhere/original', 'content');
    mkdirSync(inLive('d'));
    world.wrong('d/lost', { ...s1, sourcePath: 'elsewhere/original' });
    await world.writeBundle();
    expect(world.restore([]).output).toContain('1 would be restored');
    expect(world.restore(['--apply']).code).toBe(0);
    expect(read('d/lost')).toBe('content');
    expect((await world.verify()).exit).toBe(0);
  });
});

describe('hard links', () => {
  it('are linked to the surviving name after comparing it, and copied where it holds something else', async () => {
    const from = world.snapshot('s1');
    world.write(from, 'survivor', 'same');
    linkSync(bytes(from, '/survivor'), bytes(from, '/lost'));
    linkSync(bytes(from, '/survivor'), bytes(from, '/lost too'));
    world.write(world.live, 'survivor', 'same');
    world.write(world.live, 'changed', 'same');
    world.wrong('lost', { ...s1, linkTo: 'survivor' });
    world.wrong('lost too', { ...s1, linkTo: 'changed' });
    const summary = await world.writeBundle();
    expect(summary.links).toBe(2);
    writeFileSync(inLive('changed'), 'else');
    expect(world.restore(['--apply']).code).toBe(0);
    expect(statSync(inLive('lost')).ino).toBe(statSync(inLive('survivor')).ino);
    expect(statSync(inLive('lost too')).ino).not.toBe(statSync(inLive('changed')).ino);
    expect(read('lost too')).toBe('same');
    expect(read('changed')).toBe('else');
    const items = (await world.verify()).items;
    expect(items.map(({ destination, status, metadata }) => [destination, status, metadata.includes('link')])).toEqual([
      ['lost', 'restored', false],
      ['lost too', 'restored', true],
    ]);
  });

  it('of which no name is left are linked to one another again, also when a run came to its end in between', async () => {
    const from = world.snapshot('s1');
    world.write(from, 'one', 'same');
    linkSync(bytes(from, '/one'), bytes(from, '/three'));
    linkSync(bytes(from, '/one'), bytes(from, '/two'));
    for (const name of ['one', 'two', 'three']) world.wrong(name, s1);
    await world.writeBundle();
    expect(world.restore(['--apply']).code).toBe(0);
    rmSync(inLive('two'));
    expect(world.restore(['--apply']).code).toBe(0);
    expect(statSync(inLive('one')).nlink).toBe(3);
    expect((await world.verify()).metadataDiffers).toBe(0);
  });
});

describe('damaged files', () => {
  it('are replaced only with --damaged, only while they still are the damaged content, and what was there is kept', async () => {
    const from = world.snapshot('s1');
    for (const name of ['d/corrupt', 'd/repaired', 'd/gone']) {
      world.write(from, name, 'good');
      world.write(world.live, name, 'dbad');
      // Same size and time on both sides: nothing but the content tells them apart.
      utimesSync(bytes(from, '/', name), 1_500_000_000, 1_500_000_000);
      utimesSync(inLive(name), 1_500_000_000, 1_500_000_000);
      world.wrong(name, { verdict: 'corrupt', from: 's1' });
    }
    const summary = await world.writeBundle();
    expect(summary.damaged.files).toBe(3);
    expect(summary.restored.files).toBe(0);
    writeFileSync(inLive('d/repaired'), 'newer work of somebody');
    rmSync(inLive('d/gone'));

    expect(world.restore(['--apply']).output).toContain('not restored: 3 damaged files (add --damaged)');
    expect(read('d/corrupt')).toBe('dbad');
    expect((await world.verify()).counts.waiting.files).toBe(1);

    const dry = world.restore(['--damaged']);
    expect(dry.output).toContain('2 would be restored');
    expect(read('d/corrupt')).toBe('dbad');

    const ran = world.restore(['--apply', '--damaged']);
    expect(ran.code).toBe(1);
    expect(ran.output).toContain('left alone: 1 file ');
    expect(read('d/corrupt')).toBe('good');
    expect(read('d/gone')).toBe('good');
    expect(read('d/repaired')).toBe('newer work of somebody');
    const evidence = readdirSync(join(world.bundle, 'evidence'), { recursive: true }).map(String);
    expect(evidence.filter((path) => path.endsWith('corrupt')).length).toBe(1);
    const kept = evidence.find((path) => path.endsWith('corrupt')) ?? '';
    expect(readFileSync(join(world.bundle, 'evidence', kept), 'utf8')).toBe('dbad');

    const again = world.restore(['--apply', '--damaged']);
    expect(again.output).toContain('2 already there');
    const verified = await world.verify();
    expect(verified.counts).toMatchObject({ restored: { files: 2 }, differs: { files: 1 } });
  });

  it('that are symlinks are replaced by the same rule', async () => {
    const from = world.snapshot('s1');
    symlinkSync('good', bytes(from, '/link'));
    symlinkSync('bad\n', inLive('link'));
    // Within the same second rsync calls the times of two links equal, unless told to look closer.
    lutimesSync(bytes(from, '/link'), 1_500_000_000, 1_500_000_000.25);
    lutimesSync(inLive('link'), 1_500_000_000, 1_500_000_000.75);
    world.wrong('link', { verdict: 'reverted', from: 's1' });
    await world.writeBundle();
    const ran = world.restore(['--apply', '--damaged']);
    expect({ code: ran.code, output: ran.output }).toMatchObject({ code: 0 });
    expect(text(survey(world.live))).toEqual(text(survey(from)));
  });

  it('of which nobody knows the right side, and what was accepted, stand in no list', async () => {
    for (const name of ['a', 'b']) {
      world.write(world.snapshot('s1'), name, 'one');
      world.write(world.live, name, 'two');
    }
    world.wrong('a', { verdict: 'corrupt', from: 's1', flags: ['side unknown'] });
    const b = world.wrong('b', { verdict: 'corrupt', from: 's1' });
    world.findings[1] = { ...b, accepted: { reason: 'meant so', atMs: 0 } };
    const summary = await world.writeBundle();
    expect(summary.lists).toEqual([]);
    expect(summary.leftOut).toEqual({ 'side unknown': 1 });
  });
});

describe('options', () => {
  it('bring back older versions and what a person probably deleted only when they are asked for, and say how many are left out', async () => {
    const from = world.snapshot('s1');
    for (const name of ['plain', 'older', 'p/person', 'p/person older']) world.write(from, name, name);
    world.wrong('plain', s1);
    world.wrong('older', { ...s1, recovery: 'older' });
    world.wrong('p', { ...s1, cause: 'person' });
    world.wrong('p/person', { ...s1, cause: 'person' });
    world.wrong('p/person older', { ...s1, cause: 'person', recovery: 'older' });
    const summary = await world.writeBundle();
    expect(summary).toMatchObject({ restored: { files: 1 }, older: { files: 1 }, personDeleted: { files: 2 } });

    const plain = world.restore(['--apply']);
    expect(plain.code).toBe(0);
    expect(plain.output).toContain('not restored: 2 files a person probably deleted (add --person-deleted)');
    expect(plain.output).toContain('not restored: 1 file of which only an older version');
    expect([...survey(world.live).keys()]).toEqual(['plain']);
    const verified = await world.verify();
    expect(verified.counts.waiting.files).toBe(4);
    expect(verified.leftToPersons).toBe(3);

    expect(world.restore(['--apply', '--older']).code).toBe(0);
    expect([...survey(world.live).keys()].sort()).toEqual(['older', 'plain']);
    expect((await world.verify()).exit).toBe(0);

    expect(world.restore(['--apply', '--person-deleted']).code).toBe(0);
    expect(existsSync(inLive('p/person'))).toBe(true);
    expect(existsSync(inLive('p/person older'))).toBe(false);
    expect(world.restore(['--apply', '--person-deleted', '--older']).code).toBe(0);
    expect(text(survey(world.live))).toEqual(text(survey(from)));
  });

  it('that are unknown, or a target that is none, are refused', async () => {
    await world.writeBundle();
    expect(world.restore(['--force']).code).toBe(2);
    expect(world.restore([], { target: join(world.base, 'nowhere') }).code).toBe(2);
    expect(world.restore(['a']).code).toBe(2);
    expect(world.restore(['--source', '-e']).code).toBe(2);
  });
});

describe('what cannot go to its own place', () => {
  it('is put beside it: the old content of a path that was replaced or made again, and what lay below a directory that was replaced', async () => {
    const from = world.snapshot('s1');
    world.write(from, 'dir/sub/file', 'below');
    world.write(from, 'again', 'old');
    world.write(from, `${'n'.repeat(250)}.txt`, 'long');
    world.write(world.live, 'again', 'new');
    world.write(world.live, `${'n'.repeat(250)}.txt`, 'new');
    symlinkSync('/etc', inLive('dir'));
    world.wrong('dir', { verdict: 'replaced', from: 's1' });
    world.wrong('dir/sub', s1);
    world.wrong('dir/sub/file', s1);
    world.wrong('again', { verdict: 'recreated', from: 's1' });
    world.wrong(`${'n'.repeat(250)}.txt`, { verdict: 'recreated', from: 's1' });
    await world.writeBundle();
    const before = text(survey(world.live));
    expect(world.restore(['--apply']).code).toBe(0);
    const stamp = '.rollcall-20261110T030000Z';
    expect(read(`again${stamp}`)).toBe('old');
    expect(read(`dir${stamp}/sub/file`)).toBe('below');
    expect(read(`${'n'.repeat(255 - stamp.length)}${stamp}`)).toBe('long');
    const after = text(survey(world.live));
    for (const line of before) expect(after).toContain(line);
    const verified = await world.verify();
    expect(verified.exit).toBe(0);
    expect(verified.counts.beside.files).toBe(3);
  });
});

describe('a second run', () => {
  it('changes nothing, and leaves what people have changed since', async () => {
    const from = world.snapshot('s1');
    for (let i = 0; i < 20; i++) world.write(from, `d${i % 4}/f${i}`, `content ${i}`);
    for (let i = 0; i < 4; i++) world.wrong(`d${i}`, s1);
    for (let i = 0; i < 20; i++) world.wrong(`d${i % 4}/f${i}`, s1);
    await world.writeBundle();
    expect(world.restore(['--apply']).code).toBe(0);
    const ctimes = (): string[] =>
      [...survey(world.live).keys()].map((path) => `${path} ${lstatSync(inLive(path), { bigint: true }).ctimeNs}`);
    chmodSync(inLive('d1'), 0o700);
    writeFileSync(inLive('d2/new'), 'of a user');
    const [before, times] = [text(survey(world.live)), ctimes()];
    const ran = world.restore(['--apply']);
    expect(ran.code).toBe(0);
    expect(ran.output).toContain('0 restored, 20 already there');
    expect(text(survey(world.live))).toEqual(before);
    expect(ctimes()).toEqual(times);
  });

  it('completes what a killed run has left, directories too', async () => {
    const from = world.snapshot('s1');
    const names: string[] = [];
    for (let i = 0; i < 400; i++) names.push(`d${i % 40}/f${i}`);
    for (const name of names) world.write(from, name, name.repeat(200));
    for (let i = 0; i < 40; i++) {
      chmodSync(bytes(from, `/d${i}`), 0o2775);
      utimesSync(bytes(from, `/d${i}`), 1_400_000_000 + i, 1_400_000_000 + i);
      world.wrong(`d${i}`, s1);
    }
    for (const name of names) world.wrong(name, s1);
    await world.writeBundle();
    const entries = (): number => readdirSync(world.live, { recursive: true }).length;
    for (const seen of [1, 15, 39, 41, 120]) {
      const child = spawn('sh', [join(world.bundle, 'restore.sh'), '--apply', world.live], {
        detached: true,
        stdio: 'ignore',
      });
      const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
      const deadline = Date.now() + 10_000;
      while (child.exitCode === null && Date.now() < deadline && entries() < seen) {
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
      if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGKILL');
      await ended;
      await gone(child.pid);
    }
    const ran = world.restore(['--apply']);
    expect({ code: ran.code, output: ran.output }).toMatchObject({ code: 0 });
    const back = withoutTemporaries(survey(world.live));
    expect(text(back)).toEqual(text(survey(from)));
  });
});

describe('Ctrl-C', () => {
  it('ends with 130 and leaves no half file under a name of the list', async () => {
    const from = world.snapshot('s1');
    for (let i = 0; i < 300; i++) {
      world.write(from, `f${i}`, 'x'.repeat(20_000));
      world.wrong(`f${i}`, s1);
    }
    await world.writeBundle();
    const child = spawn('sh', [join(world.bundle, 'restore.sh'), '--apply', world.live], {
      detached: true,
      stdio: 'ignore',
    });
    const ended = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
    const deadline = Date.now() + 10_000;
    while (child.exitCode === null && Date.now() < deadline && readdirSync(world.live).length === 0) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGINT');
    expect([130, 0]).toContain(await ended);
    await gone(child.pid);
    for (const name of readdirSync(world.live)) {
      if (!name.startsWith('.')) expect(statSync(inLive(name)).size).toBe(20_000);
    }
    expect(world.restore(['--apply']).code).toBe(0);
    expect(text(withoutTemporaries(survey(world.live)))).toEqual(text(survey(from)));
  });
});

describe.skipIf(process.getuid?.() !== 0 || !have('setpriv'))('a user who is not root', () => {
  const asUser = (bundle: string, ...words: string[]): SpawnSyncReturns<string> =>
    spawnSync(
      'setpriv',
      ['--reuid=1234', '--regid=1234', '--clear-groups', 'sh', join(bundle, 'restore.sh'), ...words],
      { encoding: 'utf8', env: { ...process.env, TMPDIR: '/tmp' } },
    );

  it('restores what is theirs, read-only directories too, and is told that owners cannot be set', async () => {
    const from = world.snapshot('s1');
    world.write(from, 'a/b/f', 'x');
    world.write(from, 'a/g', 'y');
    chmodSync(bytes(from, '/a/b'), 0o555);
    chmodSync(bytes(from, '/a'), 0o500);
    for (const path of ['a', 'a/b', 'a/b/f', 'a/g']) world.wrong(path, s1);
    await world.writeBundle();
    execFileSync('chown', ['-R', '1234:1234', world.base]);
    const run = (): SpawnSyncReturns<string> => asUser(world.bundle, '--apply', world.live);
    const ran = run();
    expect({ code: ran.status, output: ran.stdout + ran.stderr }).toMatchObject({ code: 0 });
    expect(ran.stdout).toContain('NOTE: not running as root');
    expect(text(survey(world.live))).toEqual(text(survey(from)));
    expect(run().status).toBe(0);
    // Root would run what another user could change.
    const root = world.restore(['--apply']);
    expect(root.code).toBe(4);
  });

  it('is told what only root can put back, and gets no file that runs as somebody else meant it to', async () => {
    const from = world.snapshot('s1');
    world.write(from, 'bin/tool', '#!/bin/sh\n', 0o755);
    execFileSync('chown', ['4711:4711', bytes(from, '/bin/tool').toString()]);
    chmodSync(bytes(from, '/bin/tool'), 0o6755);
    world.write(from, 'dev/f', 'x', 0o644);
    execFileSync('mknod', [bytes(from, '/dev/null').toString(), 'c', '1', '3']);
    chmodSync(from, 0o755);
    for (const path of ['bin', 'bin/tool', 'dev', 'dev/f', 'dev/null']) world.wrong(path, s1);
    for (const path of ['bin', 'dev']) chmodSync(bytes(from, '/', path), 0o755);
    await world.writeBundle();
    execFileSync('chown', ['-R', '1234:1234', world.bundle]);
    chmodSync(world.base, 0o755);

    const dry = asUser(world.bundle, world.live);
    expect({ code: dry.status, output: dry.stdout }).toMatchObject({ code: 2 });
    expect(dry.stdout).toContain('no permission: 5 entries');
    expect(dry.stdout).toContain('0 files would be restored, 0 directories created');

    execFileSync('chown', ['1234:1234', world.live]);
    expect(asUser(world.bundle, world.live).status).toBe(0);
    const ran = asUser(world.bundle, '--apply', world.live);
    expect({ code: ran.status, output: ran.stdout }).toMatchObject({ code: 2 });
    expect(ran.stdout).toContain('3 files, 2 restored');
    expect(ran.stdout).toContain('not restored: 1 entry ');
    expect(ran.stdout).toContain('\n  /dev/null\n');
    expect(readdirSync(inLive('dev'))).toEqual(['f']);
    expect(statSync(inLive('bin/tool')).mode & 0o7777).toBe(0o755);
    execFileSync('chown', ['-R', '0:0', world.bundle]);
    expect(await world.verify()).toMatchObject({ exit: 1, metadataDiffers: 4, counts: { missing: { files: 1 } } });
  });
});

describe('what is printed to be done', () => {
  it('two files that are only copied from the same hard-linked one come back as two', async () => {
    const from = world.snapshot('s1');
    linkSync(world.write(from, 'c', 'same'), bytes(from, '/c2'));
    for (const path of ['a', 'b']) world.wrong(path, { ...s1, sourcePath: 'c' });
    await world.writeBundle();
    expect(world.restore(['--apply']).code).toBe(0);
    expect(statSync(inLive('a')).ino).not.toBe(statSync(inLive('b')).ino);
    expect(statSync(inLive('a')).nlink).toBe(1);
  });

  it('a dry run of hard links that go beside says what --apply does', async () => {
    const from = world.snapshot('s1');
    linkSync(world.write(from, 'f1', 'same'), bytes(from, '/f2'));
    for (const path of ['f1', 'f2']) {
      mkdirSync(inLive(path));
      world.wrong(path, { verdict: 'replaced', from: 's1' });
    }
    await world.writeBundle();
    const dry = world.restore([]);
    expect({ code: dry.code, output: dry.output }).toMatchObject({ code: 0 });
    expect(dry.output).toContain('2 files would be restored');
    expect(dry.output).not.toContain('assess');
    const ran = world.restore(['--apply']);
    expect({ code: ran.code, output: ran.output }).toMatchObject({ code: 0 });
    expect(ran.output).toContain('2 files restored (1 by linking)');
  });

  it('a damaged file of which only an older version is left is offered with both options, and each that lacks is told', async () => {
    const from = world.snapshot('s1');
    world.write(from, 'f', 'older');
    world.write(world.live, 'f', 'damaged');
    world.wrong('f', { verdict: 'corrupt', from: 's1', recovery: 'older' });
    const { report } = await world.writeBundle();
    expect(restoreSteps(report)[0]?.command).toContain('--damaged --older');
    expect(world.restore(['--older']).output).toContain('not restored: 1 damaged file (add --damaged)');
    expect(world.restore(['--damaged']).output).toContain('of which only an older version is left (add --older)');
    expect(world.restore(['--damaged', '--older', '--apply']).code).toBe(0);
    expect(readFileSync(inLive('f'), 'utf8')).toBe('older');
  });

  it('where a person deleted all of it, directories too, no plain restore is offered', async () => {
    const from = world.snapshot('s1');
    world.write(from, 'd/f', 'x');
    for (const path of ['d', 'd/f']) world.wrong(path, { ...s1, cause: 'person' });
    expect(restoreSteps((await world.writeBundle()).report)).toEqual([]);
  });

  it('evidence that cannot be kept where it should be is refused', async () => {
    world.write(world.snapshot('s1'), 'f', 'good');
    world.wrong('f', s1);
    await world.writeBundle();
    writeFileSync(join(world.base, 'file'), '');
    const ran = spawnSync(
      'sh',
      [join(world.bundle, 'restore.sh'), '--apply', '--evidence', join(world.base, 'file/x'), world.live],
      { encoding: 'utf8', timeout: 60_000 },
    );
    expect({ code: ran.status, says: ran.stderr }).toMatchObject({
      code: 2,
      says: expect.stringContaining('cannot make the evidence directory'),
    });
  });
});

describe('the manifest', () => {
  it('says of every entry where it comes from, what it will be and what is in the way', async () => {
    const from = world.snapshot('s1');
    world.write(from, 'c', 'good');
    world.write(world.live, 'c', 'baad');
    world.wrong('c', { verdict: 'corrupt', from: 's1' });
    await world.writeBundle();
    const [line] = readFileSync(join(world.bundle, 'manifest.jsonl'), 'utf8').trim().split('\n');
    expect(JSON.parse(line ?? '')).toMatchObject({
      path: 'c',
      destination: 'c',
      kind: 'file',
      size: 4,
      digest: expect.stringMatching(/^[0-9a-f]{16}$/),
      mode: '0640',
      list: 'damaged',
      file: 'lists/01-damaged.files0',
      source: { nn: '01', root: encodePath(from), snapshot: 's1' },
      inTheWay: { size: 4, digest: world.state(world.live, 'c').digest },
    });
  });
});
