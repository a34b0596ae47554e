// Looking must not destroy: every GlusterFS client mount is refused before anything on it is touched, read-only or not,
// and a brick is no tree.
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EXIT } from '../../domain/exit.ts';
import { openPool } from '../../services/catalog/database.ts';
import { freeBundleName } from '../../services/assess.ts';
import { cutBundle } from '../../services/bundle.ts';
import { scan } from '../../services/scan.ts';
import { brickUnder } from '../../services/files/gluster.ts';
import { refuseBrick, refuseGluster } from '../../services/files/looking.ts';
import { parseMount, readMounts } from '../../services/files/mounts.ts';
import { comesTo } from '../../services/files/pattern-tokens.ts';
import { refuseStateInside } from '../../services/typed/outside.ts';
import { checkBackup, checkInputs, checkLive } from '../../services/typed/inputs.ts';
import { World } from '../bundle/world.ts';
import { Place } from './snapshots/trees.ts';
import { canFuse, type Fuse, openFuse, PLAIN } from '../support/fuse.ts';
import { refusal } from '../support/refusal.ts';
import { program } from '../support/programs.ts';
import { have, run } from '../support/machine.ts';

const NO = { notGluster: false, bricksRescued: false };
const ORDER = /stop everything that writes.*scan the bricks.*rescue.*restore, and verify.*--bricks-rescued/;
const HANDLE = '.glusterfs/00/00/00000000-0000-0000-0000-000000000001';
const root = process.getuid?.() === 0;

let place: Place;
const opened: Fuse[] = [];
beforeEach(() => {
  place = new Place();
});
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
  place[Symbol.dispose]();
});

/** As GlusterFS makes it: the handle of the root is a symlink. */
function brick(name: string): string {
  place.directory(`${name}/.glusterfs/00/00`, `${name}/home`);
  symlinkSync('../../..', place.join(name, HANDLE));
  return place.join(name);
}

describe('a GlusterFS mount, by the mount table', () => {
  const table = [
    '1 0 8:1 / / rw - ext4 /dev/sda1 rw',
    '2 1 0:9 / /vol rw - fuse.glusterfs s1:/vol rw',
    '3 1 0:10 / /ro ro - fuse.glusterfs s1:/vol rw',
    '4 1 0:11 / /srv/shared ro - fuse.glusterfs s1:/vol rw',
    '5 1 0:12 / /old rw - fuse glusterfs#/etc/glusterfs/vol.conf rw',
    '6 1 0:13 / /odd rw - fuse s1:/vol rw',
    '7 1 0:14 / /restic ro - fuse restic ro',
    '8 1 0:15 / /sshfs rw - fuse.sshfs s1:/data rw',
    '9 1 0:16 / /nfs rw - nfs4 s1:/data rw',
  ].flatMap((line) => parseMount(line) ?? []);

  it('is refused with the order of work, read-only or not, and only --bricks-rescued opens it', () => {
    for (const path of ['/vol', '/vol/home', '/ro', '/ro/home', '/old']) {
      for (const accepted of [NO, { ...NO, notGluster: true }]) {
        const refused = (): void => refuseGluster(path, accepted, false, table);
        expect(refused).toThrow(/GlusterFS mount .* read-only mount too/);
        try {
          refused();
        } catch (error) {
          expect(error).toMatchObject({ exit: EXIT.guard, next: expect.stringMatching(ORDER) });
        }
      }
      refuseGluster(path, { ...NO, bricksRescued: true }, false, table);
    }
    for (const path of ['/volume', '/srv', '/restic', '/sshfs', '/nfs/a']) refuseGluster(path, NO, false, table);
  });

  it('below a path is refused where mounts are entered', () => {
    refuseGluster('/srv', NO, false, table);
    expect(() => refuseGluster('/srv', NO, true, table)).toThrow('s1:/vol on /srv/shared');
    refuseGluster('/srv', { ...NO, bricksRescued: true }, true, table);
  });

  it('that does not say what it is, with a source like one, takes --not-gluster', () => {
    expect(() => refuseGluster('/odd', NO, false, table)).toThrow('may be GlusterFS');
    refuseGluster('/odd', { ...NO, notGluster: true }, false, table);
  });
});

describe('a pattern', () => {
  it('comes to what it matches, and to what lies on the way there', () => {
    for (const pattern of [
      '/mnt/*/home',
      '/mnt/v*',
      '/mnt/{vol,other}/x',
      '/mnt/[a-z]ol',
      '/mn?/vol/s/*',
      '../mnt/vol/*',
    ])
      expect([pattern, comesTo(pattern, '/mnt/vol', '/x')]).toEqual([pattern, true]);
    for (const pattern of ['/mnt', '/mnt/2*', '/backup/*', '/mnt/[!v]*', '/mnt/vo.', '/m/*'])
      expect([pattern, comesTo(pattern, '/mnt/vol', '/x')]).toEqual([pattern, false]);
  });
});

describe.skipIf(!canFuse).each(['ro', 'rw'] as const)(
  'a real mount of that type, %s (skipped without FUSE)',
  (access) => {
    it('is refused as live, as backup, below what is entered, through links and patterns, and nothing on it is touched', async () => {
      place.write({ 'live/a/f': 'f', 'backup/2026-11-20/a/f': 'f' });
      const served = await openFuse(place.path, PLAIN, access, place.join('mnt/gv'), 'glusterfs');
      opened.push(served);
      served.said();
      symlinkSync('mnt/gv/a', place.join('link'));
      symlinkSync('mnt', place.join('around'));
      const checks = {
        host: 'here',
        cwd: place.path,
        nowMs: Date.now(),
        tz: null,
        limit: null,
        crossMounts: false,
        newState: false,
        outDir: null,
        stateDir: null,
      };
      const signal = new AbortController().signal;
      // It ends before the catalog is asked: no server is there.
      const db = openPool({ host: place.path, port: 1, user: 'nobody', password: '', database: 'none' });
      const tools = { db, host: 'h', cwd: place.path, stateDir: null, nowMs: Date.now, signal };
      const asked = { role: null, exportFile: null, snapshotsMax: null, excludes: [], tz: null, reread: false };
      for (const said of [NO, { ...NO, notGluster: true }]) {
        const request = { ...checks, ...said };
        const attempts: (() => Promise<unknown>)[] = [
          'mnt/gv',
          'mnt/gv/a',
          'mnt/gv/gone/x',
          'link',
          'link/gone',
          'around/gv/a',
        ].flatMap((path) => [
          () => checkInputs({ ...request, live: path, backups: [] }),
          () => checkInputs({ ...request, live: 'live', backups: [path] }),
          () => scan(tools as unknown as Parameters<typeof scan>[0], { ...asked, ...request, target: path }),
          () =>
            scan(tools as unknown as Parameters<typeof scan>[0], {
              ...asked,
              ...request,
              target: path,
              role: 'backup',
            }),
        ]);
        for (const pattern of ['mnt/*/a', 'mnt/gv/*', 'mn?/g[uv]', 'mnt/*'])
          attempts.push(() => checkInputs({ ...request, live: 'live', backups: [pattern] }));
        attempts.push(() => checkInputs({ ...request, crossMounts: true, live: 'mnt', backups: [] }));
        attempts.push(() => checkInputs({ ...request, crossMounts: true, live: 'live', backups: ['around'] }));
        attempts.push(() => refuseStateInside({ ...request, stateDir: 'state', trees: ['mnt/gv'], patterns: [] }));
        attempts.push(() => refuseStateInside({ ...request, stateDir: 'mnt/gv/state', trees: ['live'], patterns: [] }));
        const gv = { cwd: place.join('mnt/gv/a'), nowMs: Date.now };
        for (const outDir of ['mnt/gv/out', 'link/out', freeBundleName(gv)])
          attempts.push(() => checkInputs({ ...request, live: 'live', backups: ['backup/*'], outDir }));
        attempts.push(() =>
          refuseStateInside({ ...request, stateDir: 'state', trees: ['live'], patterns: ['mnt/*/a'] }),
        );
        for (const attempt of attempts) {
          const error = await refusal(attempt());
          expect([error.exit, error.next]).toEqual([EXIT.guard, expect.stringMatching(ORDER)]);
        }
      }
      expect(served.said()).toEqual([]);
      // Beside what is asked for it is not entered, and nothing looks into it first.
      expect(checkLive('mnt', { ...checks, ...NO }).names).toEqual(['gv']);
      place.write({ 'mnt/a/f': 'f' });
      await checkInputs({ ...checks, ...NO, live: 'live', backups: ['mnt'] });
      expect((await refusal(checkInputs({ ...checks, ...NO, live: 'backup', backups: ['mnt'] }))).exit).toBe(
        EXIT.guard,
      );
      expect(served.said()).toEqual([]);
      const rescued = { ...checks, ...NO, bricksRescued: true };
      expect(checkLive('mnt/gv', rescued).names).toEqual(['a', 'b']);
      expect(await checkBackup('mnt/*/a', rescued)).toMatchObject({ literal: false });
      expect(served.lookups()).not.toContain('.glusterfs');
    });

    it('is not read for a part of a bundle, as the volume or as a backup', async () => {
      const world = new World();
      try {
        const snapshot = world.snapshot('s1');
        world.write(snapshot, 'd/lost', 'content');
        world.wrong('d/lost', { verdict: 'missing', from: 's1' });
        const asked = {
          part: { paths: [], owners: [], newestFirst: false, bytesMax: null, filesMax: null },
          rest: false,
          uncertain: false,
        };
        const cut = (said: typeof NO): Promise<unknown> =>
          cutBundle(
            {
              host: 'here',
              cwd: world.base,
              nowMs: Date.now,
              program: 'rollcall',
              owners: new Map(),
              signal: new AbortController().signal,
              onProgress: () => undefined,
            },
            { ...asked, ...said, from: world.bundle, outDir: join(world.base, 'part') },
            () => Promise.reject(new Error('a bundle stands alone')),
          );
        await world.writeBundle({ backupRoots: [snapshot.toString()] });
        const volume = await openFuse(world.base, PLAIN, access, world.live, 'glusterfs');
        opened.push(volume);
        volume.said();
        expect((await refusal(cut({ ...NO, notGluster: true }))).exit).toBe(EXIT.guard);
        expect(volume.said()).toEqual([]);
        await volume.close();
        const backup = await openFuse(place.path, PLAIN, access, snapshot.toString(), 'glusterfs');
        opened.push(backup);
        backup.said();
        expect((await refusal(cut(NO))).exit).toBe(EXIT.guard);
        expect(backup.said()).toEqual([]);
        await backup.close();
      } finally {
        world.remove();
      }
    });
  },
);

describe('a brick', () => {
  it('is known at its root and below, by the handle of its root directory', () => {
    const at = brick('brick');
    place.directory('plain/.glusterfs/00');
    for (const path of [at, `${at}/home`, `${at}/home/gone`]) {
      expect(brickUnder([path], readMounts())).toBe(at);
      expect(() => refuseBrick([path])).toThrow('a brick of a GlusterFS volume');
    }
    expect(brickUnder([place.path, place.join('plain'), place.join('plain/.glusterfs')], readMounts())).toBeNull();
  });

  it('is refused as live volume, as snapshot, as place of a bundle and of the state, whatever was rescued', async () => {
    brick('brick');
    brick('b/2026-11-20');
    place.write({ 'b/2026-11-20/home/f': 'x' });
    place.write({ 'live/home/f': 'x', 'ok/2026-11-20/home/f': 'x' });
    const request = {
      cwd: place.path,
      nowMs: Date.now(),
      tz: 'UTC',
      limit: null,
      crossMounts: false,
      newState: false,
      notGluster: true,
      bricksRescued: true,
      live: 'live',
      backups: ['ok/*'],
      outDir: 'out',
      stateDir: 'state',
    };
    await checkInputs(request);
    for (const wrong of [
      { live: 'brick' },
      { live: 'brick/home' },
      { backups: ['b/*'] },
      { backups: ['b/*/home'] },
      { outDir: 'brick/home/out' },
      { stateDir: 'brick/state' },
    ]) {
      const error = await refusal(checkInputs({ ...request, ...wrong }));
      expect([error.exit, error.message, error.next]).toEqual([
        EXIT.guard,
        expect.stringContaining('a brick of a GlusterFS volume'),
        expect.stringContaining('Never write to a brick'),
      ]);
    }
  });

  it.skipIf(!root || !have('setfattr') || !have('getfattr'))(
    'is known by the id of its volume alone (skipped where this is not root with getfattr)',
    () => {
      place.directory('brick/odd \n\\name/deep');
      run(
        'setfattr',
        '-n',
        'trusted.glusterfs.volume-id',
        '-v',
        '0x3f1a2b3c4d5e6f708192a3b4c5d6e7f8',
        place.join('brick'),
      );
      expect(brickUnder([`${place.join('brick')}/odd \\x0a\\\\name/deep`], readMounts())).toBe(place.join('brick'));
    },
  );

  it.skipIf(!root)(
    'that is mounted elsewhere in part is known by what lies above it (skipped where this is not root)',
    () => {
      const at = brick('brick');
      place.mount('none', join(at, 'home'), 'seen', '-o', 'bind');
      expect(brickUnder([place.join('seen')], readMounts())).toBe(at);
    },
  );

  it.skipIf(!root || !have('setpriv'))(
    'is recognised without being root, also where its bookkeeping may not be entered (skipped where this is not root with setpriv)',
    () => {
      chmodSync(place.path, 0o755);
      const open = brick('open');
      const closed = brick('closed');
      chmodSync(join(closed, '.glusterfs'), 0o600);
      mkdirSync(place.join('own'));
      chownSync(place.join('own'), 65534, 65534);
      const user = ['--reuid=65534', '--regid=65534', '--clear-groups', '--inh-caps=-all', '--bounding-set=-all'];
      const asked = spawnSync(
        'setpriv',
        [
          ...user,
          process.execPath,
          program('files/asked-child'),
          'brick',
          open,
          `${open}/home`,
          closed,
          `${closed}/home`,
          place.join('own'),
        ],
        { encoding: 'utf8' },
      );
      const exits = asked.stdout.split('\n').map((line) => line.split(' ')[0]);
      expect(exits).toEqual(['4', '4', '4', '4', 'accepted', '']);
    },
  );

  it.skipIf(!root || !have('setpriv') || !have('setfattr'))(
    'is known by the id of its volume to a service with CAP_SYS_ADMIN, and to no other user (skipped where this is not root with setpriv and setfattr)',
    () => {
      chmodSync(place.path, 0o755);
      place.directory('brick');
      run(
        'setfattr',
        '-n',
        'trusted.glusterfs.volume-id',
        '-v',
        '0x3f1a2b3c4d5e6f708192a3b4c5d6e7f8',
        place.join('brick'),
      );
      const ask = (caps: string): string => {
        const user = ['--reuid=65534', '--regid=65534', '--clear-groups', `--inh-caps=-all${caps}`];
        const words = [...user, `--ambient-caps=-all${caps}`, process.execPath, program('files/asked-child'), 'brick'];
        return run('setpriv', ...words, place.join('brick'));
      };
      expect(ask(',+sys_admin')).toContain('a brick of a GlusterFS volume');
      expect(ask('')).toBe('accepted\n');
    },
  );

  it.skipIf(!canFuse)('is known through a network mount by listings alone (skipped without FUSE)', async () => {
    const handles = {
      '.glusterfs': { content: null },
      '.glusterfs/00': { content: null },
      '.glusterfs/00/00': { content: null },
    };
    const served = await openFuse(place.path, { ...PLAIN, ...handles, [HANDLE]: { content: '' } }, 'ro');
    opened.push(served);
    served.said();
    expect(brickUnder([`${served.at}/a`], readMounts())).toBe(served.at);
    served.set(PLAIN);
    served.lookups();
    expect(brickUnder([`${served.at}/a`], readMounts())).toBeNull();
    expect(served.lookups().filter((name) => name.includes('.glusterfs'))).toEqual([]);
  });
});
