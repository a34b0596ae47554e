// A realistic assessment without a file system: the school of docs/design.md#story, with 215 losses, half of them
// already in the newest snapshot.
import type { Assessment, Finding, Interval, Source, State, Tally } from '../../domain/assessment.ts';
import { VERDICTS, type Verdict } from '../../domain/verdicts.ts';
import type { BundleFacts } from '../../services/report/json.ts';
import type { ReportInput } from '../../services/report/present.ts';
import { DAY_MS } from '../../domain/lengths.ts';

export const CREATED_MS = Date.UTC(2025, 10, 22, 3, 12, 40);

function night(daysAgo: number): string {
  return new Date(Date.UTC(2025, 10, 22, 3, 0, 0) - daysAgo * DAY_MS).toISOString();
}

export function state(changes: Partial<State> = {}): State {
  return {
    kind: 'file',
    mode: 0o640,
    uid: 2001,
    gid: 2000,
    size: 48_213,
    mtimeNs: 1_762_000_000_123_456_789n,
    target: null,
    rdev: null,
    digest: '9f1d3c2b7a6e5f40',
    ...changes,
  };
}

export function sourceOf(daysAgo: number, path: string, its: State): Source {
  const snapshot = night(daysAgo).slice(0, 10);
  return {
    scanId: BigInt(100 - daysAgo),
    series: 'nightly',
    snapshot,
    host: 'backup1',
    root: `/backup/nightly/${snapshot}`,
    path,
    asOf: night(daysAgo),
    state: its,
    proof: 'read',
    proofAtMs: CREATED_MS - 20_000,
    inTarget: false,
  };
}

export function finding(path: string, verdict: Verdict, changes: Partial<Finding> = {}): Finding {
  return {
    volume: 'school',
    path,
    kind: 'file',
    verdict,
    flags: [],
    recovery: null,
    source: null,
    expected: null,
    expectedAsOf: null,
    found: null,
    between: null,
    cause: null,
    movedTo: null,
    errno: null,
    below: null,
    linkTo: null,
    accepted: null,
    expectedKey: 'e',
    observedKey: 'o',
    ...changes,
  };
}

/**
 * Intervals of a nightly series, oldest first; the last one ends in the live scan. `loss` vanish in each of the two
 * newest.
 */
export function intervals(n: number, loss = 105): Interval[] {
  return Array.from({ length: n }, (_, index): Interval => {
    const age = n - 1 - index;
    const burst = loss > 0 && age <= 1 && n >= 3;
    const churn = (index * 7919) % 23;
    return {
      series: 'nightly',
      from: night(age),
      to: age === 0 ? new Date(CREATED_MS + DAY_MS / 2).toISOString() : night(age - 1),
      fromName: night(age).slice(0, 10),
      toName: age === 0 ? 'live' : night(age - 1).slice(0, 10),
      days: age === 0 ? 0.5 : 1,
      added: 12 + churn * 3,
      changed: 20 + ((index * 104_729) % 37),
      vanished: age === 0 ? loss + 5 : age === 1 ? loss : churn % 6,
      moved: age === 0 ? 10 : 0,
      damaged: age <= 1 ? 2 + age : 0,
      burst,
      silent: 0,
      inWindow: age <= 2 || n < 3,
      rules: burst ? ['burst'] : [],
      beyondLine: false,
    };
  });
}

const TOPS = ['pupils', 'teachers', 'office', 'library', 'exchange'] as const;
const WORDS = [
  'essay',
  'Klassenarbeit',
  'timetable',
  'photo_of_the_trip',
  'minutes',
  'r\u00e9sum\u00e9',
  'project',
] as const;

/** Counts that add up: what the findings say, and `intact` files besides. */
export function withTallies(
  findings: readonly Finding[],
  base: Omit<Assessment, 'verdicts' | 'directories' | 'universe' | 'recovery' | 'findings'>,
  intact: Tally,
): Assessment {
  const verdicts = Object.fromEntries(VERDICTS.map((verdict) => [verdict, { files: 0, bytes: 0 }])) as Record<
    Verdict,
    { files: number; bytes: number }
  >;
  const directories = Object.fromEntries(VERDICTS.map((verdict) => [verdict, 0])) as Record<Verdict, number>;
  const recovery = { exact: { files: 0, bytes: 0 }, older: { files: 0, bytes: 0 }, none: { files: 0, bytes: 0 } };
  for (const each of findings) {
    if (each.kind === 'directory') {
      directories[each.verdict] += 1;
      continue;
    }
    const size = each.expected?.size ?? each.found?.size ?? 0;
    verdicts[each.verdict].files += 1;
    verdicts[each.verdict].bytes += size;
    if (each.recovery !== null) {
      recovery[each.recovery].files += 1;
      recovery[each.recovery].bytes += size;
    }
  }
  verdicts.intact = { files: intact.files, bytes: intact.bytes };
  directories.intact = Math.ceil(intact.files / 40);
  return {
    ...base,
    findings: [...findings].sort((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path))),
    verdicts,
    directories,
    recovery,
    universe: {
      paths: Object.values(verdicts).reduce((sum, tally) => sum + tally.files, 0),
      directories: Object.values(directories).reduce((sum, n) => sum + n, 0),
    },
  };
}

const SILENT = { cause: 'silent', signals: ['directory time did not move', 'burst', 'several owners'] } as const;

/** The school's assessment; `n` intervals in the timeline. */
export function school(n = 14): Assessment {
  const findings: Finding[] = [];
  for (let i = 0; i < 215; i += 1) {
    const top = TOPS[(i * i) % TOPS.length] ?? 'pupils';
    const word = WORDS[i % WORDS.length] ?? 'x';
    const path = `${top}/class-${(i % 9) + 1}/${word} ${i}.${i % 3 === 0 ? 'odt' : 'jpg'}`;
    const expected = state({
      uid: 2001 + ((i * 31) % 7),
      size: i % 40 === 0 ? 0 : Math.round(900 * 1.06 ** (i % 160)),
    });
    const carried = i % 2 === 0;
    const between = carried
      ? { lastSeen: night(1), firstGone: night(0) }
      : { lastSeen: night(0), firstGone: new Date(CREATED_MS).toISOString() };
    const none = i % 53 === 7;
    findings.push(
      finding(path, 'missing', {
        expected,
        expectedAsOf: between.lastSeen,
        between,
        cause: SILENT,
        recovery: none ? 'none' : i % 31 === 5 ? 'older' : 'exact',
        source: none ? null : sourceOf(carried ? 1 : 0, path, expected),
      }),
    );
  }
  const zeros = state({ digest: 'd2b7c1a0e5f30099', size: 1_204_233 });
  findings.push(
    finding('office/accounts 2025.ods', 'truncated', {
      expected: zeros,
      found: { ...zeros, digest: '0000aa55ff12c3d4' },
      recovery: 'exact',
      source: sourceOf(1, 'office/accounts 2025.ods', zeros),
      between: { lastSeen: night(1), firstGone: night(0) },
      cause: { cause: 'silent', signals: ['all zeros'] },
    }),
    finding('library/catalogue.db', 'corrupt', {
      expected: zeros,
      found: { ...zeros, digest: 'd2b7c1a0e5f3009a' },
      recovery: 'exact',
      source: sourceOf(0, 'library/catalogue.db', zeros),
    }),
    finding('library/index.db', 'corrupt', {
      expected: zeros,
      found: { ...zeros, digest: '1111111111111111' },
      flags: ['side unknown'],
    }),
    finding('teachers/old plan.odt', 'missing', {
      expected: state(),
      recovery: 'exact',
      source: sourceOf(2, 'teachers/old plan.odt', state()),
      between: { lastSeen: night(2), firstGone: night(1) },
      cause: { cause: 'person', signals: ['directory time moved'] },
    }),
    finding('exchange/<script>alert(1)</script>.html', 'missing', {
      expected: state(),
      recovery: 'exact',
      source: sourceOf(0, 'exchange/<script>alert(1)</script>.html', state()),
      cause: SILENT,
    }),
    finding('exchange/two\\x0alines & "quotes"', 'missing', {
      expected: state(),
      recovery: 'exact',
      source: sourceOf(0, 'exchange/two\\x0alines & "quotes"', state()),
      cause: SILENT,
    }),
    finding(`exchange/${'long'.repeat(60)}.txt`, 'missing', { expected: state(), recovery: 'none', cause: SILENT }),
    finding('pupils/class-3/private', 'unreadable', {
      kind: 'directory',
      errno: 'EACCES',
      found: state({ kind: 'directory', size: null }),
    }),
    finding('pupils/class-3/private/diary.txt', 'unreadable', {
      expected: state(),
      errno: 'EACCES',
      below: 'pupils/class-3/private',
      recovery: 'exact',
      source: sourceOf(0, 'pupils/class-3/private/diary.txt', state()),
    }),
    finding('office/forms', 'missing', {
      kind: 'directory',
      recovery: 'exact',
      expected: state({ kind: 'directory', size: null }),
      source: sourceOf(0, 'office/forms', state({ kind: 'directory', size: null })),
    }),
  );
  for (let i = 0; i < 10; i += 1) {
    findings.push(
      finding(`pupils/class-8/album/${i}.jpg`, 'moved', {
        expected: state(),
        movedTo: `pupils/archive/album/${i}.jpg`,
        between: { lastSeen: night(0), firstGone: new Date(CREATED_MS).toISOString() },
      }),
      finding(`pupils/archive/album/${i}.jpg`, 'new', { found: state() }),
    );
  }
  for (let i = 0; i < 41; i += 1) {
    findings.push(
      finding(`pupils/class-2/draft ${i}.tmp`, 'deleted', {
        expected: state(),
        between: { lastSeen: night(9), firstGone: night(8) },
      }),
    );
  }
  for (let i = 0; i < 63; i += 1)
    findings.push(
      finding(`teachers/notes/day ${i}.md`, 'modified', {
        expected: state(),
        found: state({ digest: 'aaaaaaaaaaaaaaaa' }),
      }),
    );
  const timeline = intervals(n);
  return withTallies(
    findings,
    {
      volume: 'school',
      livePath: '/srv/school',
      liveHost: 'backup1',
      liveScan: { id: 4211n, asOf: new Date(CREATED_MS - 60_000).toISOString() },
      series: [
        {
          name: 'nightly',
          pattern: '/backup/nightly/*',
          snapshots: n,
          newest: night(0).slice(0, 10),
          newestAsOf: night(0),
        },
      ],
      window: { since: null, reason: 'burst', intervals: timeline.filter((each) => each.inWindow) },
      timeline,
      incomplete: ['pupils/class-3/private could not be listed (EACCES)'],
      conditions: [
        { code: 'gap', text: 'Run as root to read pupils/class-3/private: 1 directory was refused to uid 1000.' },
      ],
      bytesRead: 84_221_334_122,
      bytesTrusted: 1_204_233_100,
      trustedSince: night(3),
      createdMs: CREATED_MS,
    },
    { files: 184_210, bytes: 412_331_000_000 },
  );
}

export function reportInput(changes: Partial<ReportInput> = {}): ReportInput {
  return {
    bundle: './rollcall-20251122T031240Z',
    target: '/srv/school',
    targetHost: null,
    program: './rollcall',
    lists: [
      {
        file: 'lists/01-missing.files0',
        kind: 'missing',
        needs: [],
        snapshot: '2025-11-22',
        inTarget: false,
        asOf: night(0),
        files: 101,
        bytes: 9_221_334,
      },
      {
        file: 'lists/01-damaged.files0',
        kind: 'damaged',
        needs: ['damaged'],
        snapshot: '2025-11-22',
        inTarget: false,
        asOf: night(0),
        files: 1,
        bytes: 1_204_233,
      },
      {
        file: 'lists/02-missing.files0',
        kind: 'missing',
        needs: [],
        snapshot: '2025-11-21',
        inTarget: false,
        asOf: night(1),
        files: 97,
        bytes: 8_221_334,
      },
      {
        file: 'lists/02-damaged.files0',
        kind: 'damaged',
        needs: ['damaged'],
        snapshot: '2025-11-21',
        inTarget: false,
        asOf: night(1),
        files: 1,
        bytes: 1_204_233,
      },
      {
        file: 'lists/03-older.files0',
        kind: 'older',
        needs: ['older'],
        snapshot: '2025-11-20',
        inTarget: false,
        asOf: night(2),
        files: 7,
        bytes: 812_334,
      },
    ],
    directories: 1,
    links: 2,
    needed: { bytes: 20_663_468, inodes: 209 },
    evidence: { bytes: 0, free: null },
    part: null,
    onBricks: false,
    mountedBy: null,
    rescue: null,
    free: { bytes: 1_412_331_000_000, inodes: 41_233_122 },
    remote: false,
    leftOut: [],
    fallenBack: 0,
    owners: new Map([
      [2001, 'm.keller'],
      [2002, 'class5'],
      [2004, 'secretary'],
    ]),
    ...changes,
  };
}

/** The bundle of that report, as its writer knows it. */
export function bundleFacts(report = reportInput()): BundleFacts {
  const { lists, needed } = report;
  const none = { files: 0, bytes: 0 };
  const restored = { files: needed.inodes, bytes: needed.bytes };
  const more = { damaged: none, older: none, personDeleted: none, uncertain: none, lost: none };
  return { report, lists, restored, ...more, sources: [], notInXxh64: 0, bytesRead: 0 };
}
