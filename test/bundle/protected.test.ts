// Directories and files that chattr +a or +i protects: rsync could neither give a file its name there nor remove its
// temporary one. They are found before, nothing is left over, and the run names what was not restored.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { World } from './world.ts';

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(() => {
  spawnSync('chattr', ['-R', '-i', '-a', world.live]);
  world.remove();
});

const inLive = (path: string): string => join(world.live, path);

function mayProtect(): boolean {
  const probe = new World();
  const { status } = spawnSync('chattr', ['+a', probe.live]);
  spawnSync('chattr', ['-a', probe.live]);
  probe.remove();
  return status === 0;
}

describe.skipIf(!mayProtect())('what chattr protects', () => {
  it.each(['+a', '+i'])(
    'a directory with %s keeps its absent files, without a left-over, and all others come back',
    async (flag) => {
      const from = world.snapshot('s1');
      for (const path of ['logs/lost', 'logs/new/deep', 'plain/lost']) world.write(from, path, `content of ${path}`);
      mkdirSync(inLive('logs'));
      mkdirSync(inLive('plain'));
      for (const path of ['logs/lost', 'logs/new', 'logs/new/deep', 'plain/lost'])
        world.wrong(path, { verdict: 'missing', from: 's1' });
      await world.writeBundle();
      execFileSync('chattr', [flag, inLive('logs')]);

      for (const args of [[], ['--apply']]) {
        const ran = world.restore(args);
        expect(ran).toMatchObject({ code: 2 });
        expect(ran.output).toMatch(/protected by chattr: \d entr(y|ies), not restored/);
        expect(ran.output).toContain('\n  /logs/lost\n');
      }
      // Below a directory that only lets names come, a new directory is like any other.
      expect(readdirSync(inLive('logs'))).toEqual(flag === '+a' ? ['new'] : []);
      expect(existsSync(inLive('logs/new/deep'))).toBe(flag === '+a');
      expect(readFileSync(inLive('plain/lost'), 'utf8')).toBe('content of plain/lost');

      execFileSync('chattr', ['-a', '-i', inLive('logs')]);
      expect(world.restore(['--apply'])).toMatchObject({ code: 0 });
      expect(readdirSync(inLive('logs')).sort()).toEqual(['lost', 'new']);
      expect((await world.verify()).exit).toBe(0);
    },
  );

  it.each(['+a', '+i'])(
    'a damaged file with %s, or in such a directory, is not replaced, and its directory stays clean',
    async (flag) => {
      const from = world.snapshot('s1');
      for (const path of ['d/file', 'e/file', 'f/file']) {
        world.write(from, path, 'the good bytes');
        world.write(world.live, path, 'the bad bytes!');
        world.wrong(path, { verdict: 'corrupt', from: 's1' });
      }
      await world.writeBundle();
      execFileSync('chattr', [flag, inLive('d/file'), inLive('e')]);
      const ran = world.restore(['--apply', '--damaged']);
      expect(ran).toMatchObject({ code: 2 });
      expect(ran.output).toContain('protected by chattr: 2 entries');
      expect([readdirSync(inLive('d')), readdirSync(inLive('e'))]).toEqual([['file'], ['file']]);
      expect(['d', 'e', 'f'].map((name) => readFileSync(inLive(`${name}/file`), 'utf8'))).toEqual([
        'the bad bytes!',
        'the bad bytes!',
        'the good bytes',
      ]);
    },
  );

  it('a copy that comes from another name is not put into such a directory either, nor is a hard link', async () => {
    const from = world.snapshot('s1');
    world.write(from, 'copy', 'content');
    world.write(from, 'd/one', 'linked');
    world.write(world.live, 'kept', 'linked');
    mkdirSync(inLive('d'));
    world.wrong('d/pair', { verdict: 'missing', from: 's1', sourcePath: 'copy' });
    world.wrong('d/one', { verdict: 'missing', from: 's1', linkTo: 'kept' });
    await world.writeBundle();
    execFileSync('chattr', ['+a', inLive('d')]);
    const ran = world.restore(['--apply']);
    expect(ran).toMatchObject({ code: 2 });
    expect(ran.output).toContain('protected by chattr: 2 entries');
    expect(readdirSync(inLive('d'))).toEqual([]);
  });

  it('nothing is asked of single directories where none is protected, and a machine without lsattr restores as before', async () => {
    const from = world.snapshot('s1');
    world.write(from, 'lost', 'content');
    world.wrong('lost', { verdict: 'missing', from: 's1' });
    await world.writeBundle();
    expect(world.restore(['--apply'], { env: { PATH: world.path({ without: ['lsattr'] }) } })).toMatchObject({
      code: 0,
    });
    expect(readFileSync(inLive('lost'), 'utf8')).toBe('content');
  });
});
