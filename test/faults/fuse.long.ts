// A file system that answers with every error it knows, lists what is not so, and counts its files anew each time.
// Skipped where FUSE cannot be mounted.
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LARGE_FILE_BYTES } from '../../services/scan/limits.ts';
import { checkPath } from '../../services/doctor/paths.ts';
import { refuseStateInside } from '../../services/typed/outside.ts';
import { checkBackup, checkLive } from '../../services/typed/inputs.ts';
import type { FuseEntry, FuseRequest, FuseState } from '../support/fuse-server.ts';
import { canFuse, openFuse, PLAIN } from '../support/fuse.ts';
import { Catalog } from '../support/catalog.ts';
import { truthOf } from '../support/tree.ts';

const ERRNOS = {
  EIO: 5,
  EACCES: 13,
  ENODEV: 19,
  EBADMSG: 74,
  ENOTCONN: 107,
  ETIMEDOUT: 110,
  EHOSTDOWN: 112,
  ESTALE: 116,
  EUCLEAN: 117,
  EREMOTEIO: 121,
} as const;

/** A directory of two files, and one below with one more, for each errno and request. */
function tree(harmed: (errno: number, request: FuseRequest) => Partial<FuseEntry>): FuseState {
  const state: Record<string, FuseEntry> = {};
  for (const [name, errno] of Object.entries(ERRNOS)) {
    state[name] = { content: null };
    for (const request of ['lookup', 'opendir', 'readdir'] as const) {
      state[`${name}/${request}`] = { content: null, ...harmed(errno, request) };
      state[`${name}/${request}/file`] = { content: `${name} ${request}` };
    }
    for (const request of ['open', 'read'] as const)
      state[`${name}/${request}`] = { content: `${name} ${request}`, ...harmed(errno, request) };
  }
  return state;
}

describe.skipIf(!canFuse)('FUSE (skipped where it cannot be mounted)', () => {
  let catalog: Catalog;
  beforeAll(async () => {
    catalog = await Catalog.open(2);
  });
  afterAll(async () => {
    await catalog.close();
  });

  test('every errno of every request is a gap that bears its name; nothing ends, and all heals', async () => {
    const whole = tree(() => ({}));
    const served = await openFuse(catalog.directory(), whole, 'ro');
    await catalog.scan(served.at);
    const before = await catalog.told(served.at);
    expect(Object.keys(before)).toHaveLength(Object.keys(whole).length);
    served.set(tree((errno, request) => ({ fails: { [request]: -errno } })));
    expect(await catalog.scan(served.at, { mode: 'reread' })).toMatchObject({ vanished: 0, belowGone: 0, found: 0 });
    const gaps = await catalog.gaps(served.at);
    // Each has five places, and says which.
    for (const errno of Object.keys(ERRNOS))
      expect(
        gaps.filter((gap) => gap.startsWith(`${errno}/`) && gap.endsWith(` ${errno}`)),
        errno,
      ).toHaveLength(5);
    expect(gaps).toHaveLength(5 * Object.keys(ERRNOS).length);
    expect(await catalog.told(served.at)).toEqual(before);
    expect((await catalog.versions(served.at)).filter(({ end }) => end !== null)).toEqual([]);
    served.set(whole);
    expect(await catalog.scan(served.at, { mode: 'reread' })).toMatchObject({ gaps: 0, vanished: 0, inserted: 0 });
    expect(await catalog.told(served.at)).toEqual(before);
  });

  function changed(changes: Readonly<Record<string, Partial<FuseEntry>>>): FuseState {
    const state: Record<string, FuseEntry> = { ...PLAIN };
    for (const [path, change] of Object.entries(changes)) state[path] = { content: null, ...state[path], ...change };
    return state;
  }

  test('a name that is listed twice is one name; a wrong type in the listing misleads nobody', async () => {
    const served = await openFuse(catalog.directory(), PLAIN, 'ro');
    await catalog.scan(served.at);
    const before = await catalog.told(served.at);
    expect(before).toEqual(truthOf(served.at));
    served.set(
      changed({
        'a/f': { listed: 2 },
        b: { listed: 3, listedAs: 8 },
        'a/g': { listedAs: 4 },
        'b/sub': { listedAs: 0 },
      }),
    );
    expect(await catalog.scan(served.at, { mode: 'reread' })).toMatchObject({
      duplicates: 3,
      vanished: 0,
      inserted: 0,
      gaps: 0,
    });
    expect(await catalog.told(served.at)).toEqual(before);
  });

  test('a listing without an end is a gap, and the rest is scanned', async () => {
    const served = await openFuse(catalog.directory(), PLAIN, 'ro');
    await catalog.scan(served.at);
    const before = await catalog.told(served.at);
    served.set(changed({ a: { endless: 'same' }, 'b/sub/h': { content: 'other' } }));
    expect(await catalog.scan(served.at, { mode: 'reread' })).toMatchObject({ vanished: 0, changed: 1, gaps: 1 });
    expect(await catalog.gaps(served.at)).toEqual([expect.stringMatching(/^a\/ \w+ ELOOP$/)]);
    served.set(PLAIN);
    await catalog.scan(served.at, { mode: 'reread' });
    expect(await catalog.told(served.at)).toEqual(before);
  });

  test('a huge directory whose listing breaks off is a gap with its errno, nothing of it ends, and the rest is scanned', async () => {
    const served = await openFuse(catalog.directory(), PLAIN, 'ro');
    await catalog.scan(served.at);
    const before = await catalog.told(served.at);
    const breaksOff = { after: 60_000, errno: -5 };
    served.set(changed({ a: { endless: 'new', breaksOff }, 'b/sub/h': { content: 'other' } }));
    const notices = catalog.notices.length;
    expect(await catalog.scan(served.at, { mode: 'reread' })).toMatchObject({ vanished: 0, changed: 1, gaps: 1 });
    expect(await catalog.gaps(served.at)).toEqual(['a/ io EIO']);
    expect(catalog.notices.slice(notices)).toEqual([]);
    served.set(PLAIN);
    await catalog.scan(served.at, { mode: 'reread' });
    expect(await catalog.told(served.at)).toEqual(before);
  });

  test('names seen in a huge directory before its listing broke off are gone when they are not there next time', async () => {
    const served = await openFuse(catalog.directory(), PLAIN, 'ro');
    await catalog.scan(served.at);
    const before = await catalog.told(served.at);
    served.set(changed({ a: { endless: 'new', breaksOff: { after: 60_000, errno: -5 } } }));
    expect(await catalog.scan(served.at)).toMatchObject({ vanished: 0, gaps: 1 });
    served.set(PLAIN);
    await catalog.scan(served.at);
    expect(await catalog.told(served.at)).toEqual(before);
  });

  test('a directory that looks as it did before a large file in it could not be read is not taken for unchanged', async () => {
    const served = await openFuse(catalog.directory(), PLAIN, 'ro');
    await catalog.scan(served.at);
    const before = await catalog.told(served.at);
    const large = { content: '', size: String(LARGE_FILE_BYTES), fails: { read: -ERRNOS.EIO } };
    served.set(changed({ 'a/large': large, 'a/new': { content: 'new' } }));
    expect(await catalog.scan(served.at)).toMatchObject({ found: 1, gaps: 1 });
    served.set(PLAIN);
    expect(await catalog.scan(served.at)).toMatchObject({ vanished: 1, gaps: 0 });
    expect(await catalog.told(served.at)).toEqual(before);
  });

  test('a file that ends before its size says so is unreadable, and its version stands', async () => {
    const served = await openFuse(catalog.directory(), PLAIN, 'ro');
    await catalog.scan(served.at);
    const before = await catalog.told(served.at);
    served.set(changed({ 'a/g': { gives: 7 } }));
    expect(await catalog.scan(served.at, { mode: 'reread' })).toMatchObject({ vanished: 0, changed: 0 });
    expect(await catalog.gaps(served.at)).toEqual(['a/g io']);
    expect(await catalog.told(served.at)).toEqual(before);
    const [gap] = await catalog.rows(`select detail from gap where name = 'g' and status = 'io'`);
    expect(gap?.['detail']).toBe('7 bytes came where its size says 12, 3 times');
  });

  test('what could not be read is read by the next scan, too, although nothing about it has moved', async () => {
    const served = await openFuse(catalog.directory(), PLAIN, 'ro');
    await catalog.scan(served.at);
    const before = await catalog.told(served.at);
    served.set(changed({ 'a/g': { fails: { read: -ERRNOS.EIO } } }));
    for (const mode of ['reread', 'read', 'read'] as const) {
      expect(await catalog.scan(served.at, { mode }), mode).toMatchObject({ vanished: 0, changed: 0, gaps: 1 });
      expect(await catalog.gaps(served.at)).toEqual(['a/g io EIO']);
    }
    served.set(PLAIN);
    expect(await catalog.scan(served.at)).toMatchObject({ gaps: 0, filesRead: 1 });
    expect(await catalog.scan(served.at)).toMatchObject({ gaps: 0, filesRead: 0 });
    expect(await catalog.told(served.at)).toEqual(before);
  });

  test('inodes of 64 bits are kept whole, and what they number is not read twice', async () => {
    const numbered = changed({
      'a/f': { inode: '18446744073709551615' },
      'a/g': { inode: '9223372036854775808' },
      b: { inode: '11276124185820933005' },
      'b/sub': { inode: '17000000000000000001' },
    });
    const served = await openFuse(catalog.directory(), numbered, 'ro');
    expect(await catalog.scan(served.at)).toMatchObject({ found: 6, gaps: 0, filesRead: 3 });
    expect(await catalog.scan(served.at)).toMatchObject({ seen: 6, gaps: 0, filesRead: 0 });
    expect(await catalog.told(served.at)).toEqual(truthOf(served.at));
  });

  test('inodes that are others at every look: files are read each time, and no directory is taken for lost', async () => {
    const served = await openFuse(catalog.directory(), PLAIN, 'ro');
    await catalog.scan(served.at);
    const before = await catalog.told(served.at);
    const moving = { inode: 'moving' };
    served.set(changed({ 'a/f': moving, 'a/g': moving, a: moving, b: moving, 'b/sub': moving, 'b/sub/h': moving }));
    expect(await catalog.scan(served.at)).toMatchObject({ vanished: 0, belowGone: 0 });
    expect(await catalog.told(served.at)).toEqual(before);
    expect((await catalog.versions(served.at)).filter(({ end }) => end !== null)).toEqual([]);
    served.set(PLAIN);
    expect(await catalog.scan(served.at)).toMatchObject({ vanished: 0, inserted: 0, gaps: 0 });
  });

  test.each(['ro', 'rw'] as const)(
    'doctor looks nothing up on a GlusterFS mount (%s), not even the path that it was given',
    async (access) => {
      const served = await openFuse(catalog.directory(), PLAIN, access, undefined, 'glusterfs');
      const link = join(catalog.directory(), 'link');
      symlinkSync(`${served.at}/a`, link);
      served.lookups();
      for (const path of [served.at, `${served.at}/a/f`, `${served.at}/a/gone`, link, `${link}/gone`])
        expect(checkPath(path).map(({ level, says }) => `${level} ${says}`)).toEqual([
          `ok fuse.glusterfs from rollcall-test on ${served.at}, ${access === 'ro' ? 'read-only' : 'read-write'}`,
          expect.stringMatching(/^bad a GlusterFS mount: .*read-only mount too, so doctor stops here$/),
        ]);
      expect(served.said()).toEqual([]);
    },
  );

  test.each(['ro', 'rw'] as const)(
    'no name that is gone is looked up on a FUSE mount (%s): a second listing proves its absence',
    async (access) => {
      const served = await openFuse(catalog.directory(), PLAIN, access);
      await catalog.scan(served.at);
      const { 'a/g': _, 'b/sub': __, 'b/sub/h': ___, ...left } = PLAIN;
      served.set(left);
      served.lookups();
      // Nothing may come from the kernel's own memory of names.
      expect(await catalog.scan(served.at, { mode: 'reread' })).toMatchObject({ vanished: 2, belowGone: 1, gaps: 0 });
      for (const gone of ['a/g', 'b/sub', 'b/sub/h']) expect(served.lookups()).not.toContain(gone);
    },
  );

  test('a mount whose server is gone is refused with what to do, as live volume and as backup', async () => {
    const served = await openFuse(catalog.directory(), PLAIN, 'ro');
    await served.kill();
    const { at } = served;
    const scope = { cwd: '/', crossMounts: false, newState: false, notGluster: false, bricksRescued: false };
    await refuseStateInside({ ...scope, stateDir: '/nowhere/state', trees: [at], patterns: [] });
    const next = expect.stringContaining('umount -l');
    expect(() => checkLive(at, scope)).toThrow(expect.objectContaining({ exit: 2, next }));
    const dated = { nowMs: Date.now(), tz: null, limit: null };
    await expect(checkBackup(`${at}/*/a`, { ...scope, ...dated })).rejects.toMatchObject({ exit: 2, next });
  });

  test('a file system whose server dies in the middle is no loss', async () => {
    const served = await openFuse(catalog.directory(), PLAIN, 'ro');
    await catalog.scan(served.at);
    const before = await catalog.told(served.at);
    await served.kill();
    await expect(catalog.scan(served.at)).rejects.toMatchObject({ exit: 2, next: expect.stringContaining('umount') });
    expect(await catalog.told(served.at)).toEqual(before);
  });
});
