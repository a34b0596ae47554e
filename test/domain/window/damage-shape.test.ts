// What counts as damage when a burst of it is looked for: two neighbours in one series, by their shapes alone.
import { describe, expect, test } from 'vitest';
import { LIST_METADATA, type Version } from '../../../domain/version.ts';
import { damageShape } from '../../../domain/window/damage-shape.ts';

const DAY_NS = 86_400_000_000_000n;

/** A file that was read, without zeros at its end. */
function file(digest: bigint, size: number, day: bigint, more: Partial<Version> = {}): Version {
  return {
    kind: 'file',
    mode: 0o644,
    uid: 0,
    gid: 0,
    size,
    mtimeNs: day * DAY_NS + 7n,
    target: null,
    rdev: null,
    digest,
    zeroFrom: size,
    readSeq: 1n,
    inode: 1n,
    ctimeNs: day * DAY_NS,
    btimeNs: 0n,
    nlink: 1,
    suspect: false,
    racy: false,
    firstSeq: day,
    endSeq: null,
    endReason: null,
    ...more,
  };
}
const unread = { digest: null, zeroFrom: null, readSeq: null } as const;
const noLooks = { zeroFrom: null } as const;
const zeros = (size: number, day: bigint): Version => file(9n, size, day, { zeroFrom: 0 });

describe('is damage by its shape', () => {
  const before = file(1n, 5000, 1n);
  test.each([
    ['other bytes under the same size and mtime', before, file(2n, 5000, 1n), 'silent'],
    [
      'other bytes under an mtime that a backup cut to seconds',
      before,
      file(2n, 5000, 1n, { mtimeNs: DAY_NS }),
      'silent',
    ],
    ['all zeros of the same size, whenever', before, zeros(5000, 2n), 'zeroed'],
    ['all zeros of another size', before, zeros(8000, 2n), 'zeroed'],
    ['all zeros under the same size and mtime', before, zeros(5000, 1n), 'zeroed'],
    ['all zeros, after a state that nobody read', file(1n, 5000, 1n, unread), zeros(5000, 2n), 'zeroed'],
    [
      'all zeros, after a state that was read before looks were recorded',
      { ...before, ...noLooks },
      zeros(5000, 2n),
      'zeroed',
    ],
    ['4 KiB of zeros at the end that were not there before', before, file(2n, 9096, 2n, { zeroFrom: 5000 }), 'zeroed'],
    ['empty, however new its mtime is', before, file(3n, 0, 2n, { zeroFrom: 0 }), 'emptied'],
    ['empty and unread', before, file(3n, 0, 2n, unread), 'emptied'],
    ['smaller under the same mtime', before, file(2n, 4000, 1n), 'cut off'],
    [
      'smaller under the same mtime, nobody read either',
      file(1n, 5000, 1n, unread),
      file(2n, 40, 1n, unread),
      'cut off',
    ],
  ])('%s', (_, was, is, shape) => expect(damageShape(was, is)).toBe(shape));
});

describe('is an ordinary change', () => {
  const before = file(1n, 5000, 2n);
  test.each([
    ['nothing', before, before],
    ['a newer file', before, file(2n, 6000, 3n)],
    ['a smaller file under a newer mtime: an edit, a log that was rotated', before, file(2n, 40, 3n)],
    ['a larger file under an older mtime: an archive brings its own along', before, file(2n, 6000, 1n)],
    ['a smaller file under an older mtime, likewise', before, file(2n, 4000, 1n)],
    ['as large, under an older mtime', before, file(2n, 5000, 1n)],
    ['an older version that was put back', file(2n, 6000, 3n), before],
    ['the same size and mtime, one side unread', before, file(2n, 5000, 2n, unread)],
    ['zeros that were zeros before: a preallocated file grows', zeros(5000, 1n), zeros(9000, 2n)],
    ['a file that was empty and is zeros now: preallocated', file(3n, 0, 1n, { zeroFrom: 0 }), zeros(5000, 2n)],
    [
      'zeros at the end as before: an archive, a database',
      file(1n, 9000, 1n, { zeroFrom: 900 }),
      file(2n, 9900, 2n, { zeroFrom: 900 }),
    ],
    [
      'zeros at the end, where nobody knows how it ended before',
      file(1n, 5000, 1n, unread),
      file(2n, 9900, 2n, { zeroFrom: 900 }),
    ],
    ['4,095 bytes of zeros', before, file(2n, 9095, 3n, { zeroFrom: 5000 })],
    ['a file that stayed empty', file(3n, 0, 1n), file(3n, 0, 2n)],
    ['another kind', before, file(2n, 0, 3n, { kind: 'fifo', size: null })],
    ['what a list of another tool names', before, file(2n, 0, 3n, LIST_METADATA)],
  ])('%s', (_, was, is) => expect(damageShape(was, is)).toBeNull());
});
