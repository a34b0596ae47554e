import { beforeAll, expect, test } from 'vitest';
import { createHasher } from '../../services/files/hash.ts';
import { ListingDigest, type StatEntry } from '../../services/files/listing-digest.ts';

interface Entry extends StatEntry {
  readonly name: string;
  readonly target: string | null;
  readonly digest: bigint | null;
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
  for (const entry of entries) {
    digest.addStat(entry.name, entry, entry.target);
    digest.addContent(entry.name, entry, entry.target);
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
      "content": 2482248141095625627n,
      "stat": -2616932252500188745n,
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

test('a name and a target do not run into one another', () => {
  const a = digestsOf([{ ...LINK, name: 'ab', target: 'c' }]);
  const b = digestsOf([{ ...LINK, name: 'a', target: 'bc' }]);
  expect(a.stat).not.toBe(b.stat);
  expect(a.content).not.toBe(b.content);
});
