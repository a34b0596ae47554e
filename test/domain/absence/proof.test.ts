// Proof of absence (docs/design.md#proof), sentence by sentence.
import { describe, expect, test } from 'vitest';
import { isFinished, type ProofInput, unfinishedListings } from '../../../domain/absence/proof.ts';
import type { PathFacts } from '../../../domain/facts.ts';
import { facts, ms, observersOf, seen, version } from './world.ts';

const THREE = ['n/1', 'n/2', 'n/3', 'live'];

function unfinished(names: readonly string[], paths: readonly PathFacts[], more: Partial<ProofInput> = {}): string[] {
  const input = { observers: observersOf(names), paths, plainFiles: new Map(), restored: new Map(), ...more };
  return [...unfinishedListings(input)].flatMap(([observer, directories]) =>
    [...directories].map((directory) => `${names[observer]} ${directory}`),
  );
}

/** So many files of d, alike. */
function files(count: number, letters: string, prefix = 'f', of = version(-9)): PathFacts[] {
  return Array.from({ length: count }, (_, i) => seen(`d/${prefix}${i}`, letters, of));
}

describe('a directory that a snapshot lacks wholly', () => {
  const directory = version(-9, 'directory');
  test('is no proof where live has it, in the newest snapshot and in any other', () => {
    expect(unfinished(THREE, [seen('d', 'xx.x', directory)])).toEqual(['n/3 d']);
    expect(unfinished(THREE, [seen('d', 'x.xx', directory)])).toEqual(['n/2 d']);
  });
  test('is a proof where live has it no more, where nobody ever had it before, and where it was no directory', () => {
    expect(unfinished(THREE, [seen('d', 'xx..', directory)])).toEqual([]);
    expect(unfinished(THREE, [seen('d', '..xx', directory)])).toEqual([]);
    expect(unfinished(THREE, [facts('d', [version(-9), null, null, directory])])).toEqual([]);
  });
  test('says nothing of a snapshot that could not look there', () => {
    expect(unfinished(THREE, [seen('d', 'xx?x', directory)])).toEqual([]);
  });
  test('is a proof in the second snapshot that lacks it, where live has nothing of what it held: it was removed and made again', () => {
    expect(unfinished(THREE, [seen('d', 'x..x', directory), ...files(9, 'x...')])).toEqual(['n/2 d']);
  });
  test('is no proof in the second one either, where live still has what it held', () => {
    expect(unfinished(THREE, [seen('d', 'x..x', directory), ...files(2, 'x..x')])).toEqual(['n/2 d', 'n/3 d']);
  });
});

describe('names that a snapshot lacks of a directory', () => {
  test.each([
    ['one name of three is a proof', 1, 2, []],
    ['two of six, a third, are none', 2, 4, ['n/2 d']],
    ['two of seven, less than a third, are a proof', 2, 5, []],
    ['three of nine are none', 3, 6, ['n/2 d']],
  ])('%s', (_, lacking, having, expected) => {
    const paths = [...files(lacking, 'x.xx', 'gone'), ...files(having, 'xxxx', 'kept')];
    expect(unfinished(THREE, paths)).toEqual(expected);
  });
  test('what all scans saw alike counts among those that it has', () => {
    const paths = files(2, 'x.xx');
    expect(unfinished(THREE, paths, { plainFiles: new Map([['d', 4]]) })).toEqual(['n/2 d']);
    expect(unfinished(THREE, paths, { plainFiles: new Map([['d', 5]]) })).toEqual([]);
  });
  test('count only if they still stand live', () => {
    expect(unfinished(THREE, files(9, 'x...'))).toEqual([]);
  });
  test('count only with the size and the time that the snapshot before had', () => {
    const [old, later, longer] = [version(-9), version(2.5), version(-9, 'file', 6)];
    const changed = (now: typeof old): PathFacts[] => ['d/a', 'd/b'].map((path) => facts(path, [old, null, null, now]));
    expect(unfinished(THREE, changed(later))).toEqual([]);
    expect(unfinished(THREE, changed(longer))).toEqual([]);
    expect(unfinished(THREE, changed(old))).toEqual(['n/2 d', 'n/3 d']);
  });
  test('count only if the series had them before', () => {
    expect(unfinished(THREE, files(9, '...x'))).toEqual([]);
    expect(unfinished(['n/1', 'o/1', 'live'], files(9, 'x.x'))).toEqual([]);
  });
  test('are held against the last finished copy where the one before is unfinished too', () => {
    expect(unfinished(THREE, files(3, 'x..x'))).toEqual(['n/2 d', 'n/3 d']);
  });
  test('are held against an earlier copy where the one before could not look', () => {
    expect(unfinished(THREE, files(3, 'x?.x'))).toEqual(['n/3 d']);
  });
  test('are counted directory by directory', () => {
    const paths = [seen('d/a', 'x.xx'), seen('e/a', 'x.xx'), seen('d/e/a', 'x.xx')];
    expect(unfinished(THREE, paths)).toEqual([]);
  });
});

describe('what does not count', () => {
  test('a name that a restore put there after the snapshot', () => {
    const restored = (day: number): Map<string, number> => new Map(files(3, 'x.xx').map(({ path }) => [path, ms(day)]));
    expect(unfinished(THREE, files(3, 'x..x'), { restored: restored(2.5) })).toEqual([]);
    expect(unfinished(THREE, files(3, 'xx.x'), { restored: restored(1.5) })).toEqual(['n/3 d']);
  });
  test('a directory that a restore put there after the snapshot', () => {
    const paths = [seen('d', 'xx.x', version(-9, 'directory'))];
    expect(unfinished(THREE, paths, { restored: new Map([['d', ms(2.5)]]) })).toEqual([]);
  });
  test('a name, or a directory, that a later live scan lacked', () => {
    const names = ['n/1', 'live', 'n/2', 'live', 'live'];
    expect(unfinished(names, files(3, 'xx..x'))).toEqual([]);
    expect(unfinished(names, [seen('d', 'xx..x', version(-9, 'directory'))])).toEqual([]);
  });
  test('an earlier live scan that lacked it says nothing against it', () => {
    expect(unfinished(['live', 'n/1', 'live', 'n/2', 'live'], files(3, '.xx.x'))).toEqual(['n/2 d']);
  });
});

test('below an unfinished directory nothing is proven at that observer, and elsewhere it is', () => {
  const marked = new Map([
    [1, new Set(['d'])],
    [2, new Set([''])],
  ]);
  const at = (observer: number, path: string): boolean => isFinished(marked, observer, path);
  expect([at(1, 'd/f'), at(1, 'd/e/f'), at(1, 'd'), at(1, 'e/f'), at(0, 'd/f')]).toEqual([
    false,
    false,
    true,
    true,
    true,
  ]);
  expect([at(2, 'f'), at(2, 'd/f')]).toEqual([false, false]);
});
