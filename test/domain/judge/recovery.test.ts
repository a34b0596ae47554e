// Last known good and the way back: which observation is trusted, which copy is taken, what is read to be sure; and the
// cause.
import { describe, expect, test } from 'vitest';
import { NO_MOVES } from '../../../domain/window/moves.ts';
import type { Cause } from '../../../domain/assessment.ts';
import type { Version } from '../../../domain/version.ts';
import { DAY_MS } from '../../../domain/lengths.ts';
import { digestOf, directory, file, gap, gone, judged, observersOf, sightsOf, T0_MS } from './scene.ts';

const good = file('good content', 1);
const newer = file('newer content', 2.5);
const unread = (entry: typeof good) => ({ ...entry, unread: true });
const ZEROS = '\0'.repeat(12);

describe('last known good', () => {
  test('a live scan newer than every snapshot is what was known: the backup has only an older version', () => {
    const it = judged({
      lines: [
        ['n/1', good],
        ['live', newer],
        ['live', gone],
      ],
    });
    expect(it).toMatchObject({ verdict: 'missing', lkgAt: 'live', recovery: 'older', sourceAt: 'n/1' });
  });
  test('a pruned snapshot is evidence and no source', () => {
    const it = judged({
      lines: [
        ['n/1', good],
        ['n/2', newer, { pruned: true }],
        ['live', gone],
      ],
    });
    expect(it).toMatchObject({ lkgAt: 'n/2', recovery: 'older', sourceAt: 'n/1' });
    expect(
      judged({
        lines: [
          ['n/1', good],
          ['n/2', good, { pruned: true }],
          ['live', gone],
        ],
      }),
    ).toMatchObject({ lkgAt: 'n/2', recovery: 'exact', sourceAt: 'n/1' });
  });
  test('of two copies that differ under one mtime nobody knows which has rotted, whichever was read first; a third decides', () => {
    const copies = [
      ['n/1', { ...good, inode: 1n }],
      ['n/2', { ...file('rott content', 1), inode: 2n }],
    ] as const;
    const two = judged({ lines: [...copies, ['live', gone]] });
    expect(two).toMatchObject({ verdict: 'missing', recovery: 'exact', flags: ['side unknown'] });
    const three = judged({ lines: [['live', { ...good, inode: 3n }], ...copies, ['live', gone]] });
    expect(three).toMatchObject({ verdict: 'missing', lkgAt: 'n/1', recovery: 'exact', sourceAt: 'n/1', flags: [] });
  });
  test('a snapshot of zeros in the window is not known good when the path is gone, read or only listed', () => {
    const zeros = file(ZEROS, 2.5);
    expect(
      judged({
        lines: [
          ['n/1', good],
          ['n/2', zeros],
          ['live', gone],
        ],
      }),
    ).toMatchObject({ lkgAt: 'n/1', recovery: 'exact', sourceAt: 'n/1' });
    expect(
      judged({
        lines: [
          ['n/1', unread(good)],
          ['n/2', unread(zeros)],
          ['n/3', gone],
          ['live', gone],
        ],
      }),
    ).toMatchObject({
      lkgAt: 'n/1',
      recovery: 'exact',
      sourceAt: 'n/1',
    });
  });
  test('where two backups cannot be ordered by time, the newer mtime is the newer state', () => {
    const day = [1, 2] as const;
    const lines = (a: typeof good, b: typeof good) =>
      [
        ['n/1', a, { asOf: day }],
        ['other/1', b, { asOf: [1.5, 1.5] }],
        ['live', gone, { asOf: 3 }],
      ] as const;
    expect(judged({ lines: lines(good, newer) }).lkgAt).toBe('other/1');
    expect(judged({ lines: lines(newer, good) }).lkgAt).toBe('n/1');
  });
  test('within one series its own order stands, whatever the mtimes say', () => {
    const it = judged({
      window: [['n/2', 'live']],
      lines: [
        ['n/1', newer],
        ['n/2', file('other content', 1)],
        ['live', gone],
      ],
    });
    expect(it.lkgAt).toBe('n/2');
  });
  test('where its order is estimated, or its dates overlap, a copy with a newer mtime is not passed over, and that is said', () => {
    for (const how of [{ source: 'mtime' }, { source: 'weekday' }, { asOf: [1, 2] as const }]) {
      const it = judged({
        window: [['n/2', 'live']],
        lines: [
          ['n/1', newer, how],
          ['n/2', good, how],
          ['n/3', unread(good), how],
          ['live', gone, { asOf: 3 }],
        ],
      });
      expect(it).toMatchObject({ lkgAt: 'n/1', recovery: 'exact', sourceAt: 'n/1' });
      expect(it.evidence).toContain('The order of these snapshots is estimated.');
    }
  });
  test('a series with an estimated order beside a certain one: each is merged where it belongs', () => {
    const how = { source: 'mtime' };
    const it = judged({
      window: [['n/4', 'live']],
      lines: [
        ['n/1', newer, how],
        ['m/2', good],
        ['n/3', good, how],
        ['m/4', newer],
        ['live', gone],
      ],
    });
    expect(it).toMatchObject({ lkgAt: 'm/4', recovery: 'exact', sourceAt: 'm/4' });
  });
});

describe('the source', () => {
  test('the newest copy whose bytes were read is taken', () => {
    const it = judged({
      lines: [
        ['n/1', good],
        ['n/2', unread(good)],
        ['n/3', gone],
        ['live', gone],
      ],
    });
    // A second copy is read to be sure, and with that it is the newest whose bytes were read.
    expect(it).toMatchObject({ recovery: 'exact', sourceAt: 'n/2', asked: ['read n/2'] });
  });
  test('a source that was only listed is read; one that cannot be read is skipped for the next', () => {
    const first = judged({
      lines: [
        ['n/1', unread(good)],
        ['n/2', unread(good)],
        ['live', gone],
      ],
    });
    expect(first).toMatchObject({ recovery: 'exact', sourceAt: 'n/2', asked: ['read n/2', 'read n/1'] });
    const second = judged({
      lines: [
        ['n/1', unread(good)],
        ['n/2', { ...unread(good), fails: 'EIO' }],
        ['live', gone],
      ],
    });
    expect(second).toMatchObject({ recovery: 'exact', sourceAt: 'n/1', asked: ['read n/2', 'read n/1'] });
  });
  test('a copy that reads differently from what was known is one against one: it is in no list until a person decides', () => {
    const it = judged({
      lines: [
        ['n/1', { ...file('rott content', 1), unread: true, inode: 8n }],
        ['n/2', good, { pruned: true }],
        ['live', gone],
      ],
    });
    expect(it).toMatchObject({ verdict: 'missing', recovery: 'exact', flags: ['side unknown'], asked: ['read n/1'] });
    expect(it.evidence.join(' ')).toMatch(/[0-9a-f]{16} in n\/1, [0-9a-f]{16} in n\/2/);
  });
  test('nothing readable anywhere is lost for good', () => {
    const it = judged({
      lines: [
        ['n/1', { ...unread(good), fails: 'EIO' }],
        ['live', gone],
      ],
    });
    expect(it).toMatchObject({ verdict: 'missing', recovery: 'none', source: null });
  });
  test('a gap in a snapshot hides its copy', () => {
    expect(
      judged({
        lines: [
          ['n/1', good],
          ['n/2', gap('io', 'EIO')],
          ['live', gone],
        ],
      }),
    ).toMatchObject({ recovery: 'exact', sourceAt: 'n/1' });
  });
  test('an exported scan proves its copies by the reading on its own host, and an unread one proves nothing', () => {
    const far = { exported: true };
    expect(
      judged({
        lines: [
          ['n/1', good, far],
          ['live', gone],
        ],
      }),
    ).toMatchObject({ recovery: 'exact', source: { proof: 'export', proofAtMs: T0_MS + 99 * DAY_MS } });
    expect(
      judged({
        lines: [
          ['n/1', unread(good), far],
          ['live', gone],
        ],
      }),
    ).toMatchObject({ recovery: 'none', asked: [] });
  });
  test('the same content under another name is an exact source where its own copies are gone', () => {
    const observers = observersOf([
      ['n/1', good],
      ['live', gone],
    ]);
    const version = sightsOf(
      [
        ['n/1', good],
        ['live', gone],
      ],
      observers,
    )[0] as Version;
    const it = judged({
      lines: [
        ['n/1', gone],
        ['live', good],
        ['live', gone],
      ],
      surroundings: { copies: [{ observer: 0, path: 'old/f', version }] },
    });
    expect(it).toMatchObject({ verdict: 'missing', recovery: 'exact', source: { path: 'old/f' } });
  });
  test('a damaged older version is not offered as the older one', () => {
    const it = judged({
      lines: [
        ['n/1', good],
        ['n/2', file(ZEROS, 2)],
        ['live', newer],
        ['live', gone],
      ],
    });
    expect(it).toMatchObject({ lkgAt: 'live', recovery: 'older', sourceAt: 'n/1' });
  });
  test('an older version of another kind is no source', () => {
    expect(
      judged({
        lines: [
          ['n/1', directory()],
          ['live', good],
          ['live', gone],
        ],
      }),
    ).toMatchObject({ recovery: 'none' });
  });
});

describe('other physical copies are heard before a recovery is called exact', () => {
  const rotten = file('rott content', 1);
  const copy = (of: typeof good, inode: bigint) => ({ ...of, inode, ctimeNs: inode, unread: true });
  const inode = (of: typeof good, n: bigint) => ({ ...of, inode: n, ctimeNs: n });
  /** Long before the window too: rot is no event that has a night. */
  const windows = [undefined, [['n/3', 'live']] as const];

  test('the newest copy has rotted by itself: two older ones outvote it, and the newest of them is the source', () => {
    for (const window of windows) {
      const it = judged({
        ...(window === undefined ? {} : { window }),
        lines: [
          ['n/1', copy(good, 1n)],
          ['n/2', copy(good, 2n)],
          ['n/3', inode(rotten, 3n)],
          ['live', gone],
        ],
        input: { openFindings: new Map([['d/f', null]]) },
      });
      expect(it).toMatchObject({ verdict: 'missing', flags: [], recovery: 'exact', sourceAt: 'n/2', lkgAt: 'n/2' });
      expect(it.asked).toEqual(['read n/1', 'read n/2']);
      expect(it.expectedKey).toBe(`file 12 ${digestOf('good content').toString(16).padStart(16, '0')}`);
    }
  });
  test('an old copy has rotted: the newest one and a third outvote it', () => {
    for (const window of windows) {
      const it = judged({
        ...(window === undefined ? {} : { window }),
        lines: [
          ['n/1', copy(rotten, 1n)],
          ['n/2', copy(good, 2n)],
          ['n/3', inode(good, 3n)],
          ['live', gone],
        ],
        input: { openFindings: new Map([['d/f', null]]) },
      });
      expect(it).toMatchObject({ verdict: 'missing', flags: [], recovery: 'exact', sourceAt: 'n/3' });
      expect(it.asked).toEqual(['read n/1', 'read n/2']);
    }
  });
  test('what live once read is a copy, too: it decides against the newest backup, or for it', () => {
    const lines = (newest: typeof good) =>
      [
        ['live', inode(good, 9n)],
        ['n/1', copy(good, 1n)],
        ['n/2', inode(newest, 2n)],
        ['live', gone],
      ] as const;
    expect(judged({ lines: lines(good) })).toMatchObject({ recovery: 'exact', flags: [], sourceAt: 'n/2', asked: [] });
    const against = judged({ lines: lines(rotten) });
    expect(against).toMatchObject({ recovery: 'exact', flags: [], sourceAt: 'n/1' });
  });
  test('one against one is said, with both digests, and is in no list; --side backup takes the newest', () => {
    const lines = [
      ['n/1', copy(good, 1n)],
      ['n/2', inode(rotten, 2n)],
      ['live', gone],
    ] as const;
    const it = judged({ lines });
    expect(it).toMatchObject({ verdict: 'missing', flags: ['side unknown'], recovery: 'exact', sourceAt: 'n/2' });
    expect(it.evidence.join(' ')).toMatch(/other content: [0-9a-f]{16} in n\/2, [0-9a-f]{16} in n\/1\./);
    expect(judged({ lines, input: { side: 'backup' } })).toMatchObject({ flags: ['side backup'], sourceAt: 'n/2' });
  });
  test('hard-linked generations are one copy: one of them is asked, and the report claims no second', () => {
    const link = (observer: 'unread' | 'read') => ({ ...good, inode: 7n, ctimeNs: 7n, unread: observer === 'unread' });
    const it = judged({
      lines: [
        ['n/1', link('unread')],
        ['n/2', link('unread')],
        ['n/3', link('read')],
        ['live', gone],
      ],
    });
    expect(it).toMatchObject({ recovery: 'exact', sourceAt: 'n/3', asked: ['read n/1'] });
    expect(it.evidence.join(' ')).not.toContain('Another copy');
  });
  test('of a damaged file, too: a rotted copy is not what an emptied file is restored from', () => {
    const it = judged({
      window: [['n/3', 'live']],
      lines: [
        ['n/1', copy(good, 1n)],
        ['n/2', copy(good, 2n)],
        ['n/3', inode(rotten, 3n)],
        ['live', file('', 3.5)],
      ],
    });
    expect(it).toMatchObject({ verdict: 'truncated', recovery: 'exact', flags: [], sourceAt: 'n/2' });
  });
  test('no second copy is asked of a deletion, of an empty file, and where nothing can be read', () => {
    const asked = (entry: typeof good, more: object = {}) =>
      judged({
        window: [['n/2', 'live']],
        lines: [
          ['n/1', copy(entry, 1n)],
          ['n/2', inode(entry, 2n)],
          ['n/3', gone],
          ['live', gone],
        ],
        ...more,
      }).asked;
    expect(asked(good)).toEqual(['read n/1']);
    expect(asked(file('', 1))).toEqual([]);
    expect(asked(good, { window: [['n/3', 'live']] })).toEqual([]);
    expect(asked({ ...good, fails: 'EIO' })).toEqual(['read n/1']);
  });
});

describe('what was suspect once', () => {
  test('is no source and not known good after a backup has copied it, and live was silently changed once more', () => {
    const lines = [
      ['live', { ...good, inode: 5n }],
      ['live', { ...file('rott content', 1), inode: 5n }],
      ['n/1', { ...file('rott content', 1), inode: 8n }],
      ['live', { ...file('more rot now', 1), inode: 5n }],
    ] as const;
    for (const window of [undefined, [['n/1', 'live']] as const])
      expect(judged({ lines, ...(window === undefined ? {} : { window }) })).toMatchObject({
        verdict: 'corrupt',
        lkgAt: 'live',
        recovery: 'none',
        source: null,
      });
    const missing = [...lines.slice(0, 3), ['live', gone]] as const;
    expect(judged({ lines: missing })).toMatchObject({ verdict: 'missing', recovery: 'none' });
  });
  test('is known content where it was seen above suspicion before', () => {
    const it = judged({
      lines: [
        ['n/1', { ...file('rott content', 1), inode: 8n }],
        ['live', { ...good, inode: 5n }],
        ['live', { ...file('rott content', 1), inode: 6n }],
        ['live', gone],
      ],
    });
    expect(it.recovery).not.toBe('none');
  });
});

describe('the cause', () => {
  const lines = [
    ['n/1', good],
    ['n/2', good],
    ['live', gone],
  ] as const;
  const cause = (parentMtimes: readonly (number | null)[], more: Parameters<typeof judged>[0] | object = {}) =>
    judged({ lines, parentMtimes, ...more }).cause?.cause;
  test('a directory whose mtime did not move lost the name in silence', () => {
    expect(cause([0.5, 0.5, 0.5])).toBe('silent');
  });
  test('a moved mtime and no signal of loss is probably a person', () => {
    expect(cause([0.5, 0.5, 1.5])).toBe('person');
  });
  test('a moved mtime in a burst is not put on a person', () => {
    expect(cause([0.5, 0.5, 1.5], { bursts: [['n/2', 'live']] })).toBe('unknown');
  });
  test('ten scattered siblings of several owners, a tenth of the directory or more, are a signal of loss', () => {
    const siblings = (gone: number, left: number, owners: number) => ({
      surroundings: { siblings: { gone, left, owners } },
    });
    expect(cause([0.5, 0.5, 1.5], siblings(10, 90, 2))).toBe('unknown');
    expect(cause([0.5, 0.5, 1.5], siblings(10, 90, 1))).toBe('person');
    expect(cause([0.5, 0.5, 1.5], siblings(9, 20, 2))).toBe('person');
    expect(cause([0.5, 0.5, 1.5], siblings(10, 91, 2))).toBe('person');
    expect(cause([0.5, 0.5, 1.5], siblings(10, 0, 2))).toBe('person');
  });
  test('a repair that put siblings into lost+found is a signal of loss', () => {
    const moves = { ...NO_MOVES, displaced: new Map([['d/g', 'lost+found/#7']]) };
    expect(cause([0.5, 0.5, 1.5], { input: { moves } })).toBe('unknown');
  });
  test('without a known directory nothing is put on a person, and a burst alone is not called silent', () => {
    expect(cause([null, null, null])).toBe('unknown');
    expect(cause([null, null, null], { bursts: [['n/2', 'live']] })).toBe('unknown');
  });
  test('a backup that stamps directories with its own time tells nothing', () => {
    expect(cause([0.5, 0.7, 1.5], { keeps: 'no' })).toBe('unknown');
    expect(cause([0.5, 0.5, 0.5], { keeps: 'no' })).toBe('unknown');
  });
  test('where nothing tells whether a backup keeps times, equal ones still say that nobody deleted the name', () => {
    expect(cause([0.5, 0.5, 0.5], { keeps: 'unknown' })).toBe('silent');
    expect(cause([0.5, 0.5, 1.5], { keeps: 'unknown' })).toBe('unknown');
  });
  test('an mtime that a recorded restore moved does not count', () => {
    const restoredInto = (...days: readonly number[]) => ({
      restoredInto: new Map([['d', days.map((day) => T0_MS + day * DAY_MS)]]),
    });
    expect(cause([0.5, 0.5, 1.5], restoredInto(1.5))).toBe('unknown');
    expect(cause([0.5, 0.5, 1.5], restoredInto(0, 1.5))).toBe('unknown');
    expect(cause([0.5, 0.5, 1.5], restoredInto(0))).toBe('person');
  });
  test('a loss does not become a deletion by waiting: what spoke for it when it was found still does, until the name was seen again', () => {
    const found = (goneMs: number | null, recorded: Cause['cause'] = 'unknown') => ({
      input: {
        openFindings: new Map([
          ['d/f', { cause: { cause: recorded, signals: ['it vanished in a burst'] }, goneMs, isUncertain: false }],
        ]),
      },
    });
    for (const goneMs of [null, T0_MS + 1.5 * DAY_MS])
      expect(judged({ lines, parentMtimes: [0.5, 0.5, 1.5], ...found(goneMs) }).cause).toEqual({
        cause: 'unknown',
        signals: ['its directory (d) changed between 2 and now', 'it vanished in a burst'],
      });
    expect(cause([0.5, 0.5, 1.5], found(T0_MS + 1.5 * DAY_MS, 'silent'))).toBe('silent');
    expect(cause([0.5, 0.5, 0.5], found(T0_MS + 1.5 * DAY_MS))).toBe('silent');
    // Seen by n/2 after it was gone.
    expect(cause([0.5, 0.5, 1.5], found(T0_MS + 0.5 * DAY_MS))).toBe('person');
    expect(cause([0.5, 0.5, 1.5], found(null, 'person'))).toBe('person');
  });
});

describe('the keys that accept binds to', () => {
  test('name content and not scans: the same pair found again by later scans is the same finding', () => {
    const first = judged({
      lines: [
        ['n/1', good],
        ['live', gone],
      ],
    });
    const later = judged({
      lines: [
        ['n/1', good],
        ['n/2', good],
        ['n/3', gone],
        ['live', gone],
      ],
    });
    expect([later.expectedKey, later.observedKey]).toEqual([first.expectedKey, first.observedKey]);
    expect(first.expectedKey).toBe(`file 12 ${digestOf('good content').toString(16).padStart(16, '0')}`);
  });
  test('tell another damage of the same path apart', () => {
    const keys = (now: typeof good) =>
      judged({
        lines: [
          ['n/1', good],
          ['live', now],
        ],
      }).observedKey;
    expect(new Set([keys(file('', 2)), keys(file('', 3)), keys(file('good', 2)), keys(good)]).size).toBe(4);
  });
});
