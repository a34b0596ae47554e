// The witness (docs/design.md#witness), sentence by sentence: how a name went, by the times of the directories above
// it.
import { describe, expect, test } from 'vitest';
import { type Absence, type DirectoryLook, Witness, type WitnessInput } from '../../../domain/absence/witness.ts';
import type { PathFacts } from '../../../domain/facts.ts';
import { TIME_MAX_NS } from '../../../domain/version.ts';
import { type AsOfSpec, below, facts, ms, ns, observersOf, seen, version } from './world.ts';

/** A directory's time at each observer, in days; null where it was not there. */
type Times = readonly (number | bigint | null | DirectoryLook)[];

interface World {
  readonly names: readonly string[];
  /** Of d, in which f was; or of several directories. */
  readonly d?: Times;
  readonly directories?: Readonly<Record<string, Times>>;
  readonly asOf?: Readonly<Record<number, AsOfSpec>>;
  readonly input?: Partial<WitnessInput>;
}

function witness({ names, d = [], directories = { d }, asOf = {}, input = {} }: World): Witness {
  const look = (time: Times[number]): DirectoryLook | null => {
    if (time === null) return null;
    if (typeof time === 'object') return time;
    return { mtimeNs: typeof time === 'bigint' ? time : ns(time), inode: 7n, btimeNs: 7n };
  };
  const observers = observersOf(names, asOf);
  return new Witness({
    observers,
    unfinished: new Map(),
    directories: new Map(Object.entries(directories).map(([path, times]) => [path, times.map(look)])),
    keepsTimes: new Map(observers.map(({ volume }) => [volume, 'yes'])),
    changedMs: new Map(),
    gainedUnmoved: new Map(),
    restoredInto: new Map(),
    renamed: new Map(),
    ...input,
  });
}

function absence(world: World, letters: string | PathFacts, end?: number): Absence | null {
  return witness(world).absenceOf(typeof letters === 'string' ? seen('d/f', letters) : letters, end);
}

function how(world: World, letters: string | PathFacts): string | undefined {
  return absence(world, letters)?.how;
}

const OLD = -5;
const LIVE_TWICE = ['live', 'live'];
const ONE = ['n/1', 'live'];
const TWO = ['n/1', 'n/2', 'live'];
const THREE = ['n/1', 'n/2', 'n/3', 'live'];

describe('when a name went', () => {
  test('from the last sighting before it to the first proof after which nobody saw it', () => {
    expect(absence({ names: THREE }, 'xx..')).toMatchObject({ seen: 1, gone: 2 });
    expect(absence({ names: THREE }, 'x.x.')).toMatchObject({ seen: 2, gone: 3 });
  });
  test('nobody who sees it now, and nobody who could not look, proves anything', () => {
    expect(absence({ names: THREE }, 'xx.x')).toBeNull();
    expect(absence({ names: THREE }, 'xx.?')).toBeNull();
    expect(absence({ names: THREE }, 'x?..')).toMatchObject({ seen: 0, gone: 2 });
  });
  test('a gap on the name itself is a sighting', () => {
    const hidden = facts('d/f', [version(-9), below('d', 'f'), null, null]);
    expect(absence({ names: THREE }, hidden)).toMatchObject({ seen: 1, gone: 2 });
  });
  test('an unfinished listing proves nothing: the next proof dates the loss', () => {
    const input = { unfinished: new Map([[1, new Set(['d'])]]) };
    expect(absence({ names: THREE, input }, 'x...')).toMatchObject({ seen: 0, gone: 2 });
  });
  test('a series that never had the name proves nothing', () => {
    expect(absence({ names: ['n/1', 'o/1', 'n/2', 'live'] }, 'x...')).toMatchObject({ seen: 0, gone: 2 });
    expect(absence({ names: ['n/1', 'live', 'live'] }, 'x..')).toMatchObject({ seen: 0, gone: 1 });
  });
  test('what nobody ever saw has no last sighting, and nothing tells of it', () => {
    expect(absence({ names: TWO }, '...')).toEqual({ seen: null, gone: 2, how: 'untold', signals: [] });
  });
  test('of a name that came back, the absence up to an earlier observer can be asked for', () => {
    expect(absence({ names: THREE, d: [OLD, OLD, OLD, OLD] }, 'x..x', 2)).toMatchObject({
      seen: 0,
      gone: 1,
      how: 'silent',
    });
  });
});

describe('live with live', () => {
  test('the same time is silence, and says which directory and when', () => {
    expect(absence({ names: LIVE_TWICE, d: [OLD, OLD] }, 'x.')).toEqual({
      seen: 0,
      gone: 1,
      how: 'silent',
      signals: [
        'the time of its directory (d) did not change between the scan of 2026-01-01T00:00:00.000Z and now: nobody deleted or renamed it',
      ],
    });
  });
  test('a later time is touched', () => {
    expect(absence({ names: LIVE_TWICE, d: [OLD, 0.5] }, 'x.')).toMatchObject({
      how: 'touched',
      signals: ['its directory (d) changed between the scan of 2026-01-01T00:00:00.000Z and now'],
    });
  });
  test('another directory under the same name is no witness: by its inode, or by its birth time', () => {
    const look = (day: number, inode: bigint, btimeNs: bigint): DirectoryLook => ({ mtimeNs: ns(day), inode, btimeNs });
    const pair = (a: DirectoryLook, b: DirectoryLook): string | undefined =>
      how({ names: LIVE_TWICE, d: [a, b] }, 'x.');
    expect(pair(look(OLD, 7n, 7n), look(0.5, 8n, 7n))).toBe('untold');
    expect(pair(look(OLD, 7n, 7n), look(0.5, 7n, 9n))).toBe('untold');
    expect(pair(look(OLD, 7n, 7n), look(0.5, 7n, 0n))).toBe('touched');
    expect(pair(look(OLD, 0n, 0n), look(0.5, 7n, 9n))).toBe('touched');
    // Between a copy and live the numbers always differ.
    expect(how({ names: ONE, d: [look(OLD, 7n, 7n), look(OLD, 8n, 9n)] }, 'x.')).toBe('silent');
  });
  test('a time within two seconds before the look is racy: it may have moved once more in the same tick', () => {
    const second = 1 / 86_400;
    const at = (day: number): string | undefined => how({ names: LIVE_TWICE, d: [day, day] }, 'x.');
    expect(at(-3 * second)).toBe('silent');
    expect(at(-1.9 * second)).toBe('untold');
    expect(at(3)).toBe('untold');
  });
});

describe('a snapshot with live', () => {
  test('the same time is silence, a later one is touched', () => {
    expect(how({ names: ONE, d: [OLD, OLD] }, 'x.')).toBe('silent');
    expect(how({ names: ONE, d: [OLD, 0.5] }, 'x.')).toBe('touched');
  });
  test('times of a copy that were cut to whole seconds are the same', () => {
    expect(how({ names: ONE, d: [(ns(OLD) / 1_000_000_000n) * 1_000_000_000n, OLD] }, 'x.')).toBe('silent');
  });
  test('a time that went back is a rollback, and as silent, where it is certain which look came first', () => {
    expect(how({ names: ONE, d: [OLD, -6] }, 'x.')).toBe('silent');
    expect(how({ names: ONE, d: [OLD, -6], asOf: { 0: { from: 0, source: 'mtime' } } }, 'x.')).toBe('untold');
    expect(how({ names: ONE, d: [OLD, -6], asOf: { 0: { from: 0, source: 'order' } } }, 'x.')).toBe('silent');
  });
  test('a recorded restore into the directory explains its time, if it lies between the two looks', () => {
    const restored = (day: number): Partial<WitnessInput> => ({ restoredInto: new Map([['d', [ms(day)]]]) });
    const at = (day: number): string | undefined => how({ names: ONE, d: [OLD, 0.5], input: restored(day) }, 'x.');
    expect([at(-0.1), at(0), at(0.5), at(1), at(1.1)]).toEqual(['touched', 'untold', 'untold', 'untold', 'touched']);
    expect(how({ names: ONE, d: [OLD, OLD], input: restored(0.5) }, 'x.')).toBe('silent');
    expect(how({ names: ONE, d: [OLD, -6], input: restored(0.5) }, 'x.')).toBe('untold');
  });
  test('a clamped time is none', () => {
    expect(how({ names: ONE, d: [TIME_MAX_NS, TIME_MAX_NS] }, 'x.')).toBe('untold');
    expect(how({ names: ONE, d: [OLD, TIME_MAX_NS] }, 'x.')).toBe('untold');
    expect(how({ names: ONE, d: [-TIME_MAX_NS, OLD] }, 'x.')).toBe('untold');
  });
  test('a time of about the snapshot is racy where its own time is exact, and no clock where it is a day', () => {
    expect(how({ names: ONE, d: [0, 0] }, 'x.')).toBe('untold');
    expect(how({ names: ONE, d: [0, 0], asOf: { 0: { from: 0, to: 0.9 } } }, 'x.')).toBe('silent');
  });
  test('a directory that is younger than the date of its snapshot tells all the same: names are often no clocks', () => {
    expect(how({ names: ONE, d: [0.4, 0.4] }, 'x.')).toBe('silent');
    expect(how({ names: ONE, d: [0.4, 0.6] }, 'x.')).toBe('touched');
  });
});

describe('one series with itself: a copy that is not atomic', () => {
  const SERIES = ['n/1', 'n/2', 'n/3', 'live'];
  /** The directory's time stood in both copies; what the first look after the second copy saw of it. */
  const next = (time: number | null, input: Partial<WitnessInput> = {}): string | undefined =>
    how({ names: SERIES, d: [OLD, OLD, time, null], input }, 'x...');
  const run = { changedMs: new Map([[1, ms(1.2)]]) };

  test('the next sighting of the directory is heard: unmoved is silence', () => {
    expect(next(OLD)).toBe('silent');
  });
  test('a time within the run of the copy is touched: somebody deleted the name between the look at the directory and its listing', () => {
    expect(next(1.1, run)).toBe('touched');
    expect(next(1.1999, run)).toBe('touched');
  });
  test('a time after the run says nothing against the silence', () => {
    expect(next(1.21, run)).toBe('silent');
    expect(next(1.1)).toBe('silent');
  });
  test('a time from before the run is of the run: a snapshot is often taken, and named, when the copying is done', () => {
    expect(next(0.9, run)).toBe('touched');
    expect(next(0.9)).toBe('touched');
  });
  test('a newest change that is twelve hours younger than its date, or younger than the next snapshot, is that of a copy made later', () => {
    const until = (day: number): Partial<WitnessInput> => ({ changedMs: new Map([[1, ms(day)]]) });
    expect([next(1.4, until(1.5)), next(1.4, until(1.51))]).toEqual(['touched', 'silent']);
    expect([next(0.9, until(1.51)), next(1.4, until(9))]).toEqual(['touched', 'silent']);
    const hourly = (day: number): string | undefined =>
      how({ names: SERIES, d: [OLD, OLD, 1.05, 1.05], asOf: { 2: { from: 1.1 } }, input: until(day) }, 'x...');
    expect([hourly(1.1), hourly(1.11)]).toEqual(['touched', 'silent']);
  });
  test('a time that went back later is no deletion', () => {
    expect(next(-6, run)).toBe('silent');
  });
  test('where no later look has the directory, nothing is known', () => {
    expect(next(null)).toBe('untold');
  });
  test('of the newest snapshot live is that next look', () => {
    const names = TWO;
    expect(how({ names, d: [OLD, OLD, 1.1], input: run }, 'x..')).toBe('touched');
    expect(how({ names, d: [OLD, OLD, 1.5], input: run }, 'x..')).toBe('silent');
    expect(how({ names, d: [OLD, OLD, null], input: run }, 'x..')).toBe('untold');
  });
  test('a later look that keeps no times is passed over for the one after it', () => {
    const names = ['n/1', 'n/2', 'o/1', 'live'];
    const keeps = (o: 'no' | 'unknown'): Partial<WitnessInput> => ({
      ...run,
      keepsTimes: new Map([
        ['n', 'yes'],
        ['o', o],
        ['live', 'yes'],
      ]),
    });
    for (const o of ['no', 'unknown'] as const) {
      expect(how({ names, d: [OLD, OLD, 1.1, 1.5], input: keeps(o) }, 'x...'), o).toBe('silent');
      expect(how({ names, d: [OLD, OLD, 1.5, 1.1], input: keeps(o) }, 'x...'), o).toBe('touched');
      expect(how({ names, d: [OLD, OLD, 1.1, null], input: keeps(o) }, 'x...'), o).toBe('untold');
    }
  });
  test('a later time in the second copy is touched', () => {
    expect(how({ names: SERIES, d: [OLD, 0.5, 0.5, 0.5] }, 'x...')).toBe('touched');
  });
});

describe('which directories are witnesses', () => {
  test('a vantage that keeps no directory times tells nothing', () => {
    const keepsTimes = new Map([['n', 'no'] as const]);
    expect(how({ names: ONE, d: [OLD, OLD], input: { keepsTimes } }, 'x.')).toBe('untold');
    expect(how({ names: ONE, d: [OLD, 0.5], input: { keepsTimes } }, 'x.')).toBe('untold');
    const live = new Map([['live', 'no'] as const]);
    expect(how({ names: LIVE_TWICE, d: [OLD, OLD], input: { keepsTimes: live } }, 'x.')).toBe('untold');
  });
  test('where nothing tells whether it keeps them, equal times still do, and differing ones do not', () => {
    for (const keepsTimes of [new Map([['n', 'unknown'] as const]), new Map()]) {
      expect(how({ names: ONE, d: [OLD, OLD], input: { keepsTimes } }, 'x.')).toBe('silent');
      expect(how({ names: ONE, d: [OLD, 0.5], input: { keepsTimes } }, 'x.')).toBe('untold');
      expect(how({ names: ONE, d: [OLD, -6], input: { keepsTimes } }, 'x.')).toBe('untold');
    }
  });
  test('a directory that gained a name under its old time is none, from the look that found so on', () => {
    const gained = (observer: number): string | undefined =>
      how(
        { names: THREE, d: [null, OLD, OLD, OLD], input: { gainedUnmoved: new Map([['d', new Set([observer])]]) } },
        '.x..',
      );
    expect([gained(1), gained(2), gained(3)]).toEqual(['silent', 'untold', 'silent']);
    const live = { gainedUnmoved: new Map([['d', new Set([1])]]) };
    expect(how({ names: ONE, d: [OLD, OLD], input: live }, 'x.')).toBe('untold');
    expect(how({ names: ONE, d: [OLD, 0.5], input: live }, 'x.')).toBe('touched');
  });
  test('of a subtree that went whole the nearest directory that still stands is the witness', () => {
    const directories = { 'a/d': [OLD, null], a: [OLD, OLD], '': [OLD, 0.5] };
    const gone = seen('a/d/f', 'x.');
    expect(how({ names: LIVE_TWICE, directories }, gone)).toBe('silent');
    expect(how({ names: LIVE_TWICE, directories: { ...directories, a: [OLD, 0.5], '': [OLD, OLD] } }, gone)).toBe(
      'touched',
    );
    expect(how({ names: LIVE_TWICE, directories: { 'a/d': [OLD, null] } }, gone)).toBe('untold');
  });
  test("a snapshot's own root is one only if it bears a time that live's root had", () => {
    const top = seen('f', 'x..');
    const root = (...times: Times): string | undefined => how({ names: TWO, directories: { '': times } }, top);
    expect(root(OLD, OLD, OLD)).toBe('silent');
    expect(root(OLD, 0.5, 0.7)).toBe('untold');
    const withLive = ['live', 'n/1', 'n/2', 'live'];
    const both = (...times: Times): string | undefined =>
      how({ names: withLive, directories: { '': times } }, seen('f', '.x..'));
    expect(both(OLD, OLD, 1.5, 1.5)).toBe('touched');
    expect(both(OLD, OLD, 1.5, 1.7)).toBe('touched');
    expect(both(OLD, -7, 1.5, 1.7)).toBe('untold');
  });
  test('a renamed directory is its own witness at its new place', () => {
    const renamed = new Map([['d', 'e']]);
    const world = (after: number): World => ({
      names: ONE,
      directories: { d: [OLD, null], e: [null, after], '': [OLD, 0.5] },
      input: { renamed },
    });
    expect(absence(world(OLD), 'x.')).toMatchObject({ how: 'silent', signals: [expect.stringContaining('(d)')] });
    expect(how(world(0.7), 'x.')).toBe('touched');
    expect(how({ ...world(OLD), input: {} }, 'x.')).toBe('untold');
  });
  test('so is one below a directory that was renamed', () => {
    const directories = { 'a/d': [OLD, null], 'b/d': [null, OLD], a: [OLD, null], b: [null, 0.5], '': [OLD, 0.5] };
    const input = { renamed: new Map([['a', 'b']]) };
    expect(how({ names: ONE, directories, input }, seen('a/d/f', 'x.'))).toBe('silent');
    expect(how({ names: ONE, directories }, seen('a/d/f', 'x.'))).toBe('untold');
  });
  test('what went along with a renamed directory, and is gone from there since, is touched', () => {
    const directories = { d: [OLD, null, null], e: [null, OLD, OLD] };
    const input = { renamed: new Map([['d', 'e']]), stood: (path: string) => path === 'e/f' };
    expect(how({ names: ['n/1', 'live', 'live'], directories, input }, 'x..')).toBe('touched');
    expect(how({ names: ['n/1', 'live', 'live'], directories, input: { renamed: input.renamed } }, 'x..')).toBe(
      'silent',
    );
  });
  test('what stands under the old name of a renamed directory comes first', () => {
    const directories = { d: [OLD, 0.5], e: [null, OLD] };
    expect(how({ names: ONE, directories, input: { renamed: new Map([['d', 'e']]) } }, 'x.')).toBe('touched');
  });
});

describe('several vantage points', () => {
  test('one that says unmoved is enough, whatever the others say', () => {
    // Lost in silence between the two snapshots; a person touched the directory before live was looked at.
    expect(how({ names: THREE, d: [OLD, OLD, OLD, 2.5] }, 'x...')).toBe('silent');
    // The backup touches its directories, live did not.
    expect(how({ names: TWO, d: [OLD, 0.5, OLD] }, 'x..')).toBe('silent');
  });
  test('each has its own last sighting and first proof', () => {
    // Live saw it last, and touched its directory since; the older snapshot is asked about its own pair, in which the
    // directory moved too.
    expect(how({ names: ['n/1', 'live', 'live'], d: [OLD, 0.5, 0.5] }, 'xx.')).toBe('silent');
    expect(how({ names: ['n/1', 'live', 'live'], d: [OLD, 0.5, 1.5] }, 'xx.')).toBe('touched');
  });
  test('a second series is asked as well', () => {
    const names = ['n/1', 'o/1', 'n/2', 'o/2', 'live'];
    expect(how({ names, d: [OLD, OLD, 1.5, OLD, OLD] }, 'xx...')).toBe('silent');
    expect(how({ names, d: [OLD, OLD, 1.5, 1.5, 1.5] }, 'xx...')).toBe('touched');
  });
  test('an earlier absence, from which the name came back, is another one', () => {
    // Lost in silence, restored, and then deleted by a person, before the next snapshot was taken.
    const names = ['n/1', 'live', 'live', 'live'];
    expect(how({ names, d: [OLD, OLD, 1.5, 2.5] }, 'x.x.')).toBe('touched');
    expect(how({ names: ['n/1', 'n/2', 'live', 'live'], d: [OLD, OLD, OLD, 2.5] }, 'x.x.')).toBe('touched');
  });
  test('where it is not certain that the sighting is the later one, the proof counts', () => {
    const names = ['n/1', 'n/2', 'live', 'live'];
    const day = { 1: { from: 1, to: 2.5 } };
    expect(how({ names, d: [OLD, OLD, OLD, 2.9], asOf: day }, 'x.x.')).toBe('silent');
    const estimated = { 1: { from: 1, source: 'mtime' } };
    expect(how({ names, d: [OLD, OLD, OLD, 2.9], asOf: estimated }, 'x.x.')).toBe('silent');
  });
  test('what only a list saw last has no directories to ask', () => {
    const names = ['n/1', 'list:sums/1', 'live'];
    expect(absence({ names, d: [OLD, null, OLD] }, 'xx.')).toEqual({ seen: 1, gone: 2, how: 'untold', signals: [] });
    expect(how({ names: ['list:sums/1', 'n/1', 'live'], d: [null, OLD, OLD] }, 'xx.')).toBe('silent');
  });
});

describe('what became of another kind', () => {
  const [file, link, was] = [version(-9), version(0.5, 'symlink'), version(-9, 'directory')];
  const replaced = (world: World, sights: PathFacts['sights']): Absence | null =>
    witness(world).replacementOf(facts('d/f', sights));

  test('was replaced between the last look at the old one and the first at the new one', () => {
    expect(replaced({ names: THREE, d: [OLD, OLD, 1.5, 1.5] }, [file, file, link, link])).toMatchObject({
      seen: 1,
      gone: 2,
      how: 'touched',
    });
    expect(replaced({ names: ONE, d: [OLD, OLD] }, [file, link])).toMatchObject({ seen: 0, gone: 1, how: 'silent' });
    expect(replaced({ names: ONE }, [was, file])).toMatchObject({ seen: 0, gone: 1, how: 'untold' });
  });
  test('is null for what always was of this kind, and for what is not there', () => {
    expect(replaced({ names: ONE }, [file, file])).toBeNull();
    expect(replaced({ names: ONE }, [file, null])).toBeNull();
    expect(replaced({ names: ONE }, [file, below('d')])).toBeNull();
  });
  test('a list says nothing of kinds', () => {
    expect(replaced({ names: ['list:sums/1', 'live'] }, [file, link])).toBeNull();
  });
});
