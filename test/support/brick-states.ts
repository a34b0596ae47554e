// What a crash, a person or rot leaves of one name on the bricks of a GlusterFS volume, and what is true of it. What
// the states are is in docs/design.md#gluster.
import type { Truth } from './bricks.ts';
import { bytes } from './tree.ts';

export const BLOCK = 4096;

export interface Copy {
  readonly content?: Buffer;
  readonly mode?: number;
  /** The subvolume that a pointer's mark names. */
  readonly linkto?: number;
  readonly gfid?: string;
  readonly target?: string;
  readonly isDirectory?: boolean;
  /** Blamed by this copy: brick, and how often. */
  readonly blames?: number;
}

/** One name that is being made: where it came from, where its hash leads, and what it held. */
export interface Making {
  /** Subvolumes. */
  readonly from: number;
  readonly to: number;
  readonly content: Buffer;
  readonly gfid: string;
  readonly other: string;
  /** The directory makes clients believe the brick that they ask first. */
  readonly isTrusted: boolean;
  /** On all bricks of a subvolume. */
  readonly put: (subvolume: number, copy: Copy) => void;
  /** On one brick of a subvolume. */
  readonly putOn: (brick: number, copy: Copy) => void;
  readonly bricksOf: (subvolume: number) => readonly number[];
}

type Made = Omit<Truth, 'state' | 'content' | 'rescue'> & {
  readonly content?: Buffer | null;
  readonly rescue?: readonly number[];
};

const LINK = 0o1000;
const MIGRATING = 0o3644;
const NOTHING = Buffer.alloc(0);

/** A copy that was begun: right in size, a prefix, and zeros. */
function begun(content: Buffer): Buffer {
  return bytes(content.subarray(0, BLOCK), Buffer.alloc(content.length - BLOCK));
}

const first = (making: Making, subvolume: number): number => making.bricksOf(subvolume)[0] ?? 0;
const seenAt = (making: Making, subvolume: number): Made => ({ class: 'plain', holder: first(making, subvolume) });

/** Every state of a name, by what a crash or a person did. Each puts its copies and says what is true of them. */
export const STATES: Readonly<Record<string, (making: Making) => Made>> = {
  'where its hash leads': (m) => {
    m.put(m.to, {});
    return seenAt(m, m.to);
  },
  'renamed: a pointer leads to it': (m) => {
    m.put(m.from, {});
    m.put(m.to, { content: NOTHING, mode: LINK, linkto: m.from });
    return seenAt(m, m.from);
  },
  'a symlink with a pointer': (m) => {
    m.put(m.from, { target: '../x\ny' });
    m.put(m.to, { content: NOTHING, mode: LINK, linkto: m.from });
    return { ...seenAt(m, m.from), content: null };
  },
  'an empty file': (m) => {
    m.put(m.to, { content: NOTHING });
    return { ...seenAt(m, m.to), content: NOTHING };
  },
  'killed while copying': (m) => {
    m.put(m.from, { mode: MIGRATING, linkto: m.to });
    m.put(m.to, { content: begun(m.content), mode: LINK, linkto: m.from });
    return seenAt(m, m.from);
  },
  'killed after copying': (m) => {
    m.put(m.from, { mode: MIGRATING, linkto: m.to });
    m.put(m.to, { mode: LINK, linkto: m.from });
    return seenAt(m, m.from);
  },
  'killed after chmod': (m) => {
    m.put(m.from, { mode: MIGRATING, linkto: m.to });
    m.put(m.to, { linkto: m.from });
    return seenAt(m, m.to);
  },
  "killed after the source's mark": (m) => {
    m.put(m.from, { mode: LINK, linkto: m.to });
    m.put(m.to, { linkto: m.from });
    return seenAt(m, m.to);
  },
  'killed after the source was emptied': (m) => {
    m.put(m.from, { content: NOTHING, mode: LINK, linkto: m.to });
    m.put(m.to, {});
    return seenAt(m, m.to);
  },
  'killed at the unlink': (m) => {
    m.put(m.from, { content: NOTHING, mode: LINK });
    m.put(m.to, {});
    return seenAt(m, m.to);
  },
  'moved, with a stale mark': (m) => {
    m.put(m.to, { linkto: m.from });
    return seenAt(m, m.to);
  },
  'moved, with a mode that a dead migration left': (m) => {
    m.put(m.to, { mode: MIGRATING });
    return seenAt(m, m.to);
  },
  hidden: (m) => {
    m.put(m.to, { mode: LINK, linkto: m.from });
    return { ...seenAt(m, m.to), class: 'hidden', rescue: m.bricksOf(m.to).slice(0, 1) };
  },
  'hidden, a prefix and zeros': (m) => {
    m.put(m.to, { content: begun(m.content), mode: LINK, linkto: m.from });
    return { ...seenAt(m, m.to), class: 'hidden', rescue: m.bricksOf(m.to).slice(0, 1) };
  },
  'hidden without a mark': (m) => {
    m.put(m.to, { mode: LINK });
    return { ...seenAt(m, m.to), class: 'hidden', rescue: m.bricksOf(m.to).slice(0, 1) };
  },
  'hidden twice': (m) => {
    m.put(m.from, { mode: LINK, linkto: m.to });
    m.put(m.to, { content: begun(m.content), mode: LINK, linkto: m.from });
    const rescue = [first(m, m.from), first(m, m.to)].toSorted((a, b) => a - b);
    return { class: 'hidden', holder: null, rescue };
  },
  'a dangling pointer': (m) => {
    m.put(m.to, { content: NOTHING, mode: LINK, linkto: m.from });
    return { class: 'internal', holder: null };
  },
  'an empty file with a mark': (m) => {
    m.put(m.to, { content: NOTHING, linkto: m.from });
    return { ...seenAt(m, m.to), content: NOTHING };
  },
  'shadowed by an empty file': (m) => {
    m.put(m.from, {});
    m.put(m.to, { content: NOTHING, linkto: m.from });
    return { ...seenAt(m, m.from), class: 'misplaced' };
  },
  'the same on two': (m) => {
    m.put(m.from, {});
    m.put(m.to, {});
    return seenAt(m, m.to);
  },
  'different on two': (m) => {
    m.put(m.from, {});
    m.put(m.to, { content: bytes(m.content, 'x') });
    return { class: 'misplaced', holder: null, content: null };
  },
  'two files of one name': (m) => {
    m.put(m.from, {});
    m.put(m.to, { gfid: m.other });
    return { class: 'misplaced', holder: null, content: null };
  },
  'a file and a directory': (m) => {
    m.put(m.from, {});
    m.put(m.to, { gfid: m.other, isDirectory: true });
    return { ...seenAt(m, m.to), class: 'misplaced', content: null };
  },
  'a directory with two gfids': (m) => {
    m.put(m.from, { isDirectory: true });
    m.put(m.to, { gfid: m.other, isDirectory: true });
    return { class: 'misplaced', holder: Math.min(first(m, m.from), first(m, m.to)), content: null };
  },
  'not where its hash leads': (m) => {
    m.put(m.from, {});
    return { ...seenAt(m, m.from), class: m.isTrusted ? 'unreachable' : 'plain' };
  },
  'killed before the copy was made': (m) => {
    m.put(m.from, { mode: MIGRATING, linkto: m.to });
    return { ...seenAt(m, m.from), class: m.isTrusted ? 'unreachable' : 'plain' };
  },
  "behind another file's pointer": (m) => {
    m.put(m.from, {});
    m.put(m.to, { content: NOTHING, mode: LINK, linkto: m.from, gfid: m.other });
    return { ...seenAt(m, m.from), class: 'unreachable' };
  },
};

/** States of a replica set: its first brick is wrong. */
export const REPLICA_STATES: typeof STATES = {
  'a stale replica': (m) => {
    const [stale = 0, ...others] = m.bricksOf(m.to);
    m.putOn(stale, { content: bytes('old ', m.content) });
    for (const brick of others) m.putOn(brick, { blames: stale });
    return { class: 'plain', holder: stale + 1 };
  },
  'silent rot': (m) => {
    const [rotten = 0, ...others] = m.bricksOf(m.to);
    m.putOn(rotten, { content: bytes(m.content.subarray(1), 'x') });
    for (const brick of others) m.putOn(brick, {});
    return { class: 'misplaced', holder: others.length > 1 ? rotten + 1 : null };
  },
  'split brain': (m) => {
    const all = m.bricksOf(m.to);
    for (const [nth, brick] of all.entries()) {
      m.putOn(brick, { content: bytes(String(nth), m.content), blames: all[(nth + 1) % all.length] ?? 0 });
    }
    return { class: 'misplaced', holder: null, content: null };
  },
  'not on one replica': (m) => {
    const [lacking = 0, ...others] = m.bricksOf(m.to);
    for (const brick of others) m.putOn(brick, {});
    return { class: 'plain', holder: lacking + 1 };
  },
};
