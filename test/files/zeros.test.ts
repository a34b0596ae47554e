// Where the zeros at the end of a content begin, told while it is read.
import { truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import { openRoot } from '../../services/files/open-directory.ts';
import { createHasher } from '../../services/files/hash.ts';
import { readContent } from '../../services/files/read.ts';
import { lengthBeforeZeros, zeroFromAfter } from '../../services/files/zeros.ts';
import { fc } from '../support/random.ts';
import { temporaryDirectory } from '../support/tree.ts';

const MIB = 1024 * 1024;
const hasher = await createHasher();

function naive(bytes: Buffer): number {
  return bytes.findLastIndex((byte) => byte !== 0) + 1;
}

test('zeros at the end begin behind the last byte that is none, however the content is cut into pieces', () => {
  const piece = fc.oneof(
    fc.nat(9_000).map((length) => Buffer.alloc(length)),
    fc.uint8Array({ maxLength: 5 }).map((bytes) => Buffer.from(bytes)),
    fc.nat(9_000).map((length) => Buffer.concat([Buffer.from([7]), Buffer.alloc(length)])),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 6 }), (pieces) => {
      let zeroFrom = 0;
      let at = 0;
      for (const one of pieces) {
        expect(lengthBeforeZeros(one)).toBe(naive(one));
        zeroFrom = zeroFromAfter(zeroFrom, at, one);
        at += one.length;
      }
      expect(zeroFrom).toBe(naive(Buffer.concat(pieces)));
    }),
  );
});

test.each([
  ['an empty file', '', 0, 0],
  ['a file without a zero', 'text', 4, 4],
  ['a file of zeros alone', '', 5_000, 0],
  ['a file of zeros that is longer than what is read at once', '', 3 * MIB + 5, 0],
  ['zeros after the text of a small file', 'text', 4_100, 4],
  ['zeros after the text of a long file', 'text', 2 * MIB, 4],
  ['zeros from the first byte behind a border of what is read at once', 'x'.repeat(MIB), 2 * MIB + 1, MIB],
  ['zeros from the last byte before such a border', 'x'.repeat(MIB - 1), 2 * MIB, MIB - 1],
  ['zeros within a file that ends otherwise', `${'\0'.repeat(MIB)}end`, MIB + 3, MIB + 3],
])('%s is recorded as what it is', (_, begin, size, zeroFrom) => {
  const root = temporaryDirectory();
  writeFileSync(`${root}/f`, begin);
  truncateSync(`${root}/f`, size);
  utimesSync(`${root}/f`, 1_000_000, 1_000_000);
  const directory = openRoot(root);
  onTestFinished(() => directory.close());
  const result = readContent({ hasher, onProgress: () => undefined, nowMs: Date.now }, directory, 'f', { attempts: 1 });
  expect(result).toMatchObject({ ok: true, bytes: size, zeroFrom });
});
