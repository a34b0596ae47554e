// The verdict table (docs/design.md#verdicts), row by row: what fits, what nearly fits, and what the neighbouring rows
// take.
import { describe, expect, test } from 'vitest';
import { SUBVOLUME_STUB } from '../../../domain/scan.ts';
import { evidenceText } from '../../../domain/gluster/evidence.ts';
import { DAY_MS } from '../../../domain/lengths.ts';
import { digestOf, directory, file, gap, gone, judged, symlink, T0_MS } from './scene.ts';
import { NO_MOVES } from '../../../domain/window/moves.ts';

const good = file('good content', 1);
const edited = file('edited content', 2.5);
const unread = (entry: typeof good) => ({ ...entry, unread: true });
const ZEROS = '\0'.repeat(12);

describe('rows 0 and 1: live could not be read', () => {
  test('a name that could not be read is unreadable with its errno, and its recovery is computed all the same', () => {
    const it = judged({
      lines: [
        ['n/1', good],
        ['n/2', good],
        ['live', gap('io', 'EIO')],
      ],
    });
    expect(it).toMatchObject({
      verdict: 'unreadable',
      errno: 'EIO',
      below: null,
      recovery: 'exact',
      sourceAt: 'n/2',
      found: null,
    });
  });
  test('what lies below an unreadable directory says below which', () => {
    const it = judged({
      lines: [
        ['n/1', good],
        ['live', gap('denied', 'EACCES', { below: 'd' })],
      ],
    });
    expect(it).toMatchObject({ verdict: 'unreadable', errno: 'EACCES', below: 'd' });
  });
  test('a directory that cannot be listed is itself what is unreadable', () => {
    const it = judged({
      lines: [
        ['n/1', directory()],
        ['live', gap('denied', 'EACCES', { below: 'd/f' })],
      ],
    });
    expect(it).toMatchObject({ verdict: 'unreadable', errno: 'EACCES', below: null });
  });
  test('a file whose bytes fail when they are read is unreadable, not corrupt and not unverified', () => {
    const it = judged({
      lines: [
        ['n/1', good],
        ['live', { ...good, unread: true, fails: 'EIO' }],
      ],
    });
    expect(it).toMatchObject({ verdict: 'unreadable', errno: 'EIO', asked: ['read live'] });
  });
  test('a path in flux during the scan is unsettled and nothing is read for it', () => {
    const it = judged({
      lines: [
        ['n/1', { ...good, unread: true }],
        ['live', gap('unsettled', null)],
      ],
    });
    expect(it).toMatchObject({ verdict: 'unsettled', asked: [], recovery: null, lkgAt: 'n/1' });
  });
  test('a file that moved since the scan is unsettled', () => {
    expect(
      judged({
        lines: [
          ['n/1', good],
          ['live', { ...good, unread: true, fails: 'CHANGED' }],
        ],
      }).verdict,
    ).toBe('unsettled');
    const look = { observer: 1, digest: null, errno: 'ENOENT', inode: 0n, ctimeNs: 0n };
    expect(
      judged({
        lines: [
          ['n/1', good],
          ['live', good],
        ],
        readings: [look],
      }).verdict,
    ).toBe('unsettled');
  });
  test('a name that the second look finds again is unsettled, not missing; one that it finds gone again is missing', () => {
    const lines = [
      ['n/1', good],
      ['live', gone],
    ] as const;
    const look = { observer: 1, digest: 5n, errno: null, inode: 9n, ctimeNs: 9n };
    expect(judged({ lines, readings: [look] }).verdict).toBe('unsettled');
    expect(judged({ lines, readings: [{ ...look, digest: null, errno: 'ENOENT' }] }).verdict).toBe('missing');
    expect(judged({ lines, readings: [{ ...look, digest: null, errno: 'EACCES' }] }).verdict).toBe('unreadable');
  });
  test('what a brick hid, and the second look finds to be another thing, is unsettled', () => {
    const detail = evidenceText({ why: ['hidden copy'], copies: [] });
    const lines = [
      ['n/1', good],
      ['live', { ...gap('hidden', null), detail }],
    ] as const;
    const look = { observer: 1, digest: null, errno: 'CHANGED', inode: 0n, ctimeNs: 0n };
    expect(judged({ lines }).verdict).toBe('hidden');
    expect(judged({ lines, readings: [look] }).verdict).toBe('unsettled');
  });
});

describe('row 3: absent', () => {
  test('a file that vanished in the window is missing, exactly restorable from the newest snapshot that has it', () => {
    const it = judged({
      lines: [
        ['n/1', good],
        ['n/2', good],
        ['n/3', gone],
        ['live', gone],
      ],
    });
    expect(it).toMatchObject({
      verdict: 'missing',
      recovery: 'exact',
      sourceAt: 'n/2',
      lkgAt: 'n/2',
      betweenAt: ['n/2', 'n/3'],
      observedKey: 'absent',
    });
  });
  test('half of the loss already in the newest snapshot is as missing as the other half', () => {
    const window = [['n/2', 'live']] as const;
    expect(
      judged({
        window,
        lines: [
          ['n/1', good],
          ['n/2', good],
          ['n/3', gone],
          ['live', gone],
        ],
      }).verdict,
    ).toBe('missing');
    expect(
      judged({
        window,
        lines: [
          ['n/1', good],
          ['n/2', good],
          ['n/3', good],
          ['live', gone],
        ],
      }).verdict,
    ).toBe('missing');
  });
  test('what vanished before the window is deleted, with no source; a finding that is still open stays missing', () => {
    const lines = [
      ['n/1', good],
      ['n/2', gone],
      ['n/3', gone],
      ['live', gone],
    ] as const;
    const window = [['n/3', 'live']] as const;
    expect(judged({ lines, window })).toMatchObject({
      verdict: 'deleted',
      recovery: null,
      source: null,
      betweenAt: ['n/1', 'n/2'],
    });
    expect(judged({ lines, window, input: { openFindings: new Map([['d/f', null]]) } }).verdict).toBe('missing');
  });
  test('a gap between the last sighting and the proof widens the dates, into the window', () => {
    const window = [['n/3', 'live']] as const;
    const it = judged({
      window,
      lines: [
        ['n/1', good],
        ['n/2', gap('io', 'EIO', { below: 'd' })],
        ['n/3', gap('io', 'EIO', { below: 'd' })],
        ['n/4', gone],
        ['live', gone],
      ],
    });
    expect(it).toMatchObject({ verdict: 'missing', betweenAt: ['n/1', 'n/4'] });
  });
  test('a gap on the name itself is a sighting of the name', () => {
    const it = judged({
      window: [['n/2', 'live']],
      lines: [
        ['n/1', good],
        ['n/2', gap('io', 'EIO')],
        ['live', gone],
      ],
    });
    expect(it).toMatchObject({ verdict: 'missing', betweenAt: ['n/2', 'live'], sourceAt: 'n/1' });
  });
  test('a one-to-one move is moved; a mere candidate stays missing and is named', () => {
    const lines = [
      ['n/1', good],
      ['live', gone],
    ] as const;
    const moved = { ...NO_MOVES, moved: new Map([['d/f', 'e/f']]) };
    const candidates = { ...NO_MOVES, candidates: new Map([['d/f', 'e/f']]) };
    expect(judged({ lines, input: { moves: moved } })).toMatchObject({
      verdict: 'moved',
      movedTo: 'e/f',
      recovery: null,
    });
    expect(judged({ lines, input: { moves: candidates } })).toMatchObject({
      verdict: 'missing',
      movedTo: 'e/f',
      recovery: 'exact',
    });
  });
  test('an accepted absence is deleted, bound to the content that it was accepted for', () => {
    const lines = [
      ['n/1', good],
      ['live', gone],
    ] as const;
    const it = judged({ lines });
    const pair = { expectedKey: it.expectedKey, observedKey: it.observedKey, reason: 'obsolete', atMs: 1 };
    const accepted = new Map([['d/f', [pair]]]);
    expect(judged({ lines, input: { accepted } })).toMatchObject({
      verdict: 'deleted',
      accepted: { reason: 'obsolete' },
    });
    expect(
      judged({
        lines: [
          ['n/1', edited],
          ['live', gone],
        ],
        input: { accepted },
      }).verdict,
    ).toBe('missing');
  });
  test('an absence in a series that never had the path dates nothing', () => {
    const it = judged({
      window: [['n/2', 'live']],
      lines: [
        ['n/1', good],
        ['other/1', gone],
        ['n/2', good],
        ['other/2', gone],
        ['live', gone],
      ],
    });
    expect(it.betweenAt).toEqual(['n/2', 'live']);
  });
  test('one of several hard-linked names is missing, exact, and to be linked, also without any backup', () => {
    const lines = [
      ['live', good],
      ['live', gone],
    ] as const;
    const it = judged({ lines, surroundings: { linkTo: 'd/g' } });
    expect(it).toMatchObject({ verdict: 'missing', recovery: 'exact', linkTo: 'd/g', source: null });
  });
  test('a missing directory and a missing symlink are exact without any reading', () => {
    expect(
      judged({
        lines: [
          ['n/1', directory()],
          ['live', gone],
        ],
      }),
    ).toMatchObject({ verdict: 'missing', recovery: 'exact', asked: [] });
    expect(
      judged({
        lines: [
          ['n/1', symlink('../x')],
          ['live', gone],
        ],
      }),
    ).toMatchObject({ verdict: 'missing', recovery: 'exact', asked: [] });
  });
  test('what no observer ever saw is not lost', () => {
    const below = gap('denied', 'EACCES', { below: 'd' });
    expect(
      judged({
        lines: [
          ['n/1', below],
          ['live', gone],
        ],
      }).verdict,
    ).toBe('deleted');
  });
});

describe('row 4: replaced', () => {
  test('a file that became a directory in the window is replaced, and its content can be put beside it', () => {
    const it = judged({
      lines: [
        ['n/1', good],
        ['n/2', good],
        ['live', directory()],
      ],
      window: [['n/2', 'live']],
    });
    expect(it).toMatchObject({ verdict: 'replaced', recovery: 'exact', sourceAt: 'n/2' });
  });
  test('a directory that became a symlink is replaced', () => {
    expect(
      judged({
        lines: [
          ['n/1', directory()],
          ['live', symlink('/etc')],
        ],
      }).verdict,
    ).toBe('replaced');
  });
  test('a kind that the path once had before does not excuse the change', () => {
    const it = judged({
      lines: [
        ['n/1', symlink('a')],
        ['n/2', good],
        ['live', symlink('a')],
      ],
      window: [['n/1', 'live']],
    });
    expect(it).toMatchObject({ verdict: 'replaced', lkgAt: 'n/2' });
  });
  test('a change outside of the loss intervals is somebody’s own, until its directory says that nobody made it', () => {
    const lines = [
      ['n/1', good],
      ['n/2', symlink('a')],
      ['live', symlink('a')],
    ] as const;
    const window = [['n/2', 'live']] as const;
    expect(judged({ lines, window }).verdict).toBe('intact');
    expect(judged({ lines, window, parentMtimes: [1, 2, 2] }).verdict).toBe('intact');
    expect(judged({ lines, window, parentMtimes: [1, 1, 1] })).toMatchObject({ verdict: 'replaced', lkgAt: 'n/1' });
  });
  test('a backup that followed in the loss interval does not make it good', () => {
    const it = judged({
      lines: [
        ['n/1', good],
        ['n/2', directory()],
        ['live', directory()],
      ],
      window: [['n/1', 'n/2']],
    });
    expect(it).toMatchObject({ verdict: 'replaced', recovery: 'exact', sourceAt: 'n/1' });
  });
  test('what has this kind in the newest snapshot too is as backed up as anything', () => {
    expect(
      judged({
        lines: [
          ['n/1', good],
          ['n/2', directory()],
          ['live', directory()],
        ],
        window: [['n/2', 'live']],
      }).verdict,
    ).toBe('intact');
  });
});

describe('row 5: recreated', () => {
  const window = [['n/1', 'live']] as const;
  test('absent in the window and here again with other content is recreated', () => {
    const it = judged({
      window,
      lines: [
        ['n/1', good],
        ['n/2', gone],
        ['live', edited],
      ],
    });
    expect(it).toMatchObject({ verdict: 'recreated', recovery: 'exact', sourceAt: 'n/1', betweenAt: ['n/1', 'n/2'] });
  });
  test('here again with the same content is not: the newest backup lacks it', () => {
    expect(
      judged({
        window,
        lines: [
          ['n/1', good],
          ['n/2', gone],
          ['live', good],
        ],
      }).verdict,
    ).toBe('backup-missing');
  });
  test('an absence before the window is long settled', () => {
    const it = judged({
      window: [['n/3', 'live']],
      lines: [
        ['n/1', good],
        ['n/2', gone],
        ['n/3', good],
        ['live', edited],
      ],
    });
    expect(it.verdict).toBe('modified');
  });
  test('an edit of what was recreated and backed up since is an edit', () => {
    const again = file('other content', 2);
    expect(
      judged({
        window,
        lines: [
          ['n/1', good],
          ['n/2', gone],
          ['n/3', again],
          ['live', edited],
        ],
      }).verdict,
    ).toBe('modified');
  });
  test('what a restore list put there is not recreated, but a later absence counts', () => {
    const lines = [
      ['n/1', good],
      ['n/2', gone],
      ['live', edited],
    ] as const;
    const at = (day: number) => ({ restored: new Map([['d/f', T0_MS + day * DAY_MS]]) });
    expect(judged({ window, lines, input: at(1.5) }).verdict).toBe('backup-missing');
    expect(judged({ window, lines, input: at(0.5) }).verdict).toBe('recreated');
  });
  test('lacking in a series that never had it is no absence', () => {
    expect(
      judged({
        window,
        lines: [
          ['n/1', good],
          ['other/1', gone],
          ['n/2', good],
          ['live', edited],
        ],
      }).verdict,
    ).toBe('modified');
  });
});

describe('row 6: corrupt and backup-corrupt', () => {
  const rotten = file('rott content', 1);
  test('one copy against one is corrupt with the side unknown, both digests shown', () => {
    const it = judged({
      lines: [
        ['n/1', good],
        ['n/2', good],
        ['live', rotten],
      ],
    });
    expect(it).toMatchObject({
      verdict: 'corrupt',
      flags: ['side unknown'],
      recovery: 'exact',
      sourceAt: 'n/2',
      cause: { cause: 'silent' },
    });
    expect(it.evidence.join(' ')).toMatch(/[0-9a-f]{16} live now, [0-9a-f]{16} in n\/2/);
  });
  test('hard-linked generations are one copy, however many are read', () => {
    const it = judged({
      lines: [
        ['n/1', good],
        ['n/2', good],
        ['n/3', good],
        ['live', rotten],
      ],
    });
    expect(it.flags).toEqual(['side unknown']);
    expect(it.asked).toEqual(['read n/1', 'read n/2', 'read n/3']);
  });
  test('zeros under the same size and mtime are odd, live or in the newest backup, without a third copy', () => {
    const zeros = file(ZEROS, 1);
    expect(
      judged({
        window: [],
        lines: [
          ['n/1', good],
          ['live', zeros],
        ],
      }),
    ).toMatchObject({
      verdict: 'corrupt',
      flags: [],
      recovery: 'exact',
      sourceAt: 'n/1',
    });
    expect(
      judged({
        window: [],
        lines: [
          ['n/1', good],
          ['n/2', zeros],
          ['live', zeros],
        ],
      }),
    ).toMatchObject({
      verdict: 'corrupt',
      flags: [],
      recovery: 'exact',
      sourceAt: 'n/1',
    });
    expect(
      judged({
        window: [],
        lines: [
          ['n/1', zeros],
          ['live', good],
        ],
      }).verdict,
    ).toBe('backup-corrupt');
    expect(
      judged({
        lines: [
          ['n/1', good],
          ['n/2', zeros],
          ['live', gone],
        ],
      }),
    ).toMatchObject({
      verdict: 'missing',
      recovery: 'exact',
      flags: [],
      sourceAt: 'n/1',
    });
  });
  test('--side backup decides one against one', () => {
    const it = judged({
      lines: [
        ['n/1', good],
        ['live', rotten],
      ],
      input: { side: 'backup' },
    });
    expect(it).toMatchObject({ verdict: 'corrupt', flags: ['side backup'], recovery: 'exact' });
  });
  test('two physical copies against live: live is odd, and reading stops as soon as that is known', () => {
    const copy = (n: bigint) => ({ ...good, inode: n, ctimeNs: n });
    const it = judged({
      lines: [
        ['n/1', copy(1n)],
        ['n/2', copy(2n)],
        ['n/3', copy(3n)],
        ['live', rotten],
      ],
    });
    expect(it).toMatchObject({ verdict: 'corrupt', flags: [], recovery: 'exact' });
    expect(it.asked).toEqual(['read n/1']);
  });
  test('a second backup volume is a second copy', () => {
    const it = judged({
      lines: [
        ['n/1', good],
        ['other/1', good],
        ['live', rotten],
      ],
    });
    expect(it).toMatchObject({ verdict: 'corrupt', flags: [] });
  });
  test('a rotten newest backup against live and an older copy is backup-corrupt, and live is what should be', () => {
    const it = judged({
      lines: [
        ['n/1', { ...good, inode: 1n, unread: true }],
        ['n/2', { ...rotten, inode: 2n }],
        ['live', good],
      ],
    });
    expect(it).toMatchObject({ verdict: 'backup-corrupt', recovery: null, lkgAt: 'live', asked: ['read n/1'] });
    expect(it.observedKey).toMatch(/^backup file 12 /);
  });
  test('a rotten inode that stands in every generation is one vote: nobody overwrites the live file with it', () => {
    const rot = { ...rotten, inode: 7n };
    // Every new generation of links moved the ctime since the scan read it.
    const now = [0, 1, 2].map((observer) => ({
      observer,
      digest: digestOf('rott content'),
      errno: null,
      inode: 7n,
      ctimeNs: 9n,
    }));
    const it = judged({
      lines: [
        ['n/1', rot],
        ['n/2', rot],
        ['n/3', rot],
        ['live', good],
      ],
      readings: now,
    });
    expect(it).toMatchObject({ verdict: 'corrupt', flags: ['side unknown'] });
  });
  test('one inode number with two ctimes, both read now, is two copies: snapshots that were filled one by one', () => {
    const copy = (ctimeNs: bigint) => ({ ...good, inode: 7n, ctimeNs, unread: true });
    const it = judged({
      lines: [
        ['n/1', copy(1n)],
        ['n/2', copy(2n)],
        ['live', rotten],
      ],
    });
    expect(it).toMatchObject({ verdict: 'corrupt', flags: [] });
  });
  test('a backup that changed in silence does not make the one live copy a majority', () => {
    const lines = [
      ['n/1', { ...file('lost content', 1), inode: 3n }],
      ['n/2', { ...rotten, inode: 3n }],
      ['live', good],
    ] as const;
    expect(judged({ lines })).toMatchObject({ verdict: 'corrupt', flags: ['side unknown'] });
  });
  test('two older copies outvote live and the newest backup, which copied the rot: however often it stands in the backup by now', () => {
    const copy = (of: typeof good, n: bigint) => ({ ...of, inode: n, ctimeNs: n });
    const lines = [
      ['n/1', copy(good, 1n)],
      ['n/2', { ...copy(good, 2n), unread: true }],
      ['n/3', { ...copy(good, 3n), unread: true }],
      ['n/4', copy(rotten, 4n)],
      ['live', rotten],
    ] as const;
    const it = judged({ window: [], lines });
    expect(it).toMatchObject({ verdict: 'corrupt', flags: [], recovery: 'exact', lkgAt: 'n/3', sourceAt: 'n/3' });
    expect(it.evidence.join(' ')).toContain('The copy in n/4 was made after the damage');
    const often = [
      ...lines.slice(0, 4),
      ['n/5', copy(rotten, 5n)],
      ['n/6', copy(rotten, 6n)],
      ['n/7', copy(rotten, 7n)],
      ['live', rotten],
    ] as const;
    expect(judged({ window: [], lines: often })).toMatchObject({
      verdict: 'corrupt',
      recovery: 'exact',
      sourceAt: 'n/3',
    });
    expect(
      judged({
        window: [],
        lines: [...often.slice(0, -1), ['live', gone]],
        input: { openFindings: new Map([['d/f', null]]) },
      }),
    ).toMatchObject({
      verdict: 'missing',
      recovery: 'exact',
      sourceAt: 'n/3',
    });
  });
  test('whichever was read first: the flag of a scan silences no copy of a backup, and brands none', () => {
    const copy = (of: typeof good, n: bigint) => ({ ...of, inode: n, ctimeNs: n });
    // The first snapshot alone has rotted, and was read first: all that came after it looked changed.
    const it = (live: typeof good | null) =>
      judged({
        window: [],
        lines: [
          ['n/1', copy(rotten, 1n)],
          ['n/2', copy(good, 2n)],
          ['n/3', { ...copy(good, 3n), unread: true }],
          ['live', live],
        ],
        input: { openFindings: new Map([['d/f', null]]) },
      });
    expect(it({ ...good, inode: 9n })).toMatchObject({ verdict: 'intact' });
    expect(it(gone)).toMatchObject({ verdict: 'missing', recovery: 'exact', flags: [], lkgAt: 'n/3', sourceAt: 'n/3' });
    expect(it(file('', 1))).toMatchObject({ verdict: 'truncated', recovery: 'exact', sourceAt: 'n/3', flags: [] });
  });
  test('a copy is an inode with its birth time: links whose ctime moved are one, and equal inode numbers of two file systems are two', () => {
    const born = (n: bigint, ctimeNs: bigint) => ({ ...good, inode: 7n, btimeNs: n, ctimeNs, unread: true });
    const it = (a: bigint, b: bigint) =>
      judged({
        lines: [
          ['n/1', born(a, 1n)],
          ['n/2', born(b, 2n)],
          ['live', rotten],
        ],
      });
    expect(it(1n, 1n)).toMatchObject({ verdict: 'corrupt', flags: ['side unknown'] });
    expect(it(1n, 2n)).toMatchObject({ verdict: 'corrupt', flags: [] });
  });
  test('a live file whose time was set back after it was written is said to be rewritten', () => {
    const it = judged({
      lines: [
        ['live', { ...good, inode: 5n, ctimeNs: 5n }],
        ['n/1', good],
        ['live', { ...rotten, inode: 5n, ctimeNs: 6n }],
      ],
    });
    expect(it).toMatchObject({ verdict: 'corrupt', flags: ['rewritten under its old time'], sourceAt: 'n/1' });
  });
  test('an earlier read of the live inode with other bytes decides alone, against a backup that has copied them', () => {
    const lines = [
      ['live', { ...good, inode: 5n }],
      ['n/1', rotten],
      ['live', { ...rotten, inode: 5n }],
    ] as const;
    expect(judged({ lines })).toMatchObject({ verdict: 'corrupt', flags: [], recovery: 'none' });
  });
  test('bytes that differ from the scan under an unmoved inode and ctime are corrupt; under a moved ctime unsettled', () => {
    const lines = [
      ['n/1', good],
      ['live', { ...good, inode: 5n, ctimeNs: 5n }],
    ] as const;
    const look = { observer: 1, digest: 77n, errno: null, inode: 5n, ctimeNs: 5n };
    expect(judged({ lines, readings: [look] })).toMatchObject({ verdict: 'corrupt', flags: [] });
    expect(judged({ lines, readings: [{ ...look, ctimeNs: 6n }] }).verdict).toBe('unsettled');
  });
  test('a corrupt file that was put right again is intact', () => {
    const it = judged({
      lines: [
        ['n/1', good],
        ['live', { ...good, inode: 5n }],
        ['live', { ...rotten, inode: 5n }],
        ['live', { ...good, inode: 6n }],
      ],
    });
    expect(it.verdict).toBe('intact');
  });
  test('a file put right in place, below the same inode, is intact too', () => {
    const it = judged({
      lines: [
        ['n/1', good],
        ['live', { ...good, inode: 5n }],
        ['live', { ...rotten, inode: 5n }],
        ['live', { ...good, inode: 5n }],
      ],
    });
    expect(it.verdict).toBe('intact');
  });
  test('another mtime announces a change: modified, not corrupt; a coarse clock announces none', () => {
    expect(
      judged({
        lines: [
          ['n/1', good],
          ['live', file('rott content', 1.5)],
        ],
      }).verdict,
    ).toBe('modified');
    expect(
      judged({
        lines: [
          ['n/1', good],
          ['live', file('rott content!', 1)],
        ],
      }).verdict,
    ).toBe('modified');
  });
  test('content accepted in place of other content stays accepted while the backup keeps the old', () => {
    const lines = [
      ['n/1', good],
      ['n/2', good],
      ['live', rotten],
    ] as const;
    const it = judged({ lines });
    const accepted = new Map([
      ['d/f', [{ expectedKey: it.expectedKey, observedKey: it.observedKey, reason: 'so it is', atMs: 1 }]],
    ]);
    expect(judged({ lines, input: { accepted } })).toMatchObject({
      verdict: 'modified',
      accepted: { reason: 'so it is' },
    });
    const later = [
      ['n/1', good],
      ['n/2', good],
      ['live', rotten],
      ['n/3', good],
      ['live', rotten],
    ] as const;
    expect(judged({ lines: later, input: { accepted } }).verdict).toBe('modified');
    const worse = [
      ['n/1', good],
      ['n/2', good],
      ['live', file('third conten', 1)],
    ] as const;
    expect(judged({ lines: worse, input: { accepted } }).verdict).toBe('corrupt');
  });
  test('a suspect live version whose history is gone is still not trusted', () => {
    const lines = [
      ['live', { ...good, inode: 5n }],
      ['live', { ...rotten, inode: 5n }],
      ['n/1', gone],
      ['live', { ...rotten, inode: 5n }],
    ] as const;
    expect(judged({ lines })).toMatchObject({ verdict: 'corrupt' });
  });
});

describe('row 7: truncated', () => {
  const window = [['n/2', 'live']] as const;
  const lines = (now: string) =>
    [
      ['n/1', good],
      ['n/2', good],
      ['live', file(now, 2.5)],
    ] as const;
  test('empty, all zeros, and cut off are truncated', () => {
    expect(judged({ window, lines: lines('') })).toMatchObject({
      verdict: 'truncated',
      recovery: 'exact',
      sourceAt: 'n/2',
      asked: ['read n/1'],
    });
    expect(judged({ window, lines: lines(ZEROS) })).toMatchObject({ verdict: 'truncated', asked: ['read n/1'] });
    expect(judged({ window, lines: lines('good') })).toMatchObject({
      verdict: 'truncated',
      asked: ['compare live with n/2', 'read n/1'],
    });
  });
  test('outside of the loss intervals empty and cut off are an edit, unless no mtime announces one; zeros are damage at any time', () => {
    const now = (content: string, mtime: number) =>
      judged({
        window: [],
        lines: [
          ['n/1', good],
          ['n/2', good],
          ['live', file(content, mtime)],
        ],
      }).verdict;
    for (const mtime of [0.5, 1]) {
      expect(now('', mtime)).toBe('truncated');
      expect(now('good', mtime)).toBe('truncated');
      // Under the same size and mtime it is row 6, and zeros are no testimony against content.
      expect(now(ZEROS, mtime)).toBe(mtime === 1 ? 'corrupt' : 'truncated');
    }
    expect(now('', 2.5)).toBe('modified');
    expect(now('good', 2.5)).toBe('modified');
    expect(now(ZEROS, 2.5)).toBe('truncated');
    expect(now('\0'.repeat(7), 2.5)).toBe('truncated');
  });
  test('4 KiB of zeros at the end are damage where the rest is the good version’s beginning, or no mtime announces a change', () => {
    const whole = file(`${'content '.repeat(20)}${'x'.repeat(9000)}`, 1);
    const cut = (bytes: number, zeros: number, head = whole.content) => `${head.slice(0, bytes)}${'\0'.repeat(zeros)}`;
    const now = (content: string, mtime = 2.5) =>
      judged({
        window: [],
        lines: [
          ['n/1', whole],
          ['live', file(content, mtime)],
        ],
      });
    expect(now(cut(100, 9060))).toMatchObject({ verdict: 'truncated', recovery: 'exact', sourceAt: 'n/1' });
    expect(now(cut(100, 4096)).verdict).toBe('truncated');
    expect(now(cut(9160, 4096)).verdict).toBe('truncated');
    expect(now(cut(100, 4095)).verdict).toBe('modified');
    // Other content with zeros at its end: an archive, a database, an image.
    expect(now(cut(100, 9060, 'other'.repeat(99))).verdict).toBe('modified');
    expect(now(cut(100, 9060, 'other'.repeat(99)), 0.5).verdict).toBe('truncated');
  });
  test('zeros at the end that the good version has too, or that an earlier version had, are how the file ends', () => {
    const head = 'x'.repeat(5000);
    const ends = (zeros: number, mtime: number) =>
      file(`${head.slice(0, 5000 - mtime * 100)}${'\0'.repeat(zeros)}`, mtime);
    const it = (...versions: (typeof good)[]) =>
      judged({
        window: [],
        lines: versions.map((version, i, all) => [i === all.length - 1 ? 'live' : `n/${i + 1}`, version] as const),
      }).verdict;
    expect(it(ends(5000, 1), ends(9000, 2))).toBe('modified');
    expect(it(ends(4096, 1), ends(10, 2), ends(8000, 3))).toBe('modified');
    expect(it(ends(10, 1), ends(10, 2), ends(8000, 3))).toBe('truncated');
  });
  test('a file that was allocated before it was written may be all zeros; a damaged version excuses nothing', () => {
    const data = file('the content!', 2);
    const more = file('more content', 4);
    const zeros = (mtime: number) => file(ZEROS, mtime);
    const it = (...versions: (typeof good)[]) =>
      judged({
        window: [],
        lines: versions.map((version, i, all) => [i === all.length - 1 ? 'live' : `n/${i + 1}`, version] as const),
      });
    expect(it(zeros(1), data, zeros(5)).verdict).toBe('modified');
    expect(it(unread(zeros(1)), data, zeros(5))).toMatchObject({ verdict: 'modified', asked: ['read n/1'] });
    expect(it(good, data, zeros(5)).verdict).toBe('truncated');
    // Zeros, put right, zeros once more.
    expect(it(good, zeros(3), more, zeros(5))).toMatchObject({ verdict: 'truncated', lkgAt: 'n/3' });
  });
  test('zeros grow, shrink and are filled as they like', () => {
    const now = (before: string, content: string) =>
      judged({
        window: [],
        lines: [
          ['n/1', file(before, 1)],
          ['live', file(content, 2)],
        ],
      }).verdict;
    expect(now(ZEROS, '\0'.repeat(40))).toBe('modified');
    expect(now(ZEROS, '\0'.repeat(4))).toBe('modified');
    expect(now(ZEROS, 'good content')).toBe('modified');
    expect(now('', ZEROS)).toBe('modified');
  });
  test('zeros in live and in every newer snapshot alike, long before any loss interval', () => {
    const zeros = file(ZEROS, 2.5);
    const it = judged({
      window: [],
      lines: [
        ['n/1', unread(good)],
        ['n/2', unread(good)],
        ['n/3', unread(zeros)],
        ['n/4', zeros],
        ['live', zeros],
      ],
    });
    expect(it).toMatchObject({ verdict: 'truncated', recovery: 'exact', sourceAt: 'n/2', betweenAt: ['n/2', 'n/3'] });
  });
  test('the snapshot that would be restored is asked whether it is zeros', () => {
    const it = judged({
      lines: [
        ['n/1', unread(good)],
        ['n/2', unread(file(ZEROS, 2.5))],
        ['live', gone],
      ],
    });
    expect(it).toMatchObject({ verdict: 'missing', recovery: 'exact', sourceAt: 'n/1', lkgAt: 'n/1' });
  });
  test('what was read before looks were recorded is read again, once, where other content stood before it', () => {
    const zeros = { ...file(ZEROS, 2.5), noLooks: true };
    const it = judged({
      window: [],
      lines: [
        ['n/1', { ...good, noLooks: true }],
        ['n/2', zeros],
        ['live', zeros],
      ],
    });
    expect(it).toMatchObject({ verdict: 'truncated', recovery: 'exact', sourceAt: 'n/1' });
    expect(it.asked).toEqual(['read live', 'read n/1']);
    const plain = judged({
      lines: [
        ['n/1', { ...good, noLooks: true }],
        ['live', { ...good, noLooks: true }],
      ],
    });
    expect(plain).toMatchObject({ verdict: 'intact', asked: [] });
  });
  test('a log with a version in each of thirty snapshots costs no reading', () => {
    const log = Array.from({ length: 30 }, (_, i) => [`n/${i}`, unread(file('x'.repeat(100 + i), i))] as const);
    const newest = ['n/30', file('x'.repeat(200), 30)] as const;
    expect(judged({ lines: [...log, newest, ['live', file('x'.repeat(201), 31)]] })).toMatchObject({
      verdict: 'modified',
      asked: [],
    });
    // Nor one that is rotated now and then.
    const rotated = log.map(([name, entry], i) => [name, i % 7 === 3 ? { ...entry, content: 'x' } : entry] as const);
    expect(judged({ window: [], lines: [...rotated, newest, ['live', file('x', 31)]] })).toMatchObject({
      verdict: 'modified',
      asked: [],
    });
  });
  test('zeros in live and in the newest snapshot alike: the snapshot before is what is known good', () => {
    const zeros = file(ZEROS, 2.5);
    const it = judged({
      window: [['n/2', 'live']],
      lines: [
        ['n/1', good],
        ['n/2', good],
        ['n/3', zeros],
        ['live', zeros],
      ],
    });
    expect(it).toMatchObject({
      verdict: 'truncated',
      recovery: 'exact',
      sourceAt: 'n/2',
      lkgAt: 'n/2',
      betweenAt: ['n/2', 'n/3'],
    });
  });
  test('zeros that stand in a snapshot after the burst too do not become good by standing', () => {
    const zeros = file(ZEROS, 2.5);
    const it = judged({
      window: [
        ['n/2', 'n/3'],
        ['n/5', 'live'],
      ],
      lines: [
        ['n/1', good],
        ['n/2', good],
        ['n/3', zeros],
        ['n/4', zeros],
        ['n/5', zeros],
        ['live', zeros],
      ],
    });
    expect(it).toMatchObject({ verdict: 'truncated', sourceAt: 'n/2' });
  });
  test('what was emptied before the window is what it is', () => {
    const empty = file('', 2.5);
    expect(
      judged({
        window: [['n/3', 'live']],
        lines: [
          ['n/1', good],
          ['n/2', good],
          ['n/3', empty],
          ['live', empty],
        ],
      }).verdict,
    ).toBe('intact');
  });
  test('a log that is rotated every other night may be found short, or empty', () => {
    const log = (n: number, mtime: number) => file('x'.repeat(n), mtime);
    const history = [
      ['n/1', log(900, 0)],
      ['n/2', log(20, 1)],
      ['n/3', log(950, 2)],
      ['n/4', log(30, 3)],
      ['n/5', log(980, 4)],
    ] as const;
    expect(judged({ window: [['n/5', 'live']], lines: [...history, ['live', log(25, 5)]] }).verdict).toBe('modified');
    expect(judged({ window: [['n/5', 'live']], lines: [...history, ['live', log(0, 5)]] }).verdict).toBe('modified');
  });
  test('a letter that once lost a sentence does not excuse that it is empty now', () => {
    const history = [
      ['n/1', file('x'.repeat(900), 0)],
      ['n/2', file('y'.repeat(850), 1)],
    ] as const;
    expect(judged({ window: [['n/2', 'live']], lines: [...history, ['live', file('', 5)]] }).verdict).toBe('truncated');
  });
  test('a good version on another host cannot be compared: zeros are seen all the same, a prefix is not claimed', () => {
    const far = [['n/1', good, { exported: true }]] as const;
    expect(judged({ lines: [...far, ['live', file(ZEROS, 2.5)]] })).toMatchObject({
      verdict: 'truncated',
      source: { proof: 'export' },
    });
    expect(judged({ lines: [...far, ['live', file('good', 2.5)]] }).verdict).toBe('modified');
  });
  test('an accepted truncation is not one any more, and later ones are', () => {
    const it = judged({ window, lines: lines('') });
    const accepted = new Map([
      ['d/f', [{ expectedKey: it.expectedKey, observedKey: it.observedKey, reason: 'emptied', atMs: 1 }]],
    ]);
    expect(judged({ window, lines: lines(''), input: { accepted } })).toMatchObject({
      verdict: 'modified',
      accepted: { reason: 'emptied' },
    });
    expect(
      judged({
        window,
        lines: [
          ['n/1', good],
          ['n/2', good],
          ['live', file('', 2.6)],
        ],
        input: { accepted },
      }).verdict,
    ).toBe('truncated');
  });
});

describe('row 8: reverted', () => {
  test('the content of an older snapshot under an mtime that is not newer is reverted', () => {
    const it = judged({
      lines: [
        ['n/1', good],
        ['n/2', edited],
        ['live', good],
      ],
    });
    expect(it).toMatchObject({ verdict: 'reverted', recovery: 'exact', sourceAt: 'n/2', lkgAt: 'n/2' });
  });
  test('an older copy that was only listed is read to know', () => {
    const it = judged({
      lines: [
        ['n/1', { ...good, unread: true }],
        ['n/2', edited],
        ['live', { ...good, inode: 3n }],
      ],
    });
    expect(it.verdict).toBe('reverted');
    expect(it.asked).toContain('read n/1');
  });
  test('outside of the loss intervals only while the newest snapshot has not got it so', () => {
    const lines = [
      ['n/1', good],
      ['n/2', edited],
      ['live', good],
    ] as const;
    expect(judged({ window: [], lines })).toMatchObject({ verdict: 'reverted', sourceAt: 'n/2' });
    const followed = [
      ['n/1', good],
      ['n/2', edited],
      ['n/3', good],
      ['live', good],
    ] as const;
    expect(judged({ window: [], lines: followed }).verdict).toBe('intact');
    expect(judged({ window: [['n/2', 'n/3']], lines: followed })).toMatchObject({
      verdict: 'reverted',
      sourceAt: 'n/2',
    });
  });
  test('a version that somebody went back to, and that two snapshots have, is what the path is', () => {
    const lines = [
      ['n/1', good],
      ['n/2', edited],
      ['n/3', good],
      ['n/4', good],
      ['live', gone],
    ] as const;
    const input = { openFindings: new Map([['d/f', null]]) };
    expect(judged({ window: [], lines, input })).toMatchObject({ lkgAt: 'n/4', recovery: 'exact', sourceAt: 'n/4' });
    // A backup that lags behind has followed nothing.
    const lagging = [
      ['slow/1', good],
      ['n/1', edited],
      ['slow/2', good],
      ['slow/3', good],
      ['live', gone],
    ] as const;
    expect(judged({ window: [], lines: lagging, input })).toMatchObject({ lkgAt: 'n/1', sourceAt: 'n/1' });
  });
  test('the same content under a newer mtime is somebody’s undo', () => {
    expect(
      judged({
        lines: [
          ['n/1', good],
          ['n/2', edited],
          ['live', file('good content', 3)],
        ],
      }).verdict,
    ).toBe('modified');
  });
  test('a lagging second backup does not make last known good old', () => {
    const lines = [
      ['n/1', good],
      ['slow/1', good],
      ['n/2', edited],
      ['slow/2', good],
      ['live', gone],
    ] as const;
    expect(judged({ lines, window: [['n/1', 'live']] })).toMatchObject({
      verdict: 'missing',
      lkgAt: 'n/2',
      sourceAt: 'n/2',
    });
  });
  test('an older version that a recorded restore put there is not reverted', () => {
    const lines = [
      ['n/1', good],
      ['live', edited],
      ['live', good],
    ] as const;
    expect(judged({ lines }).verdict).toBe('reverted');
    expect(judged({ lines, input: { restored: new Map([['d/f', T0_MS + 2 * DAY_MS]]) } }).verdict).toBe('intact');
  });
  test('a reverted path whose newer content is lost has nothing to restore', () => {
    const it = judged({
      lines: [
        ['n/1', good],
        ['n/2', edited, { pruned: true }],
        ['live', good],
      ],
    });
    expect(it).toMatchObject({ verdict: 'reverted', recovery: 'none', source: null, flags: ['nothing to restore'] });
  });
});

describe('rows 9 and 10: intact', () => {
  test('same as the newest snapshot of any backup is intact; a stale other backup is said', () => {
    expect(
      judged({
        lines: [
          ['n/1', good],
          ['live', good],
        ],
      }),
    ).toMatchObject({ verdict: 'intact', flags: [] });
    const it = judged({
      lines: [
        ['other/1', good],
        ['n/1', good],
        ['n/2', edited],
        ['live', edited],
      ],
      window: [['n/1', 'live']],
    });
    expect(it).toMatchObject({ verdict: 'intact', flags: ['other backup stale'] });
  });
  test('a second backup that never had the path is not stale', () => {
    expect(
      judged({
        lines: [
          ['other/1', gone],
          ['n/1', good],
          ['live', good],
        ],
      }).flags,
    ).toEqual([]);
  });
  test('a change of metadata only is intact with a flag', () => {
    expect(
      judged({
        lines: [
          ['n/1', good],
          ['live', { ...good, mode: 0o600 }],
        ],
      }),
    ).toMatchObject({ verdict: 'intact', flags: ['metadata differs'] });
    expect(
      judged({
        lines: [
          ['n/1', good],
          ['live', { ...good, mtime: 2 }],
        ],
      }),
    ).toMatchObject({ verdict: 'intact', flags: ['metadata differs'] });
    expect(
      judged({
        lines: [
          ['n/1', directory(1)],
          ['live', directory(2)],
        ],
      }),
    ).toMatchObject({ verdict: 'intact', flags: [] });
  });
  test('a newest copy that was only listed is read before anything is called intact', () => {
    expect(
      judged({
        lines: [
          ['n/1', { ...good, unread: true }],
          ['live', good],
        ],
      }),
    ).toMatchObject({ verdict: 'intact', asked: ['read n/1'] });
  });
  test('the newest snapshot that is on disk counts, not one that is pruned', () => {
    expect(
      judged({
        lines: [
          ['n/1', edited],
          ['n/2', good, { pruned: true }],
          ['live', good],
        ],
      }).verdict,
    ).not.toBe('intact');
  });
  test('without a backup, same as its own last version is intact, else modified; never seen is new', () => {
    expect(
      judged({
        lines: [
          ['live', good],
          ['live', good],
        ],
      }).verdict,
    ).toBe('intact');
    expect(
      judged({
        lines: [
          ['live', good],
          ['live', edited],
        ],
      }).verdict,
    ).toBe('modified');
    expect(judged({ lines: [['live', good]] }).verdict).toBe('new');
  });
  test('without a backup, an emptied file is truncated and lost for good', () => {
    expect(
      judged({
        lines: [
          ['live', good],
          ['live', file('', 2)],
        ],
      }),
    ).toMatchObject({ verdict: 'truncated', recovery: 'none' });
  });
});

describe('row 11: unverified', () => {
  test('a newest copy that cannot be read leaves the path unverified', () => {
    expect(
      judged({
        lines: [
          ['n/1', { ...good, unread: true, fails: 'EIO' }],
          ['live', good],
        ],
      }),
    ).toMatchObject({ verdict: 'unverified', asked: ['read n/1'] });
  });
  test('a newest snapshot with a gap on the path leaves it unverified, whatever older ones hold', () => {
    expect(
      judged({
        lines: [
          ['n/1', good],
          ['n/2', gap('io', 'EIO')],
          ['live', good],
        ],
      }).verdict,
    ).toBe('unverified');
    expect(
      judged({
        lines: [
          ['n/1', directory()],
          ['n/2', gap('denied', 'EACCES', { below: 'd' })],
          ['live', directory()],
        ],
      }).verdict,
    ).toBe('unverified');
  });
  test('a listed copy on another host cannot be read here', () => {
    expect(
      judged({
        lines: [
          ['n/1', { ...good, unread: true }, { exported: true }],
          ['live', good],
        ],
      }),
    ).toMatchObject({ verdict: 'unverified', asked: [] });
  });
  test('another backup that holds it makes it intact all the same', () => {
    expect(
      judged({
        lines: [
          ['n/1', gap('io', 'EIO')],
          ['other/1', good],
          ['live', good],
        ],
      }).verdict,
    ).toBe('intact');
  });
  test('of another size, an unread copy is known to differ', () => {
    expect(
      judged({
        lines: [
          ['n/1', { ...good, unread: true }],
          ['live', file('longer good content', 2.5)],
        ],
      }).verdict,
    ).toBe('modified');
  });
});

describe('row 12: backup-missing', () => {
  test('the newest snapshot lacks it, an earlier one had it', () => {
    expect(
      judged({
        lines: [
          ['n/1', good],
          ['n/2', gone],
          ['live', good],
        ],
      }),
    ).toMatchObject({ verdict: 'backup-missing', flags: [] });
    expect(
      judged({
        lines: [
          ['n/1', directory()],
          ['n/2', gone],
          ['live', directory()],
        ],
      }).verdict,
    ).toBe('backup-missing');
  });
  test('after a restore that is so until the next backup, and said', () => {
    const input = { restored: new Map([['d/f', T0_MS + 3 * DAY_MS]]) };
    expect(
      judged({
        lines: [
          ['n/1', good],
          ['n/2', gone],
          ['live', good],
        ],
        input,
      }),
    ).toMatchObject({
      verdict: 'backup-missing',
      flags: ['restored until the next backup'],
    });
  });
  test('a nested subvolume, for which the newest snapshots hold an empty directory, is not backed up; and what is gone from it is dated by live', () => {
    const stub = { ...gap('boundary', null, { below: 'd' }), detail: SUBVOLUME_STUB };
    expect(
      judged({
        lines: [
          ['n/1', good],
          ['n/2', stub],
          ['live', good],
        ],
      }).verdict,
    ).toBe('backup-missing');
    expect(
      judged({
        lines: [
          ['n/1', stub],
          ['n/2', stub],
          ['live', file('old', 0, { ctimeNs: 0n })],
        ],
      }).verdict,
    ).toBe('unprotected');
    const lost = judged({
      window: [['n/2', 'live']],
      lines: [
        ['n/1', good],
        ['n/2', stub],
        ['live', gone],
      ],
    });
    expect(lost).toMatchObject({ verdict: 'missing', recovery: 'exact', sourceAt: 'n/1', betweenAt: ['n/1', 'live'] });
  });
  test('one newest snapshot that has it, in another state, is enough: modified', () => {
    expect(
      judged({
        window: [['n/2', 'live']],
        lines: [
          ['n/1', good],
          ['other/1', good],
          ['n/2', gone],
          ['live', edited],
        ],
      }).verdict,
    ).toBe('modified');
  });
});

describe('row 13: new and unprotected', () => {
  const day = (d: number) => BigInt(T0_MS + d * DAY_MS) * 1_000_000n;
  const born = (d: number, more = {}) => file('young', 0.1, { btimeNs: day(d), ctimeNs: day(9), ...more });
  const never = (live: ReturnType<typeof born>) =>
    judged({
      lines: [
        ['n/1', gone],
        ['n/2', gone],
        ['n/3', gone],
        ['live', live],
      ],
    });
  test('born after the newest snapshot but one is new, before it unprotected; an old mtime is no age', () => {
    expect(never(born(1.5)).verdict).toBe('new');
    expect(never(born(0.5)).verdict).toBe('unprotected');
  });
  test('with one snapshot, 24 hours before it', () => {
    const one = (d: number) =>
      judged({
        lines: [
          ['n/1', gone, { asOf: 5 }],
          ['live', born(d), { asOf: 6 }],
        ],
      }).verdict;
    expect(one(4.5)).toBe('new');
    expect(one(3.5)).toBe('unprotected');
  });
  test('without a birth time ctime tells, and an earlier live scan that had it puts a moved ctime right', () => {
    expect(never(file('young', 0, { ctimeNs: day(1.5) })).verdict).toBe('new');
    expect(never(file('young', 0, { ctimeNs: day(0.5) })).verdict).toBe('unprotected');
    const chmod = file('young', 0, { ctimeNs: day(3.5) });
    expect(
      judged({
        lines: [
          ['live', chmod],
          ['n/1', gone],
          ['n/2', gone],
          ['live', chmod],
        ],
      }).verdict,
    ).toBe('unprotected');
  });
  test('a live scan that lacked it tells of its birth, whatever its birth time says', () => {
    expect(
      judged({
        lines: [
          ['n/1', gone],
          ['n/2', gone],
          ['live', gone],
          ['n/3', gone],
          ['live', born(0.1)],
        ],
      }).verdict,
    ).toBe('new');
  });
  test('the target of a move is new however old it is', () => {
    const moves = { ...NO_MOVES, moved: new Map([['e/f', 'd/f']]) };
    expect(
      judged({
        lines: [
          ['n/1', gone],
          ['n/2', gone],
          ['live', born(-9)],
        ],
        input: { moves },
      }),
    ).toMatchObject({ verdict: 'new', flags: ['target of a move'] });
  });
  test('a directory that no backup ever had is unprotected', () => {
    expect(
      judged({
        lines: [
          ['n/1', gone],
          ['n/2', gone],
          ['live', directory(0, { ctimeNs: day(-9) })],
        ],
      }).verdict,
    ).toBe('unprotected');
  });
});

describe('row 14: modified', () => {
  test('an ordinary edit is modified, with what was known good', () => {
    const it = judged({
      lines: [
        ['n/1', good],
        ['n/2', good],
        ['live', edited],
      ],
    });
    expect(it).toMatchObject({ verdict: 'modified', lkgAt: 'n/2', recovery: null });
  });
});
