import { mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import type { Version } from '../../domain/version.ts';
import { openRoot } from '../../services/files/open-directory.ts';
import { canFuse, openFuse, PLAIN } from '../support/fuse.ts';
import { byListingOnly, listingOnlyAt, lookAgain, lookByListing, type Suspected } from '../../services/judge/lookup.ts';

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'rollcall-lookup-'));
  mkdirSync(join(root, 'd/deep'), { recursive: true });
  writeFileSync(join(root, 'd/here'), 'here');
  symlinkSync('d', join(root, 'link'));
});

afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

function seen(name: string): Version {
  const stat = statSync(join(root, name), { bigint: true });
  return {
    kind: stat.isDirectory() ? 'directory' : 'file',
    mode: 0o644,
    uid: 0,
    gid: 0,
    size: stat.isDirectory() ? null : Number(stat.size),
    mtimeNs: stat.mtimeNs,
    target: null,
    rdev: null,
    digest: null,
    zeroFrom: null,
    readSeq: null,
    inode: stat.ino,
    ctimeNs: stat.ctimeNs,
    btimeNs: 0n,
    nlink: 1,
    suspect: false,
    racy: false,
    firstSeq: 1n,
    endSeq: null,
    endReason: null,
  };
}

/** The same questions to both ways of looking. */
async function ask(suspected: readonly Suspected[]): Promise<{ lookup: string[]; listing: string[] }> {
  const { looks, by } = await lookAgain({ root, mark: null }, suspected);
  expect(by).toBe('lookup');
  const handle = openRoot(root);
  try {
    return {
      lookup: looks.map((look) => look.outcome),
      listing: suspected.map((one) => lookByListing(handle)(one).outcome),
    };
  } finally {
    handle.close();
  }
}

describe('the second look', () => {
  test('confirms what is still there and still gone, also below what is gone or is no directory', async () => {
    const suspected: Suspected[] = [
      { path: 'd', seen: seen('d') },
      { path: 'd/here', seen: seen('d/here') },
      { path: 'd/gone', seen: null },
      { path: 'never/was/there', seen: null },
      { path: 'd/here/below-a-file', seen: null },
      { path: 'link/here', seen: null },
    ];
    const { lookup, listing } = await ask(suspected);
    expect(lookup).toEqual(suspected.map(() => 'as seen'));
    expect(listing).toEqual(suspected.map(() => 'as seen'));
  });

  test('sees what came back and what went', async () => {
    const before = seen('d/here');
    rmSync(join(root, 'd/here'));
    writeFileSync(join(root, 'd/back'), 'back');
    const { lookup, listing } = await ask([
      { path: 'd/here', seen: before },
      { path: 'd/back', seen: null },
    ]);
    expect(lookup).toEqual(['moved', 'moved']);
    expect(listing).toEqual(['moved', 'moved']);
  });

  test.skipIf(!canFuse).each(['ro', 'rw'] as const)(
    'looks up no absent name on a FUSE mount, %s (skipped without FUSE)',
    async (access) => {
      const place = mkdtempSync(join(tmpdir(), 'rollcall-lookup-fuse-'));
      onTestFinished(() => rmSync(place, { recursive: true, force: true }));
      const served = await openFuse(place, PLAIN, access, join(root, 'share'));
      const { looks, by } = await lookAgain({ root, mark: null }, [
        { path: 'd/gone', seen: null },
        { path: 'share/a/f', seen: { ...seen('share/a/f'), size: 2 } },
        { path: 'share/a/gone', seen: null },
      ]);
      const lookups = served.lookups();
      const [note] = byListingOnly(served.at, listingOnlyAt(served.at));
      await served.close();
      // What is listed is looked at: it has another size than the one that was seen.
      expect(looks.map((look) => look.outcome)).toEqual(['as seen', 'moved', 'as seen']);
      expect([by, note?.text]).toEqual(['second listing', expect.stringContaining('a second time')]);
      expect(lookups).not.toContain('a/gone');
    },
  );

  test('by lookup sees another size or mtime too; a directory’s times are its names’ affair', async () => {
    const file = seen('d/here');
    const directory = seen('d');
    writeFileSync(join(root, 'd/here'), 'more');
    utimesSync(join(root, 'd/here'), 1, 1);
    utimesSync(join(root, 'd'), 1, 1);
    const { looks } = await lookAgain({ root, mark: null }, [
      { path: 'd', seen: directory },
      { path: 'd/here', seen: file },
    ]);
    expect(looks.map((look) => look.outcome)).toEqual(['as seen', 'moved']);
  });
});
