import { describe, expect, test } from 'vitest';
import type { DirectorySight, Pending } from '../../../domain/gluster/brick.ts';
import type { UnionClass, UnionEvidence, UnionVolume } from '../../../domain/gluster/union.ts';
import { outdated } from '../../../domain/gluster/replicas.ts';
import { unionOf } from '../../../domain/gluster/union-of.ts';
import * as w from './world.ts';

const PAIR = w.volume([2]);
const THREE = w.volume([3]);
const TWO_PAIRS = w.volume([2, 2]);
const OTHER = { digest: 9n } as const;
const AWAY: DirectorySight = { state: 'unknown', gap: w.OFFLINE };
const against = (client: number, counts: Partial<Pending> = { data: 1 }): { pending: readonly Pending[] } => ({
  pending: [w.pending(client, counts)],
});
const dirty = { pending: [{ client: null, data: 1, metadata: 0, entry: 1 }] };

interface Row {
  readonly what: string;
  readonly of: UnionVolume;
  readonly said: readonly (w.Said | DirectorySight)[];
  /** Marks on the directory, by brick. */
  readonly marks?: readonly { readonly pending?: readonly Pending[] }[];
  readonly is: UnionClass;
  readonly holder?: number;
  readonly why?: readonly UnionEvidence[];
}

const ROWS: readonly Row[] = [
  { what: 'two that are the same', of: PAIR, said: [w.file(), w.file()], is: 'plain', holder: 0 },
  {
    what: 'two that were listed only',
    of: PAIR,
    said: [w.file({ digest: null }), w.file({ digest: null })],
    is: 'plain',
    holder: 0,
    why: ['replicas not compared'],
  },
  {
    what: 'silent rot: they differ, and no mark says which is right',
    of: PAIR,
    said: [w.file(), w.file(OTHER)],
    is: 'misplaced',
    why: ['replicas differ'],
  },
  {
    what: 'silent rot in one of three',
    of: THREE,
    said: [w.file(OTHER), w.file(), w.file()],
    is: 'misplaced',
    holder: 1,
    why: ['replicas differ'],
  },
  {
    what: 'rot in what GlusterFS has signed',
    of: PAIR,
    said: [w.file({ ...OTHER, signature: 'broken' }), w.file()],
    is: 'plain',
    holder: 1,
    why: ['signature broken'],
  },
  {
    what: 'a copy that GlusterFS has signed against one that it has not',
    of: PAIR,
    said: [w.file(OTHER), w.file({ signature: 'fits' })],
    is: 'misplaced',
    holder: 1,
    why: ['replicas differ'],
  },
  {
    what: 'two that differ and are both what was signed',
    of: PAIR,
    said: [w.file({ ...OTHER, signature: 'fits' }), w.file({ signature: 'fits' })],
    is: 'misplaced',
    why: ['replicas differ'],
  },
  {
    what: 'rot that GlusterFS has condemned',
    of: PAIR,
    said: [w.file({ ...OTHER, isCondemned: true }), w.file()],
    is: 'plain',
    holder: 1,
    why: ['condemned copy'],
  },
  {
    what: 'a stale brick: the other blames it',
    of: PAIR,
    said: [w.file(OTHER), w.file(against(0))],
    is: 'plain',
    holder: 1,
    why: ['stale replica'],
  },
  {
    what: 'a stale brick whose number nothing tells',
    of: {
      ...PAIR,
      topology: { ...PAIR.topology, bricks: PAIR.topology.bricks.map((one) => ({ ...one, client: null })) },
    },
    said: [w.file(OTHER), w.file(against(0))],
    is: 'plain',
    holder: 1,
    why: ['stale replica'],
  },
  {
    what: 'two blame the third',
    of: THREE,
    said: [w.file(against(2)), w.file(against(2)), w.file(OTHER)],
    is: 'plain',
    holder: 0,
    why: ['stale replica'],
  },
  {
    what: 'split brain: each blames the other',
    of: PAIR,
    said: [w.file(against(1)), w.file({ ...OTHER, ...against(0) })],
    is: 'misplaced',
    why: ['split brain'],
  },
  {
    what: 'a write that was under way blames nobody',
    of: PAIR,
    said: [w.file(dirty), w.file()],
    is: 'plain',
    holder: 0,
  },
  {
    what: 'a brick lacks it, and no mark says why: clients show it and heal the brick',
    of: PAIR,
    said: [w.file(), null],
    is: 'plain',
    holder: 0,
    why: ['replica lacks it'],
  },
  {
    what: 'a name that was deleted while a brick was away: the mark is on the directory',
    of: PAIR,
    said: [w.file(), null],
    marks: [{}, against(0, { entry: 1 })],
    is: 'internal',
    why: ['stale replica'],
  },
  {
    what: 'a name that was made while a brick was away',
    of: PAIR,
    said: [null, w.file()],
    marks: [{}, against(0, { entry: 1 })],
    is: 'plain',
    holder: 1,
  },
  {
    what: 'a name that a brick has as it is, and that missed another one of the directory',
    of: PAIR,
    said: [w.file(), w.file()],
    marks: [{}, against(0, { entry: 1 })],
    is: 'plain',
    holder: 1,
  },
  {
    what: 'a change and a name that a brick missed',
    of: PAIR,
    said: [w.file(OTHER), w.file(against(0))],
    marks: [{}, against(0, { entry: 1 })],
    is: 'plain',
    holder: 1,
    why: ['stale replica'],
  },
  {
    what: 'another file of the name, made while a brick was away',
    of: PAIR,
    said: [w.file({ gfid: w.OTHER_GFID }), w.file()],
    marks: [{}, against(0, { entry: 1 })],
    is: 'plain',
    holder: 1,
    why: ['stale replica'],
  },
  {
    what: 'two bricks that each missed names: clients keep the names of both',
    of: PAIR,
    said: [w.file(), null],
    marks: [against(1, { entry: 1 }), against(0, { entry: 1 })],
    is: 'plain',
    holder: 0,
    why: ['replica lacks it'],
  },
  {
    what: 'two files of one name',
    of: PAIR,
    said: [w.file(), w.file({ gfid: w.OTHER_GFID })],
    is: 'misplaced',
    why: ['gfids differ'],
  },
  {
    what: 'one brick is offline',
    of: PAIR,
    said: [w.file(), AWAY],
    is: 'plain',
    holder: 0,
  },
  {
    what: 'EIO on one copy',
    of: PAIR,
    said: [w.EIO, w.file()],
    is: 'plain',
    holder: 1,
    why: ['brick unseen'],
  },
  {
    what: 'a hidden file on both replicas of its set',
    of: TWO_PAIRS,
    said: [null, null, w.hidden(0), w.hidden(0)],
    is: 'hidden',
    holder: 2,
    why: ['hidden copy'],
  },
  {
    what: 'a pointer on both replicas of the set that its hash leads to',
    of: TWO_PAIRS,
    said: [w.file(), w.file(), w.link(0, { linkto: 'gv-replicate-0' }), w.link(0, { linkto: 'gv-replicate-0' })],
    is: 'plain',
    holder: 0,
  },
  {
    what: 'a pointer that a stale brick alone has leads nobody',
    of: TWO_PAIRS,
    said: [w.file(), w.file(), w.link(0), null],
    marks: [{}, {}, {}, against(2, { entry: 1 })],
    is: 'unreachable',
    holder: 0,
    why: ['not where its hash leads', 'stale replica'],
  },
];

describe('the bricks of a replica set are one', () => {
  test.each(ROWS)('$what: $is', ({ of, said, marks, is, holder, why }) => {
    const sets = of.topology.subvolumes.length;
    const name = w.judged(of, w.nameFor(sets - 1, sets), said, marks);
    expect({ is: name.class, holder: name.holder, why: name.evidence }).toEqual({
      is,
      holder: holder ?? null,
      why: why ?? [],
    });
  });

  test('a hidden copy is copied off the brick that is believed', () => {
    const name = w.nameFor(1, 2);
    const said = [null, null, w.hidden(0, w.PARTIAL), w.hidden(0, against(2))];
    expect(w.judged(TWO_PAIRS, name, said).rescue).toEqual([3]);
  });

  test('what a blamed brick has in place of what was removed or replaced is left out, whatever lies below it', () => {
    const gfids = ['old', 'new', 'new'];
    const left = (stale: readonly number[], of: readonly (string | null)[]): number[] =>
      outdated({ topology: THREE.topology, bricks: [0, 1, 2], stale: new Set(stale) }, (brick) => of[brick] ?? null);
    expect(left([0], gfids)).toEqual([0]);
    expect(left([0], ['old', null, null])).toEqual([0]);
    expect(left([0, 1], ['old', 'other', 'new'])).toEqual([0, 1]);
    expect(left([1], gfids)).toEqual([]);
    expect(left([], gfids)).toEqual([]);
  });

  test('a directory that one brick lacks is told once, and not for each name in it', () => {
    const [name] = unionOf(PAIR, [{ state: 'absent' }, w.listed({ a: w.file() })], false).names;
    expect(name).toMatchObject({ class: 'plain', holder: 1, evidence: [] });
    const [here] = unionOf(PAIR, [w.listed({}), w.listed({ a: w.file() })], false).names;
    expect(here?.evidence).toEqual(['replica lacks it']);
  });

  test('an absence is proven by the bricks that nobody blames', () => {
    const blaming = w.listed({}, against(1, { entry: 1 }));
    const quiet = w.listed({});
    expect(unionOf(PAIR, [blaming, AWAY], false).isComplete).toBe(true);
    expect(unionOf(PAIR, [quiet, AWAY], false).isComplete).toBe(false);
    expect(unionOf(PAIR, [quiet, w.listed({}, { gap: w.EIO })], false).isComplete).toBe(false);
  });
});
