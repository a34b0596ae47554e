import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { Worker } from 'node:worker_threads';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { Directory } from '../../services/files/directory.ts';
import { openRoot } from '../../services/files/open-directory.ts';
import { createHasher, type Hasher } from '../../services/files/hash.ts';
import { type ReadResult, readContent } from '../../services/files/read.ts';
import { at, HOSTILE_NAMES, openDescriptors, temporaryDirectory } from '../support/tree.ts';

const LIMITS = { attempts: 3 };
const MIB = 1024 * 1024;
let hasher: Hasher;

beforeAll(async () => {
  hasher = await createHasher();
});

function opened(path: string): Directory {
  const directory = openRoot(path);
  onTestFinished(() => directory.close());
  return directory;
}

/** An old file, so that nothing about it is racy by its mtime. */
function place(path: string, content: Uint8Array | string): void {
  writeFileSync(path, content);
  utimesSync(path, 1_000_000, 1_000_000);
}

interface Tried {
  readonly result: ReadResult;
  readonly readings: number;
  readonly bytes: number;
}

/**
 * Reads, and does something to the file in the midst of each reading: after its first bytes came and before the second
 * fstat.
 */
function readWhile(directory: Directory, name: string, disturb: (reading: number) => void = () => {}): Tried {
  let readings = 0;
  let bytes = 0;
  let began = false;
  const onProgress = (got: number): void => {
    bytes += got;
    if (!began) disturb(readings);
    began = true;
  };
  const nowMs = (): number => {
    readings += 1;
    began = false;
    return Date.now();
  };
  const result = readContent({ hasher, onProgress, nowMs }, directory, name, LIMITS);
  return { result, readings, bytes };
}

function digestOf(content: Uint8Array | string): bigint {
  return hasher.one(Buffer.from(content));
}

describe('reading', () => {
  test.each([0, 1, 4_095, MIB - 1, MIB, MIB + 1, 3 * MIB + 17])(
    'a file of %d bytes has the digest of its bytes',
    (size) => {
      const root = temporaryDirectory();
      const content = Buffer.alloc(size, 'the quick brown fox ');
      place(`${root}/file`, content);
      const { result, readings, bytes } = readWhile(opened(root), 'file');
      expect(result).toMatchObject({ ok: true, digest: digestOf(content), bytes: size, stat: { kind: 'file', size } });
      expect([readings, bytes]).toEqual([1, size]);
    },
  );

  test('every hostile name is read', () => {
    const root = temporaryDirectory();
    const directory = opened(root);
    for (const [bytes, text] of HOSTILE_NAMES) {
      writeFileSync(at(root, bytes), text);
      expect(readWhile(directory, text).result).toMatchObject({ ok: true, digest: digestOf(text) });
    }
  });

  test('holes are read as the zeros that they stand for', () => {
    const root = temporaryDirectory();
    place(`${root}/sparse`, '');
    truncateSync(`${root}/sparse`, 5 * MIB);
    place(`${root}/written`, Buffer.alloc(5 * MIB));
    const directory = opened(root);
    const sparse = readWhile(directory, 'sparse').result;
    const written = readWhile(directory, 'written').result;
    if (!sparse.ok || !written.ok) throw new Error('not read');
    expect(sparse.digest).toBe(written.digest);
    expect(sparse.bytes).toBe(5 * MIB);
  });

  test('a change within two seconds before the read, or in the future, makes it racy', () => {
    const root = temporaryDirectory();
    place(`${root}/file`, 'content');
    const directory = opened(root);
    const racyAt = (nowMs: number): boolean | null => {
      const result = readContent({ hasher, onProgress: () => {}, nowMs: () => nowMs }, directory, 'file', LIMITS);
      return result.ok ? result.racy : null;
    };
    const ctimeMs = Number(directory.lstat('file').ctimeNs / 1_000_000n);
    expect(racyAt(ctimeMs + 1_900)).toBe(true);
    expect(racyAt(ctimeMs + 2_100)).toBe(false);
    utimesSync(`${root}/file`, 1_000_000, 4_000_000_000);
    expect(racyAt(ctimeMs + 3_600_000)).toBe(true);
  });
});

describe('a file that moves while it is read', () => {
  test('one that grows under every reading is unsettled', () => {
    const root = temporaryDirectory();
    place(`${root}/file`, 'begin');
    const { result, readings } = readWhile(opened(root), 'file', () => appendFileSync(`${root}/file`, 'more'));
    expect(result).toMatchObject({ ok: false, status: 'unsettled', errno: null });
    expect(readings).toBe(3);
  });

  test('one that another thread writes to all the time is unsettled', async () => {
    const root = temporaryDirectory();
    place(`${root}/file`, Buffer.alloc(2 * MIB));
    const shared = new Int32Array(new SharedArrayBuffer(8));
    const writer = new Worker(
      `const { workerData: { path, shared } } = require('node:worker_threads');
       const fs = require('node:fs');
       const fd = fs.openSync(path, 'a');
       while (Atomics.load(shared, 1) === 0) { fs.writeSync(fd, 'x'); Atomics.add(shared, 0, 1); Atomics.notify(shared, 0); Atomics.wait(shared, 1, 0, 1); }
       fs.closeSync(fd);`,
      { eval: true, workerData: { path: `${root}/file`, shared } },
    );
    try {
      const { result, readings } = readWhile(opened(root), 'file', () => {
        const written = Atomics.load(shared, 0);
        if (Atomics.wait(shared, 0, written, 20_000) === 'timed-out') throw new Error('the writer does not write');
      });
      expect(result).toMatchObject({ ok: false, status: 'unsettled', errno: null });
      expect(readings).toBe(3);
    } finally {
      const ended = new Promise((resolve) => writer.once('exit', resolve));
      Atomics.store(shared, 1, 1);
      Atomics.notify(shared, 1);
      await ended;
    }
  });

  test('one that grows faster than it is read is not read for ever: each reading stops behind the size that it began with', () => {
    const root = temporaryDirectory();
    place(`${root}/file`, Buffer.alloc(2 * MIB));
    let bytes = 0;
    const onProgress = (got: number): void => {
      bytes += got;
      // Not without end, so that a reader who goes along with it ends as well.
      if (bytes < 50 * MIB) appendFileSync(`${root}/file`, Buffer.alloc(got));
    };
    const result = readContent({ hasher, onProgress, nowMs: Date.now }, opened(root), 'file', { attempts: 1 });
    expect(result).toMatchObject({
      ok: false,
      status: 'unsettled',
      errno: null,
      detail: expect.stringMatching(/changed/),
    });
    expect(bytes).toBe(3 * MIB);
  });

  test('one that comes to rest is read as it is then', () => {
    const root = temporaryDirectory();
    place(`${root}/file`, 'begin');
    const { result, readings } = readWhile(opened(root), 'file', (reading) => {
      if (reading < 3) appendFileSync(`${root}/file`, 'more');
    });
    expect(result).toMatchObject({ ok: true, digest: digestOf('beginmoremore'), bytes: 13, racy: true });
    expect(readings).toBe(3);
  });

  test('one that is cut, and one that is overwritten at the same size', () => {
    const root = temporaryDirectory();
    const directory = opened(root);
    for (const disturb of [
      (): void => truncateSync(`${root}/file`, 100),
      (): void => writeFileSync(`${root}/file`, Buffer.alloc(3 * MIB, 'b')),
    ]) {
      place(`${root}/file`, Buffer.alloc(3 * MIB, 'a'));
      const { result, readings } = readWhile(directory, 'file', (reading) => {
        if (reading === 1) disturb();
      });
      expect(result).toMatchObject({ ok: true, digest: digestOf(readFileSync(`${root}/file`)) });
      expect(readings).toBe(2);
    }
  });

  test('one that is replaced is read again under its name', () => {
    const root = temporaryDirectory();
    place(`${root}/file`, 'old content');
    place(`${root}/next`, 'new content');
    const directory = opened(root);
    const inode = directory.lstat('next').inode;
    const { result } = readWhile(directory, 'file', (reading) => {
      if (reading === 1) renameSync(`${root}/next`, `${root}/file`);
    });
    expect(result).toMatchObject({ ok: true, digest: digestOf('new content'), stat: { inode } });
  });

  test('one that vanishes is told as such, and only that', () => {
    const root = temporaryDirectory();
    place(`${root}/file`, 'content');
    const directory = opened(root);
    const { result } = readWhile(directory, 'file', () => unlinkSync(`${root}/file`));
    expect(result).toMatchObject({ ok: false, status: 'unsettled', errno: 'ENOENT' });
    expect(readWhile(directory, 'never').result).toMatchObject({ ok: false, errno: 'ENOENT' });
  });

  test('one that does not move and has other bytes than its size says could not be read: nothing is writing to it', () => {
    const { result, readings } = readWhile(opened('/proc/sys/kernel'), 'ostype');
    expect(result).toMatchObject({ ok: false, status: 'io', errno: null });
    expect(readings).toBe(3);
  });

  test('a hard link that comes while a file is read is a change of the copy', () => {
    const root = temporaryDirectory();
    place(`${root}/file`, 'content');
    const { result, readings } = readWhile(opened(root), 'file', (reading) => {
      if (reading === 1) linkSync(`${root}/file`, `${root}/second`);
    });
    expect(result).toMatchObject({ ok: true, digest: digestOf('content'), stat: { nlink: 2 } });
    expect(readings).toBe(2);
  });
});

describe('what cannot be read', () => {
  test('what is no file any more ends the reading at once, without a hang', () => {
    const root = temporaryDirectory();
    execFileSync('mkfifo', [`${root}/fifo`]);
    symlinkSync('/etc/passwd', `${root}/link`);
    mkdirSync(`${root}/directory`);
    const directory = opened(root);
    for (const name of ['fifo', 'link', 'directory']) {
      expect(readWhile(directory, name).result).toMatchObject({ ok: false, status: 'unsettled', errno: null });
    }
  });

  test('no permission is denied, by its errno', () => {
    const root = temporaryDirectory();
    chmodSync(root, 0o755);
    writeFileSync(`${root}/file`, 'secret');
    chmodSync(`${root}/file`, 0o000);
    const directory = opened(root);
    const asRoot = process.geteuid?.() === 0;
    if (asRoot) process.seteuid?.(65534);
    try {
      const { result } = readWhile(directory, 'file');
      expect(result).toMatchObject({ ok: false, status: 'denied', errno: 'EACCES' });
      if (!result.ok) expect(result.detail).toContain(`${root}/file`);
    } finally {
      if (asRoot) process.seteuid?.(0);
    }
  });

  test('an error of the medium is io', () => {
    // Reading another process's memory at 0 is an honest EIO, without a broken disk; its size of 0 comes before, so it
    // needs bytes to be read.
    const directory = opened('/proc/self');
    const { result } = readWhile(directory, 'mem');
    expect(result).toMatchObject({ ok: false, status: 'io', errno: 'EIO' });
  });

  test('no reading leaves a descriptor open', () => {
    const root = temporaryDirectory();
    place(`${root}/file`, 'content');
    const directory = opened(root);
    const before = openDescriptors();
    for (let i = 0; i < 20; i++) {
      readWhile(directory, 'file');
      readWhile(directory, 'none');
      readWhile(directory, 'file', () => appendFileSync(`${root}/file`, '.'));
    }
    readWhile(opened('/proc/self'), 'mem');
    expect(openDescriptors()).toBe(before + 1);
    expect(() =>
      readWhile(directory, 'file', () => {
        throw new Error('stop');
      }),
    ).toThrow('stop');
    expect(openDescriptors()).toBe(before + 1);
  });
});
