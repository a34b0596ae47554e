import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Appeared, directoryFates, findMoves, type Vanished } from '../../domain/window/moves.ts';

const NIGHT_1 = 1_000;
const NIGHT_2 = 2_000;

function gone(path: string, more: Partial<Vanished> = {}): Vanished {
  return { path, kind: 'file', size: 10, digest: 1n, live: null, alone: false, lastSeenMs: NIGHT_1, ...more };
}

function here(path: string, more: Partial<Appeared> = {}): Appeared {
  return {
    path,
    kind: 'file',
    size: 10,
    digest: 1n,
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

  test('a name that appeared at the very snapshot of the last sighting is a move', () => {
    expect(pairs([gone('a/x', { lastSeenMs: NIGHT_2 })], [here('b/x', { firstSeenMs: NIGHT_2 })])).toEqual({
      'a/x': 'b/x',
    });
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
          expect(a!.firstSeenMs).toBeGreaterThanOrEqual(v!.lastSeenMs);
          expect(candidates.has(from)).toBe(false);
        }
      }),
      { seed: 20261122, numRuns: 300 },
    );
  });
});

function unique<T extends { path: string }>(entries: readonly T[]): T[] {
  return [...new Map(entries.map((e) => [e.path, e])).values()].toSorted((a, b) => (a.path < b.path ? -1 : 1));
}

describe('directories that vanished', () => {
  const moved = (path: string, movedTo: string) => ({ path, fate: 'moved' as const, movedTo });
  const deleted = (path: string) => ({ path, fate: 'deleted' as const, movedTo: null });
  const missing = (path: string) => ({ path, fate: 'missing' as const, movedTo: null });

  test('one whose files all moved is moved, to where most of them went', () => {
    const fates = directoryFates(['a', 'a/s'], [moved('a/1', 'b/1'), moved('a/s/2', 'b/s/2'), moved('a/3', 'c/3')]);
    expect(fates.get('a')).toEqual({ fate: 'moved', movedTo: 'b' });
    expect(fates.get('a/s')).toEqual({ fate: 'moved', movedTo: 'b/s' });
  });

  test('one whose files were all deleted is deleted, one with a missing file is missing, one without any has its own dates', () => {
    const fates = directoryFates(['d', 'm', 'e'], [deleted('d/1'), deleted('d/2'), deleted('m/1'), missing('m/2')]);
    expect(Object.fromEntries(fates)).toEqual({
      d: { fate: 'deleted', movedTo: null },
      m: { fate: 'missing', movedTo: null },
    });
  });
});
