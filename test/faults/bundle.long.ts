// The bundle as a weapon: what people with files on the volume, people who can reach the bundle, and a machine in a bad
// state can make of a restore that root runs. The names are in test/bundle/hostile-names.test.ts, the older guards in
// test/bundle/guards.long.ts.
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EXIT } from '../../domain/exit.ts';
import { World } from '../bundle/world.ts';
import { programPath } from '../support/machine.ts';
import { bytes, survey, text } from '../support/tree.ts';

const root = process.getuid?.() === 0;
const namespaces = root && spawnSync('unshare', ['-m', 'true']).status === 0;

let world: World;
const mounted: string[] = [];
beforeEach(() => {
  world = new World();
});
afterEach(() => {
  for (const at of mounted.splice(0)) spawnSync('umount', ['-l', at]);
  world.remove();
});

const missing = { verdict: 'missing', from: 's1' } as const;
const inLive = (path: string): string => join(world.live, path);

/** A lost directory with a file in it, below a directory that a person owns. */
async function lostBelowMallory(): Promise<void> {
  const from = world.snapshot('s1');
  for (const path of ['home/m/x/d/f', 'home/m/x/g']) world.write(from, path, path);
  chmodSync(bytes(from, '/home/m/x/d'), 0o777);
  for (const path of ['home/m/x/d', 'home/m/x/d/f', 'home/m/x/g']) world.wrong(path, missing);
  mkdirSync(inLive('home/m/x'), { recursive: true });
  await world.writeBundle();
}

function tmpfs(name: string, options: string): string {
  const at = join(world.base, name);
  mkdirSync(at);
  execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'rollcall-test', at]);
  mounted.push(at);
  return at;
}

describe.skipIf(!namespaces)('a person who swaps a directory for a link at the worst moment', () => {
  // The tools that restore.sh uses in the target, with the swap right before each: no faster attacker exists.
  it.each(['mkdir', 'rsync', 'chmod', 'stat'])('before %s leads root nowhere', async (tool) => {
    await lostBelowMallory();
    const victim = join(world.base, 'victim');
    mkdirSync(join(victim, 'd'), { recursive: true, mode: 0o755 });
    const before = text(survey(victim));
    const ctime = statSync(join(victim, 'd')).ctimeMs;
    const x = inLive('home/m/x');
    // Not for the question after its version, which comes before the target is entered.
    const swap = `#!/bin/sh\ncase "$*" in *--version*) ;; *) if [ -d '${x}' ] && [ ! -L '${x}' ]; then mv '${x}' '${x}.real' && ln -s '${victim}' '${x}'; fi ;; esac\nexec ${programPath(tool)} "$@"\n`;
    const ran = world.restore(['--apply'], { env: { PATH: world.path({ scripts: { [tool]: swap } }) } });
    expect(ran.output).not.toContain('NOTE: symlinks');
    expect(text(survey(victim))).toEqual(before);
    expect(statSync(join(victim, 'd')).ctimeMs).toBe(ctime);
    if (!existsSync(`${x}.real`)) return;
    expect([1, 2]).toContain(ran.code);
    rmSync(x);
    renameSync(`${x}.real`, x);
    expect(world.restore(['--apply']).code).toBe(0);
    expect((await world.verify()).exit).toBe(0);
  });

  it('is warned of where symlinks cannot be switched off', async () => {
    await lostBelowMallory();
    const ran = world.restore(['--apply'], { env: { PATH: world.path({ without: ['unshare'] }) } });
    expect(ran.code).toBe(0);
    expect(ran.output).toContain('NOTE: symlinks below TARGET could not be switched off');
  });
});

describe('a target that holds programs and libraries', () => {
  it('runs none of them, also where the search paths name the current directory', async () => {
    await lostBelowMallory();
    const trap = `#!/bin/sh\ntouch '${join(world.base, 'sprung')}'\n`;
    for (const name of ['awk', 'rsync', 'stat', 'xargs', 'sha256sum', 'sh', 'mkdir', 'touch'])
      writeFileSync(inLive(name), trap, { mode: 0o755 });
    writeFileSync(inLive('libc.so.6'), 'not a library');
    const ran = world.restore(['--apply'], {
      env: { PATH: `.::bin:${process.env['PATH'] ?? ''}:`, LD_LIBRARY_PATH: ':.' },
    });
    expect({ code: ran.code, output: ran.output }).toMatchObject({ code: 0 });
    expect(existsSync(join(world.base, 'sprung'))).toBe(false);
  });
});

describe('a bundle', () => {
  it.skipIf(!root)('below a directory of another user, who could exchange it, is refused', async () => {
    await lostBelowMallory();
    chownSync(world.base, 4711, 4711);
    const ran = world.restore(['--apply']);
    expect(ran.code).toBe(EXIT.guard);
    expect(ran.output).toContain('user 4711 can write to a directory above it');
    expect(readdirSync(inLive('home/m/x'))).toEqual([]);
  });

  it.each([
    ['restore.sh', (line: string) => line.endsWith('  restore.sh')],
    ['lists/plan', (line: string) => line.endsWith('  lists/plan')],
    ['a list', (line: string) => line.includes('.files0')],
    ['everything but its first line', (_line: string, index: number) => index > 0],
  ])('whose checksums lack %s is refused', async (_what, gone) => {
    await lostBelowMallory();
    const sums = join(world.bundle, 'SHA256SUMS');
    const lines = readFileSync(sums, 'utf8').trimEnd().split('\n');
    writeFileSync(
      sums,
      lines
        .filter((line, index) => !gone(line, index))
        .map((line) => `${line}\n`)
        .join(''),
    );
    const ran = world.restore(['--apply']);
    expect(ran.code).toBe(EXIT.guard);
    expect(ran.output).toContain('SHA256SUMS says nothing of');
    expect(readdirSync(inLive('home/m/x'))).toEqual([]);
  });

  it.each(['restore.sh', 'manifest.jsonl', 'SHA256SUMS'])('in which %s was changed is refused', async (name) => {
    await lostBelowMallory();
    const path = join(world.bundle, name);
    writeFileSync(path, readFileSync(path, 'utf8').replace(/\n/, ' \n'));
    expect(world.restore(['--apply']).code).toBe(EXIT.guard);
    await expect(world.verify()).rejects.toMatchObject({ exit: EXIT.guard });
    expect(readdirSync(inLive('home/m/x'))).toEqual([]);
  });

  it.each(['-rf', ' a  b ', 'new\nline\n', "q'$(touch x)"])(
    'may lie at %j and prints commands that work there',
    async (name) => {
      await lostBelowMallory();
      const place = join(world.base, name);
      renameSync(world.bundle, place);
      const target = join(world.base, `${name}.live`);
      renameSync(world.live, target);
      const ran = world.restore(['--apply', '--'], { bundle: name, target: `${name}.live`, cwd: world.base });
      expect({ code: ran.code, output: ran.output }).toMatchObject({ code: 0 });
      const printed = /^ {2}(rollcall verify .*)$/m.exec(ran.output)?.[1] ?? '';
      const words = execFileSync('sh', ['-c', `rollcall() { printf '%s\\0' "$@"; }\n${printed}`], { encoding: 'utf8' });
      expect(words.split('\0').map((word) => word.replace(/\/\.$/, ''))).toEqual(['verify', place, target, '']);
    },
  );

  it.skipIf(!namespaces)('on a full disk loses nothing in silence, and a second run completes', async () => {
    await lostBelowMallory();
    const disk = tmpfs('disk', 'size=400k,mode=700');
    const bundle = join(disk, 'bundle');
    cpSync(world.bundle, bundle, { recursive: true });
    chmodSync(bundle, 0o700);
    const fill = join(disk, 'fill');
    mkdirSync(join(bundle, 'journal'));
    // Whatever room is left: at some of these the directories are noted, at others nothing is.
    for (const kilobytes of [0, 4, 8, 12, 16, 24]) {
      spawnSync('sh', ['-c', `cat /dev/zero >${fill} 2>/dev/null; truncate -s -${kilobytes}k ${fill}`]);
      const ran = world.restore(['--apply'], { bundle });
      if (ran.code === 0) break;
      expect({ code: ran.code, output: ran.output }).toMatchObject({ code: EXIT.failure });
      rmSync(fill);
    }
    rmSync(fill, { force: true });
    expect(world.restore(['--apply'], { bundle }).code).toBe(0);
    const verified = await world.verify();
    expect({ exit: verified.exit, metadata: verified.metadataDiffers }).toEqual({ exit: 0, metadata: 0 });
  });
});

describe('a target', () => {
  it('that is a snapshot, lies in one or holds one is refused, whether something is taken from that one or not', async () => {
    const from = world.snapshot('s1');
    world.write(from, 'd/f', 'content');
    world.write(world.snapshot('s2'), 'd/other', 'x');
    mkdirSync(inLive('d'));
    world.wrong('d/f', missing);
    await world.writeBundle({ backupRoots: ['s1', 's2'].map((name) => join(world.base, 'backup', name)) });
    symlinkSync(join(world.base, 'backup/s2'), join(world.base, 'alias'));
    const before = text(survey(join(world.base, 'backup')));
    for (const target of ['backup/s1', 'backup/s2', 'backup/s2/d', 'backup', '.', 'alias/d']) {
      for (const args of target === '.' ? [[], ['--apply']] : [['--apply']]) {
        const ran = world.restore(args, { target: join(world.base, target) });
        expect({ target, code: ran.code, output: ran.output }).toMatchObject({ code: EXIT.guard });
        expect(ran.output).toMatch(/TARGET (is, or is inside, a snapshot of|holds) the backup/);
      }
    }
    expect(text(survey(join(world.base, 'backup')))).toEqual(before);
    expect(readdirSync(world.base)).not.toContain('d');
    expect(world.restore(['--apply']).code).toBe(0);
  });

  it('where another directory lies than the one that was judged is refused, unless that is meant so', async () => {
    await lostBelowMallory();
    renameSync(world.live, join(world.base, 'mounted elsewhere'));
    mkdirSync(world.live);
    for (const args of [[], ['--apply']]) {
      const ran = world.restore(args);
      expect(ran.code).toBe(EXIT.guard);
      expect(ran.output).toContain('is the volume mounted?');
    }
    expect(readdirSync(world.live)).toEqual([]);
    // Nothing is back, and verify does not blame the volume for it.
    await expect(world.verify()).rejects.toMatchObject({
      exit: EXIT.guard,
      next: expect.stringContaining('Is the volume mounted'),
    });
    expect(world.restore(['--apply', '--new-volume']).code).toBe(0);
    expect((await world.verify()).exit).toBe(0);
  });

  it('that is missing, a file, or given twice is refused in one line', async () => {
    await lostBelowMallory();
    writeFileSync(join(world.base, 'file'), '');
    for (const target of [join(world.base, 'nowhere'), join(world.base, 'file')]) {
      const ran = world.restore(['--apply'], { target });
      expect(ran.code).toBe(EXIT.failure);
      expect(ran.output).toContain('TARGET is not a directory');
    }
    expect(world.restore(['--apply', '/tmp']).code).toBe(EXIT.failure);
    expect(readdirSync(inLive('home/m/x'))).toEqual([]);
  });

  it.skipIf(!namespaces)(
    'with too little room is refused before anything is written; with --fill what fits comes back',
    async () => {
      const from = world.snapshot('s1');
      for (let i = 0; i < 8; i++) {
        world.write(from, `d/f${i}`, Buffer.alloc(100_000, i + 1));
        world.wrong(`d/f${i}`, missing);
      }
      world.wrong('d', missing);
      await world.writeBundle();
      const disk = tmpfs('disk', 'size=500k');
      const dry = world.restore([], { target: disk });
      expect(dry.code).toBe(EXIT.guard);
      expect(dry.output).toContain('TARGET has too little room: 800 kB and 9 inodes are needed');
      const refused = world.restore(['--apply'], { target: disk });
      expect(refused.code).toBe(EXIT.guard);
      expect(refused.output).toContain('nothing was changed');
      expect(readdirSync(disk)).toEqual([]);
      const filled = world.restore(['--apply', '--fill'], { target: disk });
      expect(filled.code).toBe(EXIT.failure);
      for (const name of readdirSync(join(disk, 'd')))
        expect([name, statSync(join(disk, 'd', name)).size]).toEqual([name, 100_000]);
      const had = readdirSync(join(disk, 'd')).length;
      expect(had).toBeGreaterThan(0);
      // With room for what is still absent, though not for all of it, there is nothing to refuse.
      execFileSync('mount', ['-o', 'remount,size=1m', disk]);
      writeFileSync(join(disk, 'other'), Buffer.alloc(1024 * 1024 - 100_000 * 8 - 64_000));
      expect(world.restore(['--apply'], { target: disk }).code).toBe(0);
      expect(readdirSync(join(disk, 'd'))).toHaveLength(8);
    },
  );

  it.skipIf(!namespaces)(
    'with too few inodes is refused; where they run out all the same, the message says so',
    async () => {
      const from = world.snapshot('s1');
      for (let i = 0; i < 20; i++) {
        world.write(from, `f${i}`, 'x');
        world.wrong(`f${i}`, missing);
      }
      await world.writeBundle();
      const disk = tmpfs('disk', 'size=1m,nr_inodes=12');
      const refused = world.restore(['--apply'], { target: disk });
      expect(refused.code).toBe(EXIT.guard);
      expect(refused.output).toMatch(/20 inodes are needed, [\d.]+ [kM]?B and 11 inodes are free/);
      const filled = world.restore(['--apply', '--fill'], { target: disk });
      expect(filled.code).toBe(EXIT.failure);
      expect(filled.output).toContain('ran out of space or inodes');
      expect(readdirSync(disk).every((name) => statSync(join(disk, name)).size === 1)).toBe(true);
      execFileSync('mount', ['-o', 'remount,nr_inodes=100', disk]);
      expect(world.restore(['--apply'], { target: disk }).code).toBe(0);
      expect(text(survey(disk))).toEqual(text(survey(from)));
    },
  );

  it('with a name that acts on terminals is printed without effect', async () => {
    await lostBelowMallory();
    const target = bytes(world.base, '/t\x1b[31m\x9b7m\u202egnp\u2066\u009b8m\n\xff').toString('latin1');
    const raw = Buffer.from(target, 'latin1');
    renameSync(world.live, raw);
    // Node passes arguments as UTF-8 only; sh takes the bytes from a file.
    writeFileSync(join(world.base, 'name'), raw);
    const script = `t=$(cat '${join(world.base, 'name')}'; printf x); exec sh '${world.bundle}/restore.sh' "$@" "\${t%x}"`;
    for (const args of [[], ['--apply'], ['--bogus']]) {
      const ran = spawnSync('sh', ['-c', script, 'sh', ...args], {
        cwd: world.base,
        env: { ...process.env, TMPDIR: world.base },
        encoding: 'latin1',
      });
      const output = ran.stdout + ran.stderr;
      expect(ran.status).toBe(args.includes('--bogus') ? EXIT.failure : 0);
      expect(output.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\xff]/u);
    }
  });
});

describe('a source', () => {
  it('that is no host and no whole path, or that ssh would take for an option, is refused', async () => {
    await lostBelowMallory();
    // What a person without the colon would read from.
    cpSync(join(world.base, 'backup'), join(world.live, 'backuphost', world.base, 'backup'), { recursive: true });
    for (const source of ['backuphost', './backuphost', '-oProxyCommand=x:', 'me@-oProxyCommand=x:']) {
      const ran = world.restore(['--apply', `--source=${source}`]);
      expect({ source, code: ran.code }).toEqual({ source, code: EXIT.failure });
      expect(ran.output).toContain('--source');
    }
    expect(readdirSync(inLive('home/m/x'))).toEqual([]);
  });

  it('that is gone is named with its snapshot, and the next command is another assessment', async () => {
    await lostBelowMallory();
    rmSync(bytes(world.snapshot('s1'), '/home/m/x/g'));
    const ran = world.restore(['--apply']);
    expect(ran.code).toBe(EXIT.failure);
    expect(ran.output).toContain('/home/m/x/g');
    expect(ran.output).toContain('(code 23)');
    expect(ran.output).toContain("run 'rollcall assess' again");
    expect(readFileSync(inLive('home/m/x/d/f'), 'utf8')).toBe('home/m/x/d/f');
  });

  it('that has changed since the lists were written is found out by verify', async () => {
    await lostBelowMallory();
    writeFileSync(bytes(world.snapshot('s1'), '/home/m/x/g'), 'HOME/M/X/G');
    expect(world.restore(['--apply']).code).toBe(0);
    const verified = await world.verify();
    expect(verified.exit).toBe(EXIT.findings);
    expect(verified.items.filter(({ status }) => status === 'differs').map(({ path }) => path)).toEqual(['home/m/x/g']);
  });
});

const busybox = spawnSync('sh', ['-c', 'command -v busybox'], { encoding: 'utf8' }).stdout.trim();
it.skipIf(busybox === '')(
  "busybox's sha256sum is refused by name before anything is done (skipped without the Debian package busybox)",
  async () => {
    await lostBelowMallory();
    const ran = world.restore(['--apply'], { env: { PATH: world.path({ scripts: { sha256sum: busybox } }) } });
    expect(ran.code).toBe(EXIT.failure);
    expect(ran.output).toContain('sha256sum is not GNU sha256sum');
    expect(readdirSync(inLive('home/m/x'))).toEqual([]);
  },
);

describe('damaged content with long names', () => {
  it('is replaced, however long the paths and the link targets are', async () => {
    const deep = Array.from({ length: 14 }, (_, i) => `${'*'.repeat(240)}${String(i).padStart(3, '0')}`).join('/');
    const from = world.snapshot('s1');
    // Below a descriptor: a path of this length with the root before it is too long for a system call.
    for (const [base, target] of [
      [from, 'good'],
      [world.live, 'baad'],
    ] as const) {
      mkdirSync(bytes(base, '/', deep), { recursive: true });
      for (let i = 0; i < 20; i++) symlinkSync(`${target}${'x'.repeat(4000)}${i}`, bytes(base, '/', deep, `/l${i}`));
    }
    for (let i = 0; i < 20; i++) world.wrong(`${deep}/l${i}`, { verdict: 'corrupt', from: 's1' });
    await world.writeBundle();
    const ran = world.restore(['--apply', '--damaged']);
    expect({ code: ran.code, output: ran.output }).toMatchObject({ code: 0 });
    expect((await world.verify()).exit).toBe(0);
  });
});
