// Holes of terabytes are left unread and named; what holds content, or tells nothing of its blocks, is read.
import { closeSync, openSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { tooManyHoles } from '../../services/files/holes.ts';
import { canFuse, openFuse, PLAIN } from '../support/fuse.ts';
import { Catalog } from '../support/catalog.ts';
import { write, temporaryDirectory } from '../support/tree.ts';

const TIB = 1024 ** 4;

const catalog = await Catalog.forFile(2);

test('a file of a tebibyte without a block is a gap that is named, and everything beside it is read', async () => {
  const tree = catalog.directory();
  write(tree, { 'log/a': 'a', 'log/lastlog': '', 'log/short': '' });
  truncateSync(join(tree, 'log/lastlog'), TIB);
  truncateSync(join(tree, 'log/short'), 40 * 1024 * 1024);
  expect(await catalog.scan(tree)).toMatchObject({ filesRead: 2, gaps: 1 });
  expect(await catalog.gaps(tree)).toEqual(['log/lastlog failed EFBIG']);
  const [gap] = await catalog.rows(`select detail from gap where errno = 'EFBIG'`);
  expect(gap?.['detail']).toMatch(/^left unread: of its 1024 GiB only 0\.0 hold anything/);
});

function opened<T>(path: string, ask: (fd: number) => T): T {
  const fd = openSync(path, 'r');
  try {
    return ask(fd);
  } finally {
    closeSync(fd);
  }
}

describe('what is read', () => {
  test('is what has few holes, or holds a good part of its size', () => {
    const path = join(temporaryDirectory(), 'f');
    writeFileSync(path, 'f');
    const isLeft = (size: number, held: number): boolean =>
      opened(path, (fd) => tooManyHoles(fd, { size, blocks: held / 512 }) !== null);
    expect(isLeft(TIB / 4, 0)).toBe(false);
    expect(isLeft(TIB / 4 + 4096, 0)).toBe(true);
    expect(isLeft(TIB, TIB / 16)).toBe(true);
    expect(isLeft(TIB, TIB / 16 + 512)).toBe(false);
    expect(isLeft(2 ** 53 - 1, TIB)).toBe(true);
  });

  test.skipIf(!canFuse)(
    'is what lies on a mount that tells no blocks (skipped where FUSE cannot be mounted)',
    async () => {
      const served = await openFuse(temporaryDirectory(), PLAIN, 'ro');
      opened(join(served.at, 'a/f'), (fd) => expect(tooManyHoles(fd, { size: TIB, blocks: 0 })).toBe(null));
      await served.close();
    },
  );
});
