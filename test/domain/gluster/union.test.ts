import { describe, expect, test } from 'vitest';
import type { DirectorySight } from '../../../domain/gluster/brick.ts';
import type { UnionClass, UnionEvidence } from '../../../domain/gluster/union.ts';
import { unionOf } from '../../../domain/gluster/union-of.ts';
import * as w from './world.ts';

const TWO = w.volume([1, 1]);
/** It belongs on brick 1: where a rebalance moves it to. */
const NAME = w.nameFor(1, 2);
const ABSENT: DirectorySight = { state: 'absent' };
const AWAY: DirectorySight = { state: 'unknown', gap: w.OFFLINE };
const IN_PART = w.listed({}, { gap: w.EIO, layout: w.rangeOf(0, 2) });

interface Row {
  readonly what: string;
  /** Brick 0 is where it came from, brick 1 where its hash leads. */
  readonly said: readonly (w.Said | DirectorySight)[];
  readonly is: UnionClass;
  readonly holder?: number;
  readonly why?: readonly UnionEvidence[];
  readonly rescue?: readonly number[];
}

const STATES: readonly Row[] = [
  { what: 'a file where its hash leads', said: [null, w.file()], is: 'plain', holder: 1 },
  { what: 'a file elsewhere, with a pointer', said: [w.file(), w.link(0)], is: 'plain', holder: 0 },
  { what: 'a symlink elsewhere, with a pointer', said: [w.symlink('x'), w.link(0)], is: 'plain', holder: 0 },
  {
    what: 'killed while copying: the source is whole, the copy is a prefix and zeros',
    said: [w.source(1), w.hidden(0, w.PARTIAL)],
    is: 'plain',
    holder: 0,
    why: ['migration unfinished', 'debris'],
  },
  {
    what: 'killed when the copy was whole, before its mode was set',
    said: [w.source(1), w.hidden(0)],
    is: 'plain',
    holder: 0,
    why: ['migration unfinished', 'debris'],
  },
  {
    what: 'killed after the mode of the copy was set',
    said: [w.source(1), w.file({ linkto: 'gv-client-0' })],
    is: 'plain',
    holder: 1,
    why: ['migration unfinished'],
  },
  {
    what: 'killed after the source was marked',
    said: [w.hidden(1), w.file()],
    is: 'plain',
    holder: 1,
    why: ['debris'],
  },
  { what: 'killed after the source was emptied', said: [w.link(1), w.file()], is: 'plain', holder: 1 },
  {
    what: 'killed at the unlink of the source: its mark is off',
    said: [w.link(1, { linkto: null }), w.file()],
    is: 'plain',
    holder: 1,
  },
  {
    what: 'a stale mark on the only file, its source gone',
    said: [null, w.file({ linkto: 'gv-client-0' })],
    is: 'plain',
    holder: 1,
  },
  {
    what: 'power loss: the whole copy is marked as a pointer, the source is gone',
    said: [null, w.hidden(0)],
    is: 'hidden',
    holder: 1,
    why: ['hidden copy'],
    rescue: [1],
  },
  {
    what: 'the same, and the copy ends in zeros',
    said: [null, w.hidden(0, w.PARTIAL)],
    is: 'hidden',
    holder: 1,
    why: ['hidden copy ends in zeros'],
    rescue: [1],
  },
  {
    what: 'two hidden copies that differ: a person or a digest chooses',
    said: [w.hidden(1), w.hidden(0, w.PARTIAL)],
    is: 'hidden',
    why: ['hidden copy ends in zeros', 'copies differ'],
    rescue: [0, 1],
  },
  {
    what: 'two hidden copies that are the same',
    said: [w.hidden(1), w.hidden(0)],
    is: 'hidden',
    holder: 0,
    why: ['hidden copy'],
    rescue: [0, 1],
  },
  {
    what: 'content with the mode of a pointer and no mark',
    said: [null, w.hidden(0, { linkto: null })],
    is: 'hidden',
    holder: 1,
    why: ['hidden copy', 'mode of a link file'],
    rescue: [1],
  },
  {
    what: 'a pointer whose file is gone, or a hidden empty file',
    said: [null, w.link(0)],
    is: 'internal',
    why: ['dangling link'],
  },
  { what: 'an empty file with a mark, alone', said: [null, w.shadow(0)], is: 'plain', holder: 1 },
  {
    what: 'an empty file with a mark before a real file',
    said: [w.file(), w.shadow(0)],
    is: 'misplaced',
    holder: 0,
    why: ['shadowed'],
  },
  {
    what: 'an empty file with a mark beside an empty file',
    said: [w.empty(), w.shadow(0)],
    is: 'plain',
    holder: 1,
    why: ['same copies'],
  },
  {
    what: 'an empty file with a mark, and a hidden copy',
    said: [w.hidden(1), w.shadow(0)],
    is: 'misplaced',
    holder: 1,
    why: ['shadowed', 'hidden copy'],
    rescue: [0],
  },
  {
    what: 'the same file on two bricks',
    said: [w.file(), w.file()],
    is: 'plain',
    holder: 1,
    why: ['same copies'],
  },
  {
    what: 'other content on two bricks',
    said: [w.file(), w.file({ digest: 9n })],
    is: 'misplaced',
    why: ['copies differ'],
  },
  {
    what: 'two copies of which one was not read',
    said: [w.file(), w.file({ digest: null })],
    is: 'misplaced',
    why: ['copies not compared'],
  },
  {
    what: 'two files of one name',
    said: [w.file(), w.file({ gfid: w.OTHER_GFID })],
    is: 'misplaced',
    why: ['gfids differ'],
  },
  {
    what: 'a file and a symlink',
    said: [w.file(), w.symlink('x')],
    is: 'misplaced',
    why: ['kinds differ', 'copies differ'],
  },
  {
    what: 'a file and a directory',
    said: [w.file(), w.directory()],
    is: 'misplaced',
    holder: 1,
    why: ['kinds differ'],
  },
  {
    what: 'a hidden file and a directory',
    said: [w.hidden(1), w.directory()],
    is: 'misplaced',
    holder: 1,
    why: ['kinds differ', 'hidden copy'],
    rescue: [0],
  },
  { what: 'a directory that a brick lacks', said: [w.directory(), null], is: 'plain', holder: 0 },
  {
    what: 'a directory with another gfid after a crash',
    said: [w.directory(), w.directory({ gfid: w.OTHER_GFID })],
    is: 'misplaced',
    holder: 0,
    why: ['gfids differ'],
  },
  {
    what: 'debris with other content than the file',
    said: [w.hidden(1, { digest: 9n }), w.file()],
    is: 'plain',
    holder: 1,
    why: ['debris differs'],
  },
  {
    what: 'debris that was begun in the full length and never written',
    said: [w.hidden(1, { digest: 9n, zeroFrom: 0 }), w.file()],
    is: 'plain',
    holder: 1,
    why: ['debris'],
  },
  {
    what: 'a file that GlusterFS itself has condemned',
    said: [null, w.file({ isCondemned: true })],
    is: 'plain',
    holder: 1,
    why: ['condemned copy'],
  },
];

const REACH: readonly Row[] = [
  {
    what: 'not where its hash leads, and no pointer there',
    said: [w.file(), null],
    is: 'unreachable',
    holder: 0,
    why: ['not where its hash leads'],
  },
  {
    what: 'the same with a migration that did not begin to copy',
    said: [w.source(1), null],
    is: 'unreachable',
    holder: 0,
    why: ['migration unfinished', 'not where its hash leads'],
  },
  { what: 'a directory needs no hash', said: [w.directory(), null], is: 'plain', holder: 0 },
  {
    what: 'a pointer that belongs to another file',
    said: [w.file(), w.link(0, { gfid: w.OTHER_GFID })],
    is: 'unreachable',
    holder: 0,
    why: ['gfids differ'],
  },
  {
    what: 'the same, but it leads elsewhere: clients replace it',
    said: [w.file(), w.link(1, { gfid: w.OTHER_GFID })],
    is: 'plain',
    holder: 0,
  },
  {
    what: 'a pointer without its mark is taken for the file',
    said: [w.file(), w.link(0, { linkto: null })],
    is: 'unreachable',
    holder: 0,
    why: ['mode of a link file'],
  },
  {
    what: 'a brick that has not the directory yet',
    said: [w.file(), ABSENT],
    is: 'plain',
    holder: 0,
    why: ['placement unknown'],
  },
];

const GAPS: readonly Row[] = [
  { what: 'a brick is offline, and the file is elsewhere', said: [w.file(), AWAY], is: 'plain', holder: 0 },
  {
    what: 'a pointer to a brick that is offline',
    said: [AWAY, w.link(0)],
    is: 'gap',
    why: ['dangling link', 'brick unseen'],
  },
  {
    what: 'a hidden copy whose source may stand on a brick that is offline',
    said: [AWAY, w.hidden(0)],
    is: 'gap',
    why: ['hidden copy', 'brick unseen'],
    rescue: [1],
  },
  {
    what: 'a pointer whose brick was listed in part',
    said: [IN_PART, w.link(0)],
    is: 'gap',
    why: ['dangling link', 'brick unseen'],
  },
  { what: 'EIO on the only copy', said: [null, w.EIO], is: 'gap', why: ['brick unseen'] },
  { what: 'EIO where the hash leads', said: [w.file(), w.EIO], is: 'gap', why: ['brick unseen'] },
  { what: 'EIO beside the file', said: [w.EIO, w.file()], is: 'plain', holder: 1, why: ['brick unseen'] },
];

function check({ said, is, holder, why, rescue }: Row): void {
  const name = w.judged(TWO, NAME, said);
  expect({ is: name.class, holder: name.holder, why: name.evidence, rescue: name.rescue }).toEqual({
    is,
    holder: holder ?? null,
    why: why ?? [],
    rescue: rescue ?? [],
  });
}

describe('what a crash leaves', () => {
  test.each(STATES)('$what: $is', check);
});

describe('whether a name opens', () => {
  test.each(REACH)('$what: $is', check);

  test('clients that ask every brick open it', () => {
    expect(w.judged(w.volume([1, 1], { lookupOptimize: false }), NAME, [w.file(), null]).class).toBe('plain');
  });

  test('a directory that is older than the newest rebalance makes clients ask every brick', () => {
    expect(w.judged(w.volume([1, 1], { commitHash: 5 }), NAME, [w.file(), null]).class).toBe('plain');
  });

  test('bricks that disagree on the commit hash make clients ask every brick', () => {
    const old = { layout: w.rangeOf(1, 2, 5) };
    expect(w.judged(TWO, NAME, [w.file(), null], [{}, old]).class).toBe('plain');
  });

  test('on a volume that was never rebalanced the brick that is asked first is believed, but for names at its root', () => {
    const never = w.volume([1, 1], { commitHash: null });
    const all = (hash: number) => [0, 1].map((nth) => ({ layout: w.rangeOf(nth, 2, hash) }));
    expect(w.judged(never, NAME, [w.file(), null], all(0)).class).toBe('unreachable');
    expect(w.judged(never, NAME, [w.file(), null], all(1)).class).toBe('plain');
    expect(w.judged(TWO, NAME, [w.file(), null], all(0)).class).toBe('plain');
  });

  test('a brick without a commit hash beside one that has it leaves it to the order of their answers', () => {
    const none = { layout: w.rangeOf(1, 2, 0) };
    expect(w.judged(TWO, NAME, [w.file(), null], [{}, none])).toMatchObject({
      class: 'plain',
      evidence: ['placement unknown'],
    });
  });

  test('hashes that no brick has, or two have, leave it open', () => {
    const holed = { layout: { ...w.rangeOf(0, 2), start: 7 } };
    expect(w.judged(TWO, NAME, [w.file(), null], [holed]).evidence).toEqual(['placement unknown']);
    const double = { layout: w.rangeOf(0, 1) };
    expect(w.judged(TWO, NAME, [w.file(), null], [double]).class).toBe('plain');
  });

  test('a name of one brick opens wherever its hash leads', () => {
    expect(w.judged(w.volume([1]), NAME, [w.file()], [{ layout: null }])).toMatchObject({ class: 'plain', copies: [] });
  });
});

describe('what could not be asked', () => {
  test.each(GAPS)('$what: $is', check);

  test('where nothing tells how many bricks there are, hashes that none of them has belong to another one', () => {
    const unrecorded = { ...TWO, topology: { ...TWO.topology, name: null } };
    const of = (count: number) => [0, 1].map((brick) => w.listed({}, { layout: w.rangeOf(brick, count) }));
    expect(unionOf(unrecorded, of(2), false)).toMatchObject({ isComplete: true });
    expect(unionOf(unrecorded, of(3), false)).toMatchObject({ isComplete: false, gaps: [{ brick: 2 }] });
    expect(unionOf(TWO, of(3), false)).toMatchObject({ isComplete: true });
  });

  test('a directory proves an absence only where every brick was listed to its end', () => {
    const whole = w.listed({}, { layout: w.rangeOf(1, 2) });
    expect(unionOf(TWO, [ABSENT, whole], false)).toMatchObject({ isComplete: true, missingOn: [0] });
    expect(unionOf(TWO, [AWAY, whole], false)).toMatchObject({ isComplete: false, gaps: [{ brick: 0 }] });
    expect(unionOf(TWO, [IN_PART, whole], false)).toMatchObject({ isComplete: false, gaps: [{ brick: 0 }] });
  });
});

describe('what users see', () => {
  test('a file that is being moved has its own mode, and the time that clients show', () => {
    expect(w.judged(TWO, NAME, [w.source(1, { mdataMtimeNs: 9n }), w.hidden(0)]).entry).toMatchObject({
      mode: 0o644,
      mtimeNs: 9n,
    });
  });

  test('a mode that a dead migration left is not shown', () => {
    expect(w.judged(TWO, NAME, [null, w.file({ mode: 0o3644 })]).entry).toMatchObject({ mode: 0o644 });
  });

  test('internal names are internal at the root only', () => {
    const names = ['.glusterfs', '.shard', '.trashcan', '.glusterfs-anonymous-inode-1', 'lost+found', 'd'];
    const sights = [w.listed(Object.fromEntries(names.map((name) => [name, w.directory()])))];
    const named = (isRoot: boolean): string[] => unionOf(w.volume([1]), sights, isRoot).names.map(({ name }) => name);
    expect(named(true)).toEqual(['d']);
    expect(named(false)).toEqual(names.toSorted());
  });

  test("a directory's time is the newest that clients may show", () => {
    const at = (mdataMtimeNs: bigint | null): DirectorySight => w.listed({}, { mdataMtimeNs });
    expect(unionOf(TWO, [at(5n), at(6n)], false).mtimeNs).toBe(6n);
    expect(unionOf(TWO, [ABSENT, at(null)], false).mtimeNs).toBe(2_000_000_000n);
  });
});
