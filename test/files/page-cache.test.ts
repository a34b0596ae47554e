// An audit reads everything once, and must not push out of the page cache what others have there: what was not in
// memory before is given back.
import { execFileSync } from 'node:child_process';
import { closeSync, fsyncSync, openSync, writeFileSync } from 'node:fs';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { Columns } from '../../services/files/columns.ts';
import type { Directory } from '../../services/files/directory.ts';
import { openRoot } from '../../services/files/open-directory.ts';
import { createHasher, type Hasher } from '../../services/files/hash.ts';
import { type Reader, readContent } from '../../services/files/read.ts';
import { readAt } from '../../services/files/read-at.ts';
import { until } from '../support/poll.ts';
import { temporaryDirectory } from '../support/tree.ts';
import * as sys from '../../services/files/sys.ts';

const MIB = 1024 * 1024;
let hasher: Hasher;
beforeAll(async () => {
  hasher = await createHasher();
});

/** Written to disk, and out of memory as far as the kernel lets it go. */
function place(path: string, bytes: number): void {
  writeFileSync(path, Buffer.alloc(bytes, 7));
  const fd = openSync(path, 'r+');
  fsyncSync(fd);
  sys.dropPages(fd, 0, 0);
  closeSync(fd);
}

/** Null where the file system does not tell. */
function isCached(path: string): boolean | null {
  const fd = openSync(path, 'r');
  try {
    const { address } = sys.memory(4096);
    const got = sys.readCached(fd, address, 1);
    if (got === sys.CANNOT_TELL) return null;
    return got === 1;
  } finally {
    closeSync(fd);
  }
}

function opened(path: string): Directory {
  const directory = openRoot(path);
  onTestFinished(() => directory.close());
  return directory;
}

function reader(): Reader {
  return { hasher, onProgress: () => undefined, nowMs: Date.now };
}

function readFromMedium(directory: Directory, name: string, bytes: number): void {
  const result = readContent(reader(), directory, name, { attempts: 1, isFromMedium: true });
  expect(result.ok && result.bytes).toBe(bytes);
}

const READINGS: readonly (readonly [string, number, (directory: Directory, name: string) => void])[] = [
  [
    'a small file, read by its columns',
    5_000,
    (directory, name) => {
      const columns = new Columns();
      const index = columns.add(Buffer.from(name));
      expect(columns.lookUp(directory, index)).toBe(0);
      const looked = { directory: directory.fd, name: columns.nameAddress(index), view: columns.view };
      expect(readAt(reader(), { ...looked, at: columns.statAt(index) })).toBe(true);
    },
  ],
  [
    'a small file, read by its name',
    5_000,
    (directory, name) => expect(readContent(reader(), directory, name, { attempts: 1 }).ok).toBe(true),
  ],
  ['a small file, read from its medium', 5_000, (directory, name) => readFromMedium(directory, name, 5_000)],
  [
    'a file of several pieces, read from its medium',
    5 * MIB,
    (directory, name) => readFromMedium(directory, name, 5 * MIB),
  ],
  [
    'a file of several pieces',
    5 * MIB,
    (directory, name) => expect(readContent(reader(), directory, name, { attempts: 1 }).ok).toBe(true),
  ],
];

describe.each(READINGS)('%s', (_, bytes, read) => {
  test('that was not in memory is not there afterwards', async (context) => {
    const root = temporaryDirectory();
    place(`${root}/cold`, bytes);
    const before = isCached(`${root}/cold`);
    if (before !== false) context.skip('the file system does not say what is in memory, or keeps everything there');
    // The kernel may keep a page that another processor has in hand or is writing out: then once more.
    await until('it is not kept', () => {
      // Asking has brought its page in.
      place(`${root}/cold`, bytes);
      read(opened(root), 'cold');
      return isCached(`${root}/cold`) === false;
    });
  });

  test('that was in memory stays there', (context) => {
    const root = temporaryDirectory();
    place(`${root}/warm`, bytes);
    execFileSync('cat', [`${root}/warm`], { stdio: ['ignore', 'ignore', 'ignore'] });
    if (isCached(`${root}/warm`) === null) context.skip('the file system does not say what is in memory');
    read(opened(root), 'warm');
    expect(isCached(`${root}/warm`)).toBe(true);
  });
});
