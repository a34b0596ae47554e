import { beforeAll, expect, test } from 'vitest';
import { createHasher } from '../../services/files/hash.ts';
import { decodeName } from '../../domain/path.ts';
import type { Kind } from '../../domain/version.ts';
import { Columns } from '../../services/files/columns.ts';
import { ListingDigest } from '../../services/files/listing-digest.ts';
import { STATX } from '../../services/files/stat.ts';

interface Entry {
  readonly name: string;
  readonly kind: Kind;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number | null;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  readonly inode: bigint;
  readonly rdev: bigint | null;
  readonly target: string | null;
  readonly digest: bigint | null;
}

const FORMAT: Readonly<Record<Kind, number>> = {
  file: 0o100000,
  directory: 0o040000,
  symlink: 0o120000,
  fifo: 0o010000,
  socket: 0o140000,
  'char-device': 0o020000,
  'block-device': 0o060000,
};
const columns = new Columns();

/** The entry as statx would have written it. */
function put(entry: Entry): number {
  const index = columns.add(decodeName(entry.name));
  const { view } = columns;
  const at = columns.statAt(index);
  for (let byte = 0; byte < 256; byte++) view.setUint8(at + byte, 0);
  view.setUint16(at + STATX.mode, FORMAT[entry.kind] | entry.mode, true);
  view.setUint32(at + STATX.uid, entry.uid, true);
  view.setUint32(at + STATX.gid, entry.gid, true);
  view.setBigInt64(at + STATX.inode, entry.inode, true);
  // What a file system says of the size of anything but a file is its own business.
  view.setBigInt64(at + STATX.size, BigInt(entry.size ?? 4096 + index), true);
  for (const [time, ns] of [
    [STATX.mtime, entry.mtimeNs],
    [STATX.ctime, entry.ctimeNs],
  ] as const) {
    const nanoseconds = ((ns % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
    view.setBigInt64(at + time, (ns - nanoseconds) / 1_000_000_000n, true);
    view.setUint32(at + time + 8, Number(nanoseconds), true);
  }
  view.setUint32(at + STATX.rdev, 1, true);
  view.setUint32(at + STATX.rdev + 4, Number(entry.rdev ?? 0n), true);
  if (entry.rdev === null) view.setUint32(at + STATX.rdev, 0, true);
  if (entry.target !== null) columns.setTarget(index, entry.target);
  columns.setDigest(index, entry.digest);
  return index;
}

const FILE: Entry = {
  name: 'report.txt',
  kind: 'file',
  mode: 0o644,
  uid: 1_000,
  gid: 1_000,
  size: 5,
  mtimeNs: 1_700_000_000_123_456_789n,
  ctimeNs: 1_700_000_001_000_000_000n,
  inode: -7_170_619_887_888_619_523n,
  rdev: null,
  target: null,
  digest: 0xfedc_ba98_7654_3210n,
};
const LINK: Entry = { ...FILE, name: 'link', kind: 'symlink', size: null, target: 'report.txt', digest: null };
const DEVICE: Entry = { ...FILE, name: 'null', kind: 'char-device', size: null, rdev: 259n, digest: null };
const LONG: Entry = { ...FILE, name: '\\xff'.repeat(255), kind: 'symlink', size: null, target: '\\xff'.repeat(4_095) };

let digest: ListingDigest;

beforeAll(async () => {
  digest = new ListingDigest(await createHasher());
});

function digestsOf(entries: readonly Entry[]): { stat: bigint; content: bigint | null } {
  digest.reset();
  columns.reset();
  for (const entry of entries) {
    const index = put(entry);
    digest.addStat(columns, index);
    digest.addContent(columns, index);
  }
  return { stat: digest.statDigest(), content: digest.contentDigest() };
}

test('the order of the names does not count, and the results fit Postgres', () => {
  const entries = [FILE, LINK, DEVICE, LONG, { ...FILE, name: 'Ä 😀' }];
  const forward = digestsOf(entries);
  expect(digestsOf([...entries].reverse())).toEqual(forward);
  expect(BigInt.asIntN(64, forward.stat)).toBe(forward.stat);
  expect(BigInt.asIntN(64, forward.content ?? 0n)).toBe(forward.content);
  expect(digestsOf([])).toEqual({ stat: 0n, content: 0n });
});

test('the bytes that are hashed never change: recorded digests stay comparable', () => {
  expect(digestsOf([FILE, LINK, DEVICE])).toMatchInlineSnapshot(`
    {
      "content": -4170871566432552142n,
      "stat": 3067148174707401349n,
    }
  `);
});

test('everything that a later scan must notice moves the stat digest', () => {
  const changed: Entry[] = [
    { ...FILE, name: 'report.txu' },
    { ...FILE, name: 'Report.txt' },
    { ...FILE, mode: 0o640 },
    { ...FILE, uid: 4_294_967_294 },
    { ...FILE, gid: 0 },
    { ...FILE, size: 6 },
    { ...FILE, size: 2 ** 40 + 5 },
    { ...FILE, mtimeNs: FILE.mtimeNs + 1n },
    { ...FILE, mtimeNs: -1n },
    { ...FILE, ctimeNs: FILE.ctimeNs + 1n },
    { ...FILE, inode: 1n },
    { ...FILE, kind: 'fifo', size: null },
    { ...FILE, kind: 'socket', size: null },
    LINK,
    { ...LINK, target: 'report.tx' },
    { ...LINK, target: '' },
    { ...LINK, target: null },
    DEVICE,
    { ...DEVICE, rdev: 260n },
    { ...DEVICE, rdev: 0n },
    { ...DEVICE, kind: 'block-device' },
    LONG,
  ];
  const digests = new Set([FILE, ...changed].map((entry) => digestsOf([entry]).stat));
  expect(digests.size).toBe(changed.length + 1);
});

test('only what both sides can share counts in the content digest', () => {
  const base = digestsOf([FILE]).content;
  const elsewhere: Entry = { ...FILE, mode: 0, uid: 1, gid: 1, mtimeNs: 0n, ctimeNs: 0n, inode: 3n };
  expect(digestsOf([elsewhere]).content).toBe(base);
  const changed: Entry[] = [
    { ...FILE, name: 'other' },
    { ...FILE, size: 6 },
    { ...FILE, digest: 1n },
    LINK,
    { ...LINK, target: 'other' },
    DEVICE,
    { ...DEVICE, rdev: 260n },
    { ...FILE, kind: 'fifo', size: null, digest: null },
  ];
  const digests = new Set([FILE, ...changed].map((entry) => digestsOf([entry]).content));
  expect(digests.size).toBe(changed.length + 1);
});

test('unread is not intact: one unread file, and the directory has no content digest until the next reset', () => {
  expect(digestsOf([FILE, { ...FILE, name: 'unread', digest: null }, LINK]).content).toBeNull();
  expect(digestsOf([{ ...FILE, digest: null }]).content).toBeNull();
  expect(digestsOf([LINK, DEVICE]).content).not.toBeNull();
});

test('what another host looked at has the same content digest', () => {
  for (const entry of [
    FILE,
    LINK,
    { ...DEVICE, rdev: 9n },
    LONG,
    { ...FILE, name: 'Ä 😀' },
    { ...FILE, name: '\\xff\\\\' },
  ]) {
    const here = digestsOf([entry]).content;
    // Major 1, as put() has it.
    const rdev = entry.rdev === null ? null : 0x100n | entry.rdev;
    digest.reset();
    digest.addContentOf(entry.name, { ...entry, rdev }, entry.target);
    expect(digest.contentDigest()).toBe(here);
  }
});

test('a name and a target do not run into one another', () => {
  const a = digestsOf([{ ...LINK, name: 'ab', target: 'c' }]);
  const b = digestsOf([{ ...LINK, name: 'a', target: 'bc' }]);
  expect(a.stat).not.toBe(b.stat);
  expect(a.content).not.toBe(b.content);
});
