// What one run of restore.sh knows of those before it: one that was killed, one without root, one from an export; and
// what it prints for people.
import { execFileSync, spawn, spawnSync, type SpawnSyncReturns } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../support/poll.ts';
import { World } from './world.ts';
import { have, programPath } from '../support/machine.ts';
import { bytes } from '../support/tree.ts';

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(() => {
  world.remove();
});

const inLive = (path: string): string => join(world.live, path);
const s1 = { verdict: 'missing', from: 's1' } as const;

describe('without flock', () => {
  /** A restore that stands still in its first rsync until the file `go` is there. */
  async function standing(): Promise<{ go: string; kill: () => Promise<void>; ended: Promise<number | null> }> {
    const from = world.snapshot('s1');
    for (const name of ['a', 'b']) {
      world.write(from, name, `content of ${name}`);
      world.wrong(name, s1);
    }
    await world.writeBundle();
    const go = join(world.base, 'go');
    const waiting = `#!/bin/sh\ncase "$*" in *--version*) ;; *) touch '${go}.waits'; while [ ! -e '${go}' ]; do sleep 0.02; done ;; esac\nexec ${programPath('rsync')} "$@"\n`;
    const child = spawn('sh', [join(world.bundle, 'restore.sh'), '--apply', world.live], {
      env: { ...process.env, PATH: world.path({ without: ['flock'], scripts: { rsync: waiting } }) },
      stdio: 'ignore',
      detached: true,
    });
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
    await until('it is at its rsync', () => existsSync(`${go}.waits`));
    const kill = async (): Promise<void> => {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      await ended;
    };
    return { go, kill, ended };
  }

  it('a run that goes on at the same time is noticed, and left alone', async () => {
    const { go, ended } = await standing();
    const second = world.restore(['--apply'], { env: { PATH: world.path({ without: ['flock'] }) } });
    expect(second).toMatchObject({ code: 2 });
    expect(second.output).toMatch(/another restore from this bundle into TARGET is running \(process \d+\)/);
    writeFileSync(go, '');
    expect(await ended).toBe(0);
    expect(readFileSync(inLive('b'), 'utf8')).toBe('content of b');
  });

  it('a run that was killed is noticed: its temporary files are named, and the next run completes', async () => {
    const { kill } = await standing();
    await kill();
    // What a killed rsync leaves.
    writeFileSync(inLive('.a.aBcDeF'), 'cont');
    const next = world.restore(['--apply'], { env: { PATH: world.path({ without: ['flock'] }) } });
    expect(next).toMatchObject({ code: 0 });
    expect(next.output).toContain('was killed');
    expect(next.output).toContain('.a.aBcDeF');
    const [journal = ''] = readdirSync(join(world.bundle, 'journal'));
    expect(readdirSync(join(world.bundle, 'journal', journal)).filter((name) => name.startsWith('work.'))).toEqual([]);
  });

  it('a run of another machine is not taken for a killed one', async () => {
    const from = world.snapshot('s1');
    world.write(from, 'a', 'content');
    world.wrong('a', s1);
    await world.writeBundle();
    const path = world.path({ without: ['flock'] });
    expect(world.restore(['--apply'], { env: { PATH: path } })).toMatchObject({ code: 0 });
    const [journal = ''] = readdirSync(join(world.bundle, 'journal'));
    const work = join(world.bundle, 'journal', journal, 'work.elsewhere0');
    mkdirSync(work);
    writeFileSync(join(work, 'running'), '4711 another-machine-pid:[1] 12345\n');
    const ran = world.restore(['--apply'], { env: { PATH: path } });
    expect(ran).toMatchObject({ code: 2 });
    expect(ran.output).toContain('may be running on another machine');
    expect(existsSync(work)).toBe(true);
  });
});

describe.skipIf(process.getuid?.() !== 0 || !have('setpriv'))('after a run without root', () => {
  const asUser = (...words: string[]): SpawnSyncReturns<string> =>
    spawnSync(
      'setpriv',
      ['--reuid=1234', '--regid=1234', '--clear-groups', 'sh', join(world.bundle, 'restore.sh'), ...words],
      { encoding: 'utf8', env: { ...process.env, TMPDIR: '/tmp' } },
    );

  it('a run as root gives files and directories to their owners, and no file that has changed since', async () => {
    const from = world.snapshot('s1');
    const files = ['d/plain', 'd/setuid', 'd/edited', 'd/same size', 'd/rewritten'];
    for (const name of files) world.write(from, name, `content of ${name}`, name === 'd/setuid' ? 0o755 : 0o640);
    execFileSync('ln', ['-s', 'plain', bytes(from, '/d/link').toString()]);
    execFileSync('chown', ['-hR', '4711:4712', from.toString()]);
    chmodSync(bytes(from, '/d/setuid'), 0o4755);
    execFileSync('chmod', ['-R', 'o+rX', from.toString()]);
    for (const path of ['d', ...files, 'd/link']) world.wrong(path, s1);
    await world.writeBundle();
    execFileSync('chown', ['-R', '1234:1234', world.bundle, world.live]);
    chmodSync(world.base, 0o755);
    const ran = asUser('--apply', world.live);
    expect({ code: ran.status, output: ran.stdout + ran.stderr }).toMatchObject({ code: 0 });
    expect(statSync(inLive('d/plain')).uid).toBe(1234);

    const times = statSync(inLive('d/same size'));
    writeFileSync(inLive('d/edited'), 'edited by somebody since');
    writeFileSync(inLive('d/same size'), 'CONTENT of d/same size');
    execFileSync('touch', ['-d', `@${times.mtimeMs / 1000}`, inLive('d/same size')]);
    execFileSync('touch', ['-r', bytes(from, '/d/same size').toString(), inLive('d/same size')]);
    execFileSync('chown', ['-R', '0:0', world.bundle]);
    const root = world.restore(['--apply']);
    expect(root).toMatchObject({ code: 0 });
    expect(root.output).toContain('4 files that an earlier run without root restored now belong to their owners');
    const owner = (path: string): string => `${lstatSync(inLive(path)).uid}:${lstatSync(inLive(path)).gid}`;
    for (const path of ['d', 'd/plain', 'd/setuid', 'd/rewritten', 'd/link'])
      expect([path, owner(path)]).toEqual([path, '4711:4712']);
    for (const path of ['d/edited', 'd/same size']) expect([path, owner(path)]).toEqual([path, '1234:1234']);
    expect(statSync(inLive('d/setuid')).mode & 0o7777).toBe(0o4755);
    const { items } = await world.verify();
    expect(
      items.filter(({ metadata, status }) => metadata.length > 0 || status !== 'restored').map(({ path }) => path),
    ).toEqual(['d/edited', 'd/same size']);
  });
});

describe('after a restore from an export', () => {
  it('a second --damaged run knows what the first one has put there, and what changed since', async () => {
    const from = world.snapshot('s1');
    for (const name of ['kept', 'edited']) {
      world.write(from, name, `the good content of ${name}`);
      world.write(world.live, name, `the bad  content of ${name}`);
      world.wrong(name, { verdict: 'corrupt', from: 's1', export: true });
    }
    await world.writeBundle();
    expect(world.restore(['--apply', '--damaged'])).toMatchObject({ code: 0 });
    expect(readFileSync(inLive('kept'), 'utf8')).toBe('the good content of kept');
    const again = world.restore(['--apply', '--damaged']);
    expect(again).toMatchObject({ code: 0 });
    expect(again.output).toContain('0 restored, 2 already there');
    writeFileSync(inLive('edited'), 'edited since');
    const third = world.restore(['--apply', '--damaged']);
    expect(third).toMatchObject({ code: 1 });
    expect(third.output).toContain('left alone: 1 file that changed');
    expect(readFileSync(inLive('edited'), 'utf8')).toBe('edited since');
  });
});

describe('what is printed', () => {
  it('sizes and counts are for people', async () => {
    const from = world.snapshot('s1');
    world.write(from, 'd/one', Buffer.alloc(1_234_567));
    world.wrong('d', s1);
    world.wrong('d/one', s1);
    await world.writeBundle();
    const dry = world.restore([]);
    expect(dry.output).toMatch(
      /the chosen lists hold 1 file \(1\.23 MB\); free in TARGET: [\d.]+ [kMGT]B and [\d,]+ inodes/,
    );
    expect(dry.output).toContain('1 file would be restored, 1 directory created.');
    expect(world.restore(['--apply']).output).toContain('1 file restored, 1 directory created.');
  });

  it('-v lists the names in the dry run, of whatever list, and nothing that is there', async () => {
    const from = world.snapshot('s1');
    for (const path of ['d/file', 'there', 'copy', 'linked', 'bad']) world.write(from, path, `content of ${path}`);
    for (const path of ['there', 'bad']) world.write(world.live, path, `Content of ${path}`);
    world.write(world.live, 'survivor', 'content of linked');
    for (const path of ['d', 'd/file', 'there']) world.wrong(path, s1);
    world.wrong('pair', { ...s1, sourcePath: 'copy' });
    world.wrong('linked', { ...s1, linkTo: 'survivor' });
    world.wrong('bad', { verdict: 'corrupt', from: 's1' });
    await world.writeBundle();
    const named = (output: string): string[] =>
      output
        .split('\n')
        .filter((line) => /^ {2}\//.test(line))
        .map((line) => line.trim())
        .sort();
    expect(named(world.restore(['-v', '--damaged']).output)).toEqual(['/bad', '/d/', '/d/file', '/linked', '/pair']);
    expect(named(world.restore(['--damaged']).output)).toEqual([]);
    expect(named(world.restore(['--verbose', '--damaged', '--apply']).output)).toEqual([
      '/bad',
      '/d/',
      '/d/file',
      '/linked',
      '/pair',
    ]);
  });

  it('a bundle of nothing says so, and is no error', async () => {
    await world.writeBundle();
    for (const args of [[], ['--apply'], ['--apply', '--damaged', '--older', '--person-deleted', '--uncertain']]) {
      const ran = world.restore(args);
      expect(ran).toMatchObject({ code: 0 });
      expect(ran.output).toContain('there is nothing to restore in this bundle');
    }
  });
});
