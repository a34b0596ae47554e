// A directory that was renamed is its own witness at its new place: for the names that are absent there, and for no
// others.
import { expect, test } from 'vitest';
import { type DirectoryLook, Witness } from '../../../domain/absence/witness.ts';
import type { Sight } from '../../../domain/facts.ts';
import { file, gone, type Line, observersOf, sightsOf } from '../judge/scene.ts';

const LINES: readonly Line[] = [
  ['live/0', file('a', 0)],
  ['live/1', gone],
  ['live/2', gone],
].map(([, seen], i) => ['live', seen, { asOf: i + 1 }] as Line);

/** `old` was renamed to `new` between the first look and the second, and nobody changed a name in it then. */
function howOf(alongSeen: readonly boolean[]): string | undefined {
  const observers = observersOf(LINES);
  const look = { mtimeNs: BigInt(observers[0]?.scan.asOf.fromMs ?? 0) * 1_000_000n - 86_400_000_000_000n };
  const at = (inode: bigint, ...there: readonly boolean[]): (DirectoryLook | null)[] =>
    there.map((is) => (is ? { ...look, inode, btimeNs: 1n } : null));
  const witness = new Witness({
    observers,
    unfinished: new Map(),
    directories: new Map([
      ['old', at(7n, true, false, false)],
      ['new', at(7n, false, true, true)],
    ]),
    keepsTimes: new Map([['live', 'yes']]),
    changedMs: new Map(),
    gainedUnmoved: new Map(),
    restoredInto: new Map(),
    renamed: new Map([['old', 'new']]),
    stood: (path, observer) => path === 'new/f' && alongSeen[observer] === true,
  });
  const sights: readonly Sight[] = sightsOf(LINES, observers);
  return witness.absenceOf({ path: 'old/f', sights, readings: [], comparisons: [] })?.how;
}

test.each([
  ['a name that did not arrive at the new place is gone in silence', [false, false, false], 'silent'],
  [
    'a name that went along, and was deleted there days later, was not lost at the rename',
    [false, true, false],
    'touched',
  ],
])('%s', (_, alongSeen, how) => {
  expect(howOf(alongSeen)).toBe(how);
});
