import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, onTestFinished, type TestContext, test } from 'vitest';
import { compareBytes, decodeName, encodePath } from '../../domain/path.ts';
import type { Kind } from '../../domain/version.ts';
import type { Directory } from '../../services/files/directory.ts';
import { openDirectory, openRoot } from '../../services/files/open-directory.ts';
import { FileError } from '../../services/files/errors.ts';
import { pretendBeneath } from '../../services/files/sys.ts';
import { at, HOSTILE_NAMES, openDescriptors, temporaryDirectory } from '../support/tree.ts';

function opened(path: string): Directory {
  const directory = openRoot(path);
  onTestFinished(() => directory.close());
  return directory;
}

function allOf(directory: Directory, batch = 100): Map<string, Kind | null> {
  const found = new Map<string, Kind | null>();
  directory.list(batch, (names, types) => {
    for (const [i, name] of names.entries()) found.set(name, types[i] ?? null);
  });
  return found;
}

function failureOf(action: () => unknown): FileError {
  try {
    action();
  } catch (error) {
    if (error instanceof FileError) return error;
    throw error;
  }
  throw new Error('it did not fail');
}

/** Runs as a user who owns nothing here. Only root can; an ordinary user is one already. */
function unprivileged<T>(action: () => T): T {
  if (process.geteuid?.() !== 0) return action();
  process.setegid?.(65534);
  process.seteuid?.(65534);
  try {
    return action();
  } finally {
    process.seteuid?.(0);
    process.setegid?.(0);
  }
}

describe('listing', () => {
  test('every hostile name is listed, looked up, opened and read by its text', () => {
    const root = temporaryDirectory();
    for (const [bytes, text] of HOSTILE_NAMES) writeFileSync(at(root, bytes), text);
    const directory = opened(root);
    const found = allOf(directory);
    expect([...found.keys()].sort(compareBytes)).toEqual(HOSTILE_NAMES.map(([, text]) => text).sort(compareBytes));
    for (const [bytes, text] of HOSTILE_NAMES) {
      expect(found.get(text)).toBe('file');
      expect(Buffer.from(decodeName(text))).toEqual(bytes);
      expect(directory.lstat(text).inode).toBe(lstatSync(at(root, bytes), { bigint: true }).ino);
      const fd = directory.openFile(text);
      expect(readFileSync(fd, 'utf8')).toBe(text);
      closeSync(fd);
    }
  });

  test('every hostile name is walked as a directory, and read as a target', () => {
    const root = temporaryDirectory();
    const directory = opened(root);
    for (const [bytes, text] of HOSTILE_NAMES) {
      mkdirSync(at(root, bytes));
      writeFileSync(at(root, Buffer.concat([bytes, Buffer.from('/inside')])), '');
      symlinkSync(bytes, `${root}/link`);
      expect(directory.readlink('link')).toBe(text);
      rmSync(`${root}/link`);
      const { device, inode } = directory.lstat(text);
      for (const child of [openDirectory(directory, text), openDirectory(directory, text, { device, inode })]) {
        expect([...allOf(child).keys()]).toEqual(['inside']);
        child.close();
      }
    }
  });

  test('every kind of entry is told, and none but files is opened', async () => {
    const root = temporaryDirectory();
    writeFileSync(`${root}/file`, 'x');
    mkdirSync(`${root}/directory`);
    symlinkSync('nowhere', `${root}/dangling`);
    symlinkSync('loop', `${root}/loop`);
    execFileSync('mkfifo', [`${root}/fifo`]);
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(`${root}/socket`, resolve));
    const kinds: [string, Kind][] = [
      ['file', 'file'],
      ['directory', 'directory'],
      ['dangling', 'symlink'],
      ['loop', 'symlink'],
      ['fifo', 'fifo'],
      ['socket', 'socket'],
    ];
    try {
      const directory = opened(root);
      expect(allOf(directory)).toEqual(new Map(kinds));
      for (const [name, kind] of kinds) expect(directory.lstat(name).kind).toBe(kind);
      expect(directory.readlink('dangling')).toBe('nowhere');
      expect(directory.readlink('loop')).toBe('loop');
      expect(failureOf(() => directory.readlink('file')).errno).toBe('EINVAL');
      expect(failureOf(() => directory.openFile('loop')).errno).toBe('ELOOP');
      expect(failureOf(() => directory.openFile('dangling')).errno).toBe('ELOOP');
      expect(failureOf(() => directory.openFile('socket')).errno).toBe('ENXIO');
      const fd = directory.openFile('fifo');
      expect(fstatSync(fd).isFIFO()).toBe(true);
      closeSync(fd);
    } finally {
      await new Promise<void>((resolve) => server.close(() => resolve()));
    }
  });

  test('names come in batches, each once, with nothing left over', () => {
    const root = temporaryDirectory();
    const count = 2_345;
    for (let i = 0; i < count; i++) writeFileSync(`${root}/${i}`, '');
    const directory = opened(root);
    const sizes: number[] = [];
    const names = new Set<string>();
    const listed = directory.list(1_000, (batch, types) => {
      expect(types).toHaveLength(batch.length);
      sizes.push(batch.length);
      for (const name of batch) names.add(name);
    });
    expect(listed).toEqual({ count, duplicates: 0 });
    expect(sizes).toEqual([1_000, 1_000, 345]);
    expect(names.size).toBe(count);
    expect(directory.list(10, () => {})).toEqual({ count, duplicates: 0 });
  });

  test('an empty directory has no names and calls nobody', () => {
    const directory = opened(temporaryDirectory());
    const listed = directory.list(10, () => {
      throw new Error('called');
    });
    expect(listed).toEqual({ count: 0, duplicates: 0 });
  });

  test('a directory that is removed while it is held is no empty directory', () => {
    const root = temporaryDirectory();
    mkdirSync(`${root}/going`);
    const directory = opened(root);
    const going = openDirectory(directory, 'going');
    rmdirSync(`${root}/going`);
    const failure = failureOf(() => going.list(10, () => {}));
    going.close();
    expect(failure.errno).toBe('ENOENT');
    expect(failure.message).toContain('removed while it was listed');
  });

  test('a listing stays with its directory when that is renamed and a link takes its place', () => {
    const root = temporaryDirectory();
    mkdirSync(`${root}/data`);
    writeFileSync(`${root}/data/mine`, 'mine');
    mkdirSync(`${root}/other`);
    writeFileSync(`${root}/other/theirs`, 'theirs');
    const directory = opened(root);
    const data = openDirectory(directory, 'data');
    renameSync(`${root}/data`, `${root}/elsewhere`);
    symlinkSync('other', `${root}/data`);
    expect([...allOf(data).keys()]).toEqual(['mine']);
    expect(data.lstat('mine').size).toBe(4);
    expect(data.statIfThere('theirs')).toBeNull();
    data.close();
  });

  test('an exception of the consumer ends the listing and leaves no descriptor open', () => {
    const root = temporaryDirectory();
    for (let i = 0; i < 20; i++) writeFileSync(`${root}/${i}`, '');
    const directory = opened(root);
    const before = openDescriptors();
    expect(() =>
      directory.list(5, () => {
        throw new Error('enough');
      }),
    ).toThrow('enough');
    expect(openDescriptors()).toBe(before);
  });

  describe.skipIf(process.geteuid?.() !== 0)(
    'on file systems that keep no types (needs root and a loop device)',
    () => {
      function unmount(mountPoint: string): void {
        try {
          execFileSync('umount', [mountPoint], { stdio: 'pipe' });
        } catch (error) {
          // A descriptor was leaked: the mount goes with this process, and the test fails.
          execFileSync('umount', ['--lazy', mountPoint]);
          throw error;
        }
      }

      /** Mounts an ext4 image, lets `action` work below it, and unmounts it whatever happens. */
      function mounted(context: TestContext, image: string, mountPoint: string, action: () => void): void {
        try {
          execFileSync('mount', ['-o', 'loop', image, mountPoint], { stdio: 'pipe' });
        } catch {
          context.skip('no loop device can be mounted here: run as root where /dev/loop-control is');
        }
        try {
          action();
        } finally {
          unmount(mountPoint);
        }
      }

      function untyped(): { image: string; mountPoint: string } {
        const base = temporaryDirectory();
        const [image, mountPoint] = [`${base}/image`, `${base}/mounted`];
        mkdirSync(mountPoint);
        execFileSync('truncate', ['-s', '16M', image]);
        execFileSync('mkfs.ext4', ['-q', '-O', '^filetype,^dir_index,^metadata_csum', image]);
        return { image, mountPoint };
      }

      function listedOf(path: string): { listed: unknown; found: Map<string, Kind | null> } {
        const directory = openRoot(path);
        try {
          const found = new Map<string, Kind | null>();
          const listed = directory.list(1, (names, types) => {
            for (const [i, name] of names.entries()) {
              expect(found.has(name)).toBe(false);
              found.set(name, types[i] ?? null);
            }
          });
          return { listed, found };
        } finally {
          directory.close();
        }
      }

      test('every hostile name is listed, and its type is left to a lookup', (context) => {
        const { image, mountPoint } = untyped();
        mounted(context, image, mountPoint, () => {
          for (const [bytes, text] of HOSTILE_NAMES) writeFileSync(at(mountPoint, bytes), text);
          const { listed, found } = listedOf(mountPoint);
          expect(listed).toEqual({ count: HOSTILE_NAMES.length + 1, duplicates: 0 });
          for (const [, text] of HOSTILE_NAMES) expect(found.get(text)).toBeNull();
        });
      });

      test('entries with and without a type stand side by side, and each is brought once', (context) => {
        const { image, mountPoint } = untyped();
        mounted(context, image, mountPoint, () => {
          for (let i = 0; i < 50; i++) writeFileSync(`${mountPoint}/name-${i}`, '');
        });
        // From now on new entries have a type; those that are there keep none.
        execFileSync('tune2fs', ['-O', 'filetype', image], { stdio: 'pipe' });
        mounted(context, image, mountPoint, () => {
          rmdirSync(`${mountPoint}/lost+found`);
          writeFileSync(`${mountPoint}/first`, '');
          const { listed, found } = listedOf(mountPoint);
          expect([...found][0]).toEqual(['first', 'file']);
          expect(found.get('name-49')).toBeNull();
          expect(listed).toEqual({ count: 51, duplicates: 0 });
        });
      });
    },
  );
});

describe('looking up', () => {
  test('absent is what the lookup calls absent, in a directory that can be reached', () => {
    const directory = opened(temporaryDirectory());
    expect(directory.statIfThere('nothing')).toBeNull();
    expect(failureOf(() => directory.lstat('nothing')).errno).toBe('ENOENT');
    expect(failureOf(() => directory.openFile('nothing')).errno).toBe('ENOENT');
    expect(failureOf(() => directory.statIfThere('l'.repeat(256))).errno).toBe('ENAMETOOLONG');
  });

  test('a descriptor that is gone proves no absence', () => {
    const root = temporaryDirectory();
    writeFileSync(`${root}/here`, '');
    const directory = openRoot(root);
    const before = openDescriptors();
    // The descriptor is lost behind the object's back.
    closeSync(directory.fd);
    expect(failureOf(() => directory.statIfThere('here')).errno).toBe('EBADF');
    expect(openDescriptors()).toBe(before - 1);
  });

  test('nothing is asked of a directory that was closed, and closing twice is harmless', () => {
    const directory = openRoot(temporaryDirectory());
    directory.close();
    directory.close();
    expect(() => directory.statIfThere('x')).toThrow(/after it was closed/);
    expect(() => directory.list(1, () => {})).toThrow(/after it was closed/);
  });

  test.each(['', '.', '..', 'a/b', '../x'])('what is not one name is a bug of the caller: %j', (name) => {
    const directory = opened(temporaryDirectory());
    expect(() => directory.lstat(name)).toThrow(/is not the name of an entry/);
  });

  test('a stat says what the file system says, to the nanosecond', () => {
    const root = temporaryDirectory();
    writeFileSync(`${root}/file`, 'content');
    chmodSync(`${root}/file`, 0o4750);
    execFileSync('touch', ['-d', '1969-12-31T23:59:58.123456789Z', `${root}/file`]);
    const directory = opened(root);
    const raw = lstatSync(`${root}/file`, { bigint: true });
    expect(directory.lstat('file')).toEqual({
      kind: 'file',
      mode: 0o4750,
      uid: Number(raw.uid),
      gid: Number(raw.gid),
      size: 7,
      mtimeNs: -1_876_543_211n,
      ctimeNs: raw.ctimeNs,
      btimeNs: raw.birthtimeNs,
      inode: raw.ino,
      device: raw.dev,
      nlink: 1,
      rdev: null,
      blocks: Number(raw.blocks),
      mountId: expect.any(Number),
    });
    expect(directory.stat).toMatchObject({ kind: 'directory', size: null });
    const devices = opened('/dev');
    expect(devices.lstat('null')).toMatchObject({
      kind: 'char-device',
      size: null,
      rdev: statSync('/dev/null', { bigint: true }).rdev,
    });
  });

  test('without permission a name is neither there nor absent', () => {
    const root = temporaryDirectory();
    chmodSync(root, 0o755);
    mkdirSync(`${root}/closed`, { mode: 0o700 });
    mkdirSync(`${root}/passable`, { mode: 0o711 });
    mkdirSync(`${root}/passable/open`, { mode: 0o755 });
    mkdirSync(`${root}/listable`);
    writeFileSync(`${root}/listable/name`, '');
    writeFileSync(`${root}/secret`, '', { mode: 0o600 });
    if (process.geteuid?.() !== 0) chmodSync(`${root}/closed`, 0o000);
    chmodSync(`${root}/listable`, 0o444);
    chmodSync(`${root}/secret`, process.geteuid?.() === 0 ? 0o600 : 0o000);
    const directory = opened(root);
    const before = openDescriptors();
    unprivileged(() => {
      expect(failureOf(() => openDirectory(directory, 'closed')).errno).toBe('EACCES');
      expect(failureOf(() => openDirectory(directory, 'closed/below')).errno).toBe('EACCES');
      expect(failureOf(() => directory.openFile('secret')).errno).toBe('EACCES');
      const through = openDirectory(directory, 'passable/open');
      through.close();
      const listable = openDirectory(directory, 'listable');
      expect([...allOf(listable)]).toEqual([['name', 'file']]);
      expect(failureOf(() => listable.statIfThere('name')).errno).toBe('EACCES');
      expect(failureOf(() => listable.statIfThere('no such name')).errno).toBe('EACCES');
      listable.close();
    });
    expect(openDescriptors()).toBe(before);
    chmodSync(`${root}/closed`, 0o700);
    chmodSync(`${root}/listable`, 0o755);
  });

  test("another one's file is read although its atime may not be held still", () => {
    const root = temporaryDirectory();
    chmodSync(root, 0o755);
    writeFileSync(`${root}/file`, 'x', { mode: 0o644 });
    const directory = opened(root);
    unprivileged(() => closeSync(directory.openFile('file')));
  });

  test('reading moves no atime where the process may prevent it', () => {
    const root = temporaryDirectory();
    writeFileSync(`${root}/file`, 'content');
    utimesSync(`${root}/file`, 1_000, 2_000_000_000);
    const directory = opened(root);
    const fd = directory.openFile('file');
    readSync(fd, Buffer.alloc(10));
    closeSync(fd);
    expect(statSync(`${root}/file`).atimeMs).toBe(1_000_000);
  });
});

describe.each([
  ['by openat2', true],
  ['component by component, where the kernel has no openat2', false],
])('opening %s', (_, beneath) => {
  beforeEach(() => pretendBeneath(beneath));
  afterEach(() => pretendBeneath(null));

  test('no symlink is followed below the root', () => {
    const root = temporaryDirectory();
    mkdirSync(`${root}/real/child`, { recursive: true });
    symlinkSync('real', `${root}/link`);
    const directory = opened(root);
    expect(failureOf(() => openDirectory(directory, 'link')).errno).toBe('ENOTDIR');
    expect(failureOf(() => openDirectory(directory, 'link/child')).errno).toBe('ENOTDIR');
    const failure = failureOf(() => openDirectory(directory, 'real/gone/deeper'));
    expect(failure.errno).toBe('ENOENT');
    expect(failure.path).toBe(beneath ? `${root}/real/gone/deeper` : `${root}/real/gone`);
    const child = openDirectory(directory, 'real/child');
    expect(child.path).toBe(`${root}/real/child`);
    child.close();
  });

  test('the root itself may be reached by a symlink, and can be opened again', () => {
    const base = temporaryDirectory();
    mkdirSync(`${base}/real`);
    symlinkSync('real', `${base}/link`);
    const directory = opened(`${base}/link`);
    const again = openDirectory(directory, '', { inode: directory.stat.inode, device: directory.stat.device });
    expect(again.stat.inode).toBe(directory.stat.inode);
    again.close();
    expect(failureOf(() => openRoot(`${base}/none`)).errno).toBe('ENOENT');
    writeFileSync(`${base}/file`, '');
    expect(failureOf(() => openRoot(`${base}/file`)).errno).toBe('ENOTDIR');
    expect(() => openDirectory(directory, '/etc')).toThrow(/relative/);
    expect(() => openDirectory(directory, '../x')).toThrow(/not a printable path/);
  });

  test('a directory that is not the one that was seen is stale, whatever lies there', () => {
    const root = temporaryDirectory();
    mkdirSync(`${root}/a/b`, { recursive: true });
    mkdirSync(`${root}/other/b`, { recursive: true });
    const directory = opened(root);
    const a = openDirectory(directory, 'a');
    const { device, inode } = a.lstat('b');
    a.close();
    const before = openDescriptors();
    renameSync(`${root}/a`, `${root}/was`);
    symlinkSync('other', `${root}/a`);
    const failure = failureOf(() => openDirectory(directory, 'a/b', { device, inode }));
    expect(failure.errno).toBe('ENOTDIR');
    expect(failureOf(() => openDirectory(directory, 'other/b', { inode })).errno).toBe('ESTALE');
    expect(failureOf(() => openDirectory(directory, 'was/b', { device: device + 1n, inode })).errno).toBe('ESTALE');
    openDirectory(directory, 'was/b', { inode }).close();
    expect(openDescriptors()).toBe(before);
  });

  test('a path beyond 4,096 bytes is walked both ways', () => {
    const root = temporaryDirectory();
    const directory = opened(root);
    const names: string[] = [];
    let current = openDirectory(directory, '');
    for (let i = 0; i < 30; i++) {
      const name =
        i % 2 === 0 ? `${'ü'.repeat(120)}${i}` : Buffer.concat([Buffer.from([0xff]), Buffer.alloc(240, 0x61)]);
      const bytes = Buffer.from(name);
      mkdirSync(Buffer.concat([Buffer.from(`/proc/self/fd/${current.fd}/`), bytes]));
      const text = encodePath(bytes);
      names.push(text);
      const next = openDirectory(current, text);
      current.close();
      current = next;
    }
    writeFileSync(`/proc/self/fd/${current.fd}/deep`, 'deep');
    const { device, inode } = current.stat;
    current.close();
    const path = names.join('/');
    expect(Buffer.byteLength(path)).toBeGreaterThan(7_000);
    const before = openDescriptors();
    for (const expected of [undefined, { device, inode }]) {
      const deep = openDirectory(directory, path, expected);
      expect(deep.stat.inode).toBe(inode);
      expect(deep.lstat('deep').size).toBe(4);
      deep.close();
    }
    expect(failureOf(() => openDirectory(directory, `${path}/none`)).errno).toBe('ENOENT');
    expect(openDescriptors()).toBe(before);
  });

  test('failures leave no descriptor open', () => {
    const root = temporaryDirectory();
    mkdirSync(`${root}/a/b/c`, { recursive: true });
    writeFileSync(`${root}/a/b/file`, '');
    const directory = opened(root);
    const before = openDescriptors();
    for (let i = 0; i < 50; i++) {
      failureOf(() => openDirectory(directory, 'a/b/none'));
      failureOf(() => openDirectory(directory, 'a/b/file'));
      failureOf(() => openDirectory(directory, 'a/b/c', { device: 1n, inode: 1n }));
      failureOf(() => openRoot(`${root}/none`));
      failureOf(() => directory.openFile('none'));
      openDirectory(directory, 'a/b/c').close();
    }
    expect(openDescriptors()).toBe(before);
  });
});
