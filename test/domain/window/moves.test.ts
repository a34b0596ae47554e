import { describe, expect, test } from 'vitest';
import { directoryFates } from '../../../domain/window/directory-fates.ts';
import { findMoves, pathsToLookAt, suffixesInQuestion } from '../../../domain/window/moves.ts';
import type { Appeared, Vanished } from '../../../domain/window/pairs.ts';
import { cases, fc } from '../../support/random.ts';

const NIGHT_1 = 1_000;
const NIGHT_2 = 2_000;

function gone(path: string, more: Partial<Vanished> = {}): Vanished {
  return {
    path,
    kind: 'file',
    size: 10,
    digest: 1n,
    mtimeNs: 7n,
    target: null,
    rdev: null,
    suspect: false,
    live: null,
    alone: false,
    firstSeenMs: 0,
    lastSeenMs: NIGHT_1,
    how: null,
    ...more,
  };
}

function here(path: string, more: Partial<Appeared> = {}): Appeared {
  return {
    path,
    kind: 'file',
    size: 10,
    digest: 1n,
    mtimeNs: 7n,
    target: null,
    rdev: null,
    zeroFrom: null,
    live: { root: 1, inode: BigInt(path.length * 1000 + path.charCodeAt(0)), btimeNs: 5n },
    firstSeenMs: NIGHT_2,
    ...more,
  };
}

const pairs = (vanished: Vanished[], appeared: Appeared[]) => Object.fromEntries(findMoves(vanished, appeared).moved);

describe('moves', () => {
  test('one file of a content that vanished and one that appeared is a move, whatever the names', () => {
    expect(pairs([gone('a/x')], [here('b/y')])).toEqual({ 'a/x': 'b/y' });
  });

  test('a file that was rewritten after its move is known by root, inode and birth time', () => {
    const live = { root: 1, inode: 77n, btimeNs: 5n };
    expect(pairs([gone('a/x', { live })], [here('b/y', { live, digest: 2n, size: 11 })])).toEqual({ 'a/x': 'b/y' });
  });

  test('what had one name only is known by its identity wherever it stands, also under a name that it had before, and after two renames', () => {
    const live = { root: 1, inode: 77n, btimeNs: 5n };
    const before = here('b/y', { live, firstSeenMs: Number.NEGATIVE_INFINITY });
    expect(pairs([gone('a/x', { live, alone: true }), gone('c/z', { live, alone: true })], [before])).toEqual({
      'a/x': 'b/y',
      'c/z': 'b/y',
    });
    expect(pairs([gone('a/x', { live, alone: false })], [before])).toEqual({});
  });

  test('an inode number without a birth time, or on another root, identifies nothing', () => {
    const same = { inode: 77n, btimeNs: 0n };
    expect(
      pairs([gone('x', { live: { root: 1, ...same } })], [here('y', { live: { root: 1, ...same }, digest: 2n })]),
    ).toEqual({});
    expect(
      pairs(
        [gone('x', { live: { root: 1, inode: 77n, btimeNs: 5n } })],
        [here('y', { live: { root: 2, inode: 77n, btimeNs: 5n }, digest: 2n })],
      ),
    ).toEqual({});
  });

  test('empty and unread files are never matched by content', () => {
    expect(pairs([gone('x', { size: 0 })], [here('y', { size: 0 })])).toEqual({});
    expect(pairs([gone('x', { digest: null })], [here('y', { digest: null })])).toEqual({});
  });

  test('three vanished against one that appeared stay missing and may have moved there', () => {
    const moves = findMoves([gone('a/x'), gone('b/y'), gone('c/z')], [here('d/w')]);
    expect(moves.moved.size).toBe(0);
    expect([...moves.candidates]).toEqual([
      ['a/x', 'd/w'],
      ['b/y', 'd/w'],
      ['c/z', 'd/w'],
    ]);
  });

  test('two of one name and content against one of that name stay missing both', () => {
    const moves = findMoves([gone('a/x'), gone('b/x')], [here('c/x')]);
    expect(moves.moved.size).toBe(0);
    expect(moves.candidates.size).toBe(2);
  });

  test('an equal base name matches where the counts differ', () => {
    expect(pairs([gone('a/x')], [here('b/other'), here('b/x')])).toEqual({ 'a/x': 'b/x' });
  });

  test('equal counts pair completely, by base name where there is one', () => {
    expect(pairs([gone('a/1'), gone('a/2'), gone('a/3')], [here('b/2'), here('b/8'), here('b/9')])).toEqual({
      'a/1': 'b/8',
      'a/2': 'b/2',
      'a/3': 'b/9',
    });
  });

  test('many files of one name and content follow their directories although a few more of them were made', () => {
    expect(
      pairs(
        [gone('src/p/init'), gone('src/q/init')],
        [here('lib/p/init'), here('lib/q/init'), here('lib/r/init'), here('s/init')],
      ),
    ).toEqual({ 'src/p/init': 'lib/p/init', 'src/q/init': 'lib/q/init' });
  });

  test('content that stood elsewhere before the loss is a copy, not a move', () => {
    const moves = findMoves([gone('a/x', { lastSeenMs: NIGHT_2 })], [here('b/x', { firstSeenMs: NIGHT_1 })]);
    expect(moves.moved.size).toBe(0);
    expect([...moves.copies]).toEqual([['a/x', 'b/x']]);
  });

  test('two names in one snapshot are a copy: who loses the first is not told that it moved', () => {
    const moves = findMoves([gone('a/x', { lastSeenMs: NIGHT_2 })], [here('b/x', { firstSeenMs: NIGHT_2 })]);
    expect(moves.moved.size).toBe(0);
    expect([...moves.copies]).toEqual([['a/x', 'b/x']]);
  });

  test('a name that went in silence was renamed by nobody: equal content elsewhere is a candidate', () => {
    const moves = findMoves([gone('a/x', { how: 'silent' })], [here('b/x')]);
    expect(moves.moved.size).toBe(0);
    expect([...moves.candidates]).toEqual([['a/x', 'b/x']]);
    for (const how of ['touched', 'untold', null] as const)
      expect(pairs([gone('a/x', { how })], [here('b/x')])).toEqual({ 'a/x': 'b/x' });
  });

  test('of two equal files one went in silence: the other one may have moved', () => {
    expect(pairs([gone('a/x', { how: 'silent' }), gone('b/y')], [here('c/z')])).toEqual({ 'b/y': 'c/z' });
  });

  test('a new file of equal content with another inode and another name is a copy, where the old inode is known', () => {
    const live = { root: 1, inode: 77n, btimeNs: 5n };
    const moves = findMoves([gone('a/x', { live })], [here('b/y')]);
    expect(moves.moved.size).toBe(0);
    expect([...moves.candidates]).toEqual([['a/x', 'b/y']]);
    // Copied to another place and deleted: the name says what it is.
    expect(pairs([gone('a/x', { live })], [here('b/x')])).toEqual({ 'a/x': 'b/x' });
  });

  test('without birth times an equal inode and content are a rename', () => {
    const live = { root: 1, inode: 77n, btimeNs: 0n };
    expect(pairs([gone('a/x', { live })], [here('b/y', { live })])).toEqual({ 'a/x': 'b/y' });
  });

  test('whatever vanished and appeared, no place is given twice and nobody moves to where something already stood', () => {
    const entry = fc.record({
      path: fc.constantFrom('a/x', 'a/y', 'b/x', 'b/y', 'c/d/x', 'c/e/x', 'z'),
      digest: fc.constantFrom(1n, 2n, null),
      time: fc.integer({ min: 0, max: 5 }),
      inode: fc.constantFrom(1n, 2n, 3n, 4n),
    });
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 7 }), fc.array(entry, { maxLength: 7 }), (lost, found) => {
        const vanished = unique(lost).map((e) =>
          gone(`old/${e.path}`, {
            digest: e.digest,
            lastSeenMs: e.time,
            live: { root: 1, inode: e.inode, btimeNs: 5n },
          }),
        );
        const appeared = unique(found).map((e) =>
          here(`new/${e.path}`, {
            digest: e.digest,
            firstSeenMs: e.time,
            live: { root: 1, inode: e.inode, btimeNs: 5n },
          }),
        );
        const { moved, candidates } = findMoves(vanished, appeared);
        expect(new Set(moved.values()).size).toBe(moved.size);
        for (const [from, to] of moved) {
          const v = vanished.find((e) => e.path === from);
          const a = appeared.find((e) => e.path === to);
          expect(a!.firstSeenMs).toBeGreaterThan(v!.lastSeenMs);
          expect(candidates.has(from)).toBe(false);
        }
      }),
      { numRuns: cases(300) },
    );
  });
});

describe('renamed files with other content', () => {
  const live = (inode: number) => ({ root: 1, inode: BigInt(inode), btimeNs: 5n });

  test('history follows the file, and the new name is judged by it', () => {
    const moves = findMoves(
      [gone('a/x', { live: live(7), alone: true })],
      [here('b/y', { live: live(7), digest: 2n, mtimeNs: 9n })],
    );
    expect([...moves.moved]).toEqual([['a/x', 'b/y']]);
    expect([...moves.formers]).toEqual([['b/y', 'a/x']]);
  });

  test('with the same content nothing needs to follow', () => {
    expect(
      findMoves([gone('a/x', { live: live(7), alone: true })], [here('b/y', { live: live(7) })]).formers.size,
    ).toBe(0);
  });

  test('a file that nobody can read any more is the same where its size and mtime are', () => {
    const v = gone('a/x', { live: live(7), alone: true, digest: null });
    expect(findMoves([v], [here('b/y', { live: live(7) })]).formers.size).toBe(0);
    expect(findMoves([v], [here('b/y', { live: live(7), mtimeNs: 9n })]).formers.size).toBe(1);
    expect(findMoves([{ ...v, suspect: true }], [here('b/y', { live: live(7) })]).formers.size).toBe(1);
  });

  const many = (
    changed: number,
    same: number,
    rename: (name: string) => string,
    more: Partial<Appeared> = {},
  ): [Vanished[], Appeared[]] => {
    const names = Array.from({ length: changed + same }, (_, i) => `d/f${i}`);
    return [
      names.map((path, i) => gone(path, { live: live(i), alone: true, digest: BigInt(i) })),
      names.map((path, i) =>
        i < changed
          ? here(rename(path), { live: live(i), digest: 999n + BigInt(i), mtimeNs: 9n, ...more })
          : here(rename(path), { live: live(i), digest: BigInt(i) }),
      ),
    ];
  };
  const locked = (name: string) => `${name}.locked`;
  const random = (name: string) => `x/${name.replaceAll('/', '-')}${name.length}`;

  test.each([
    ['ten with one same ending', many(10, 0, locked), 10],
    ['nine are too few', many(9, 0, locked), 0],
    ['half of what was renamed', many(12, 12, locked), 12],
    ['less than half of it', many(12, 13, locked), 0],
    ['other names that tell nothing', many(30, 0, random), 0],
    ['other names, one same extension', many(30, 0, (name) => `${random(name)}.enc`), 30],
    ['emptied', many(30, 0, random, { size: 0 }), 30],
    ['nothing but zeros', many(30, 0, random, { zeroFrom: 0 }), 30],
    ['their mtimes kept', many(30, 0, random, { mtimeNs: 7n }), 30],
    ['the number of a rotation', many(30, 0, (name) => `${name}.1`), 0],
    ['the date of a rotation', many(30, 0, (name) => `${name}-20261129`), 0],
  ])('rewritten in a burst: %s', (_, [lost, found], expected) => {
    const { rewritten, moved, formers } = findMoves(lost, found);
    expect(rewritten.size).toBe(expected);
    for (const path of rewritten.keys()) expect(moved.has(path)).toBe(false);
    for (const path of rewritten.values()) expect(formers.has(path)).toBe(false);
  });

  test('an ending that the volume had before tells nothing, and is asked for with the time that matters', () => {
    const [lost, found] = many(30, 0, locked);
    const asked = suffixesInQuestion(lost, found);
    expect(asked).toMatchObject([{ suffix: '.locked', beforeMs: NIGHT_1 }]);
    expect(asked[0]?.names).toContain('f3.locked');
    expect(findMoves(lost, found, new Set(['.locked'])).rewritten.size).toBe(0);
  });
});

describe('what went along with its directory', () => {
  const directory = { kind: 'directory', size: null, digest: null } as const;
  const empty = { size: 0, digest: 0n } as const;
  const link = { kind: 'symlink', size: null, digest: null, target: '../x' } as const;
  const licence = { digest: 100n } as const;

  test('empty files, links and subdirectories move with most of the others, if they are there', () => {
    const lost = [
      gone('src', directory),
      gone('src/a', { digest: 11n }),
      gone('src/b', { digest: 12n }),
      gone('src/c', { digest: 13n }),
      gone('src/empty', empty),
      gone('src/gone', empty),
      gone('src/link', link),
      gone('src/otherlink', link),
      gone('src/sub', directory),
      gone('src/sub/deep', directory),
    ];
    const found = [here('lib/a', { digest: 11n }), here('lib/b', { digest: 12n })];
    expect(pathsToLookAt(lost, found).toSorted()).toEqual(
      ['c', 'empty', 'gone', 'link', 'otherlink', 'sub', 'sub/deep'].map((name) => `lib/${name}`),
    );
    const looked = [
      here('lib/empty', empty),
      here('lib/link', link),
      here('lib/otherlink', { ...link, target: 'elsewhere' }),
      here('lib/sub', directory),
      here('lib/sub/deep', directory),
    ];
    const moves = findMoves(lost, [...found, ...looked]);
    expect([...moves.moved.keys()].toSorted()).toEqual([
      'src',
      'src/a',
      'src/b',
      'src/empty',
      'src/link',
      'src/sub',
      'src/sub/deep',
    ]);
    expect(moves.moved.get('src')).toBe('lib');
    expect([...moves.directories]).toEqual([['src', 'lib']]);
  });

  test('a minority moves alone', () => {
    const lost = [
      gone('src/a', { digest: 11n }),
      gone('src/b', { digest: 12n }),
      gone('src/c', { digest: 13n }),
      gone('src/empty', empty),
    ];
    const moves = findMoves(lost, [here('lib/a', { digest: 11n }), here('lib/empty', empty)]);
    expect(Object.fromEntries(moves.moved)).toEqual({ 'src/a': 'lib/a' });
  });

  test('a directory that was renamed is known by its own identity, too', () => {
    const live = { root: 1, inode: 5n, btimeNs: 5n };
    const lost = [gone('src', { ...directory, live, alone: true }), gone('src/empty', empty)];
    const found = [here('lib', { ...directory, live }), here('lib/empty', empty)];
    expect(Object.fromEntries(findMoves(lost, found).moved)).toEqual({ src: 'lib', 'src/empty': 'lib/empty' });
  });

  test('among many equal files those of one directory go together, whatever the counts', () => {
    const lost = [
      gone('old/p', directory),
      gone('old/p/LICENSE', licence),
      gone('old/p/code', { digest: 11n }),
      gone('old/q', directory),
      gone('old/q/LICENSE', licence),
      gone('old/q/code', { digest: 12n }),
      gone('old/r/LICENSE', licence),
    ];
    const found = [here('new/LICENSE', licence), here('new/x/LICENSE', licence), here('new/x/code', { digest: 12n })];
    const moves = findMoves(lost, found);
    expect(Object.fromEntries(moves.moved)).toEqual({
      'old/q': 'new/x',
      'old/q/LICENSE': 'new/x/LICENSE',
      'old/q/code': 'new/x/code',
    });
  });

  test('directories of nothing but equal files follow the directory above them', () => {
    const names = ['a', 'b', 'c'];
    const lost = names.map((name) => gone(`src/${name}/LICENSE`, licence));
    const found = names.map((name) => here(`lib/${name}/LICENSE`, licence));
    expect(pairs(lost, found)).toEqual(
      Object.fromEntries(names.map((name) => [`src/${name}/LICENSE`, `lib/${name}/LICENSE`])),
    );
  });

  test('what is not the same there is judged by its old history if the directory is gone, and is no move if it stands', () => {
    const files = [gone('src/a', { digest: 11n }), gone('src/b', { digest: 12n }), gone('src/z', { digest: 13n })];
    const found = ['a', 'b', 'z'].map((name, i) =>
      here(`lib/${name}`, { digest: name === 'z' ? 99n : BigInt(11 + i) }),
    );
    const renamed = findMoves([gone('src', directory), ...files], found);
    expect(renamed.moved.get('src/z')).toBe('lib/z');
    expect([...renamed.formers]).toEqual([['lib/z', 'src/z']]);
    expect(findMoves(files, found).moved.has('src/z')).toBe(false);
  });

  test('a hundred thousand files of a directory that was renamed are found in seconds', () => {
    const count = 100_000;
    const lost: Vanished[] = [];
    const found: Appeared[] = [];
    for (let i = 0; i < count; i++) {
      const digest = BigInt(i % 50_000);
      lost.push(gone(`old/d${i % 1000}/s/f${i}`, { digest }));
      found.push(here(`new/d${i % 1000}/s/f${i}`, { digest }));
    }
    expect(findMoves(lost, found).moved.size).toBe(count);
    // Many of one content: nothing may be quadratic.
    const equal = findMoves(
      lost.slice(0, 20_000).map((v) => ({ ...v, digest: 1n })),
      found.slice(0, 20_000).map((a) => ({ ...a, digest: 1n })),
    );
    expect(equal.moved.size).toBe(20_000);
  }, 60_000);
});

describe('names that were renamed and lost after that', () => {
  const directory = { kind: 'directory', size: null, digest: null } as const;
  const later = { firstSeenMs: NIGHT_2, lastSeenMs: 3_000 } as const;

  test('the loss is told at the last name only', () => {
    const moves = findMoves([gone('a/x', { how: 'touched' }), gone('b/y', later)], []);
    expect([...moves.later]).toEqual([['a/x', 'b/y']]);
    expect(moves.moved.size).toBe(0);
  });

  test('names that stood side by side are two losses', () => {
    expect(findMoves([gone('a/x', { lastSeenMs: NIGHT_2 }), gone('b/y', later)], []).later.size).toBe(0);
    expect(findMoves([gone('a/x', { how: 'silent' }), gone('b/y', later)], []).later.size).toBe(0);
  });

  test('a directory that was renamed before tells it of all that was in it, also where nobody seems to have touched it', () => {
    const lost = [
      gone('src', directory),
      gone('src/x', { how: 'silent', digest: 11n }),
      gone('src/y', { how: 'silent', digest: 12n }),
      gone('src/empty', { how: 'silent', size: 0, digest: 0n }),
      gone('src/unlike', { how: 'silent', digest: 13n }),
    ];
    const renamed = lost
      .slice(1)
      .map((v) => ({ ...v, ...later, path: v.path.replace('src', 'lib'), digest: v.digest === 13n ? 14n : v.digest }));
    expect(Object.fromEntries(findMoves([...lost, ...renamed], []).later)).toEqual({
      'src/x': 'lib/x',
      'src/y': 'lib/y',
      'src/empty': 'lib/empty',
    });
  });
});

describe('lost+found and the trash', () => {
  test('what a repair put into lost+found is displaced, in silence and under a number', () => {
    const live = { root: 1, inode: 77n, btimeNs: 5n };
    const moves = findMoves([gone('a/x', { how: 'silent', live })], [here('mnt/lost+found/#77')]);
    expect(moves.moved.size).toBe(0);
    expect([...moves.displaced]).toEqual([['a/x', 'mnt/lost+found/#77']]);
  });

  test('by its inode as well, and a directory with all that is in it', () => {
    const live = { root: 1, inode: 77n, btimeNs: 5n };
    const directory = { kind: 'directory', size: null, digest: null, live } as const;
    const empty = { size: 0, digest: 0n } as const;
    const moves = findMoves(
      [gone('a', { ...directory, alone: true }), gone('a/x'), gone('a/y', empty)],
      [here('lost+found/#77', directory), here('lost+found/#77/x'), here('lost+found/#77/y', empty)],
    );
    expect(moves.moved.size).toBe(0);
    expect(Object.fromEntries(moves.displaced)).toEqual({
      a: 'lost+found/#77',
      'a/x': 'lost+found/#77/x',
      'a/y': 'lost+found/#77/y',
    });
  });

  test('two equal files and one place: both are displaced, for both are missing', () => {
    expect(findMoves([gone('a/x'), gone('b/y')], [here('lost+found/#1')]).displaced.size).toBe(2);
  });

  test('what lay in lost+found before is a copy; what is moved out of it, or within it, was moved', () => {
    expect(findMoves([gone('a/x', { lastSeenMs: NIGHT_2 })], [here('lost+found/#1')]).displaced.size).toBe(0);
    expect(pairs([gone('lost+found/#1')], [here('lost+found/sorted/x')])).toEqual({
      'lost+found/#1': 'lost+found/sorted/x',
    });
    expect(pairs([gone('lost+found/#1')], [here('a/x')])).toEqual({ 'lost+found/#1': 'a/x' });
  });

  test.each([
    '.Trash-1000/files/x',
    'home/anna/.local/share/Trash/files/x',
    'share/.recycle/x',
    'share/#recycle/a/x',
    'share/@Recycle/x',
    'data/anna/files_trashbin/files/x.d1732848000',
    'sync/.stversions/x~20261129-101010',
  ])('%s is a trash or versions place', (place) => {
    const moves = findMoves([gone('a/x')], [here(place)]);
    expect(moves.moved.size).toBe(0);
    expect([...moves.trashed]).toEqual([['a/x', place]]);
  });

  test('the trash takes one name for one file, and nothing that went in silence', () => {
    expect(findMoves([gone('a/x'), gone('b/y')], [here('.recycle/q')]).trashed.size).toBe(0);
    expect(findMoves([gone('a/x', { how: 'silent' })], [here('.recycle/x')]).trashed.size).toBe(0);
  });

  test('what comes back from the trash has moved', () => {
    expect(pairs([gone('.recycle/x')], [here('a/x')])).toEqual({ '.recycle/x': 'a/x' });
  });
});

function unique<T extends { path: string }>(entries: readonly T[]): T[] {
  return [...new Map(entries.map((e) => [e.path, e])).values()].toSorted((a, b) => (a.path < b.path ? -1 : 1));
}

describe('directories that vanished', () => {
  const moved = (path: string, movedTo: string) => ({ path, fate: 'moved' as const, movedTo, seenAt: 3 });
  const deleted = (path: string, seenAt = 3) => ({ path, fate: 'deleted' as const, movedTo: null, seenAt });
  const missing = (path: string, seenAt = 3) => ({ path, fate: 'missing' as const, movedTo: null, seenAt });
  const seen = (...paths: string[]) => paths.map((path) => ({ path, seenAt: 3 }));

  test('one whose files all moved is moved, to where most of them went', () => {
    const fates = directoryFates(seen('a', 'a/s'), [moved('a/1', 'b/1'), moved('a/s/2', 'b/s/2'), moved('a/3', 'c/3')]);
    expect(fates.get('a')).toEqual({ fate: 'moved', movedTo: 'b' });
    expect(fates.get('a/s')).toEqual({ fate: 'moved', movedTo: 'b/s' });
  });

  test('one whose files were all deleted is deleted, one with a missing file is missing, one without any has its own dates', () => {
    const fates = directoryFates(seen('d', 'm', 'e'), [deleted('d/1'), deleted('d/2'), deleted('m/1'), missing('m/2')]);
    expect(Object.fromEntries(fates)).toEqual({
      d: { fate: 'deleted', movedTo: null },
      m: { fate: 'missing', movedTo: null },
    });
  });

  test('what was tidied out of one while it was still there says nothing of how it went', () => {
    const fates = directoryFates(seen('e', 'm', 'd'), [
      deleted('e/1', 2),
      missing('m/1', 1),
      deleted('d/1', 2),
      deleted('d/2'),
    ]);
    expect(Object.fromEntries(fates)).toEqual({
      m: { fate: 'missing', movedTo: null },
      d: { fate: 'deleted', movedTo: null },
    });
  });
});
