// What holds for any facts whatever: judging ends, in one verdict, and never says more than was seen.
import { describe, expect, test } from 'vitest';
import { VERDICTS, type Verdict } from '../../../domain/verdicts.ts';
import type { Comparison, Observer, PathFacts, Reading, Request, Sight } from '../../../domain/facts.ts';
import { isGap } from '../../../domain/facts.ts';
import type { Acceptance, JudgeContext, Judged } from '../../../domain/judge/context.ts';
import { judgeContext } from '../../../domain/judge/context.ts';
import { judge } from '../../../domain/judge/judge.ts';
import { hexDigest } from '../../../domain/judge/keys.ts';
import { GAP_STATUSES } from '../../../domain/scan.ts';
import type { Version } from '../../../domain/version.ts';
import { NO_MOVES } from '../../../domain/window/moves.ts';
import { cases, fc } from '../../support/random.ts';

/** Verdicts for which a way back is computed. */
const RECOVERABLE: readonly Verdict[] = [
  'missing',
  'corrupt',
  'truncated',
  'reverted',
  'replaced',
  'recreated',
  'unreadable',
];

const RUNS = { numRuns: cases(Number(process.env['JUDGE_RUNS'] ?? 500)) };

const DAY_NS = 86_400_000_000_000n;
const VOLUMES = ['live', 'nightly', 'weekly'] as const;

interface World {
  readonly context: JudgeContext;
  readonly facts: PathFacts;
  /** What any request is answered with. */
  readonly reads: readonly (Reading | null)[];
  readonly compares: readonly Comparison[];
}

/** Equal bytes look alike, whoever reads them: 3n are zeros, 2n end in zeros where they are long enough. */
function looksOf(size: number, digest: bigint | null): number | null {
  if (digest === null) return null;
  if (digest === 3n) return 0;
  return digest === 2n ? Math.min(size, 10) : size;
}

const versionArb = fc
  .record({
    kind: fc.constantFrom('file', 'file', 'file', 'file', 'symlink', 'directory', 'fifo', 'block-device'),
    size: fc.constantFrom(0, 10, 10, 10, 20, 9000),
    looks: fc.constantFrom(false, true, true),
    mtime: fc.constantFrom(1n, 1n, 2n, 3n),
    digest: fc.constantFrom(null, 1n, 2n, 2n, 3n),
    inode: fc.bigInt({ min: 1n, max: 4n }),
    ctime: fc.bigInt({ min: 1n, max: 3n }),
    btime: fc.constantFrom(0n, 2n),
    mode: fc.constantFrom(0o600, 0o644),
    suspect: fc.constantFrom(false, false, false, true),
    target: fc.constantFrom('a', 'b'),
  })
  .map(
    (r): Version => ({
      kind: r.kind as Version['kind'],
      mode: r.mode,
      uid: 0,
      gid: 0,
      size: r.kind === 'file' ? r.size : null,
      mtimeNs: r.mtime * DAY_NS + 7n,
      target: r.kind === 'symlink' ? r.target : null,
      rdev: r.kind === 'block-device' ? r.ctime : null,
      digest: r.kind === 'file' ? r.digest : null,
      zeroFrom: r.kind === 'file' && r.looks ? looksOf(r.size, r.digest) : null,
      readSeq: null,
      inode: r.inode,
      ctimeNs: r.ctime * DAY_NS,
      btimeNs: r.btime * DAY_NS,
      nlink: 1,
      suspect: r.kind === 'file' && r.digest !== null && r.suspect,
      racy: false,
      firstSeq: 0n,
      endSeq: null,
      endReason: null,
    }),
  );

const gapArb = fc
  .record({
    place: fc.constantFrom(['d', 'f'], ['d', ''], ['', 'd'], ['d/f', '']),
    status: fc.constantFrom(...GAP_STATUSES),
    errno: fc.constantFrom(null, 'EIO', 'EACCES'),
  })
  .map(({ place, status, errno }) => ({
    directory: place[0] ?? '',
    name: place[1] ?? '',
    status,
    errno,
    detail: null,
  }));

/** One observer and what it saw: the version before it again (most often), another one, nothing, or a gap. */
const stepArb = fc.record({
  volume: fc.constantFrom(...VOLUMES),
  gapDays: fc.integer({ min: 0, max: 2 }),
  lengthDays: fc.constantFrom(0, 0, 1),
  pruned: fc.constantFrom(false, false, false, true),
  exported: fc.constantFrom(false, false, false, true),
  what: fc.constantFrom('same', 'same', 'same', 'other', 'gone', 'gap'),
  version: versionArb,
  gap: gapArb,
});

const worldArb: fc.Arbitrary<World> = fc
  .record({
    steps: fc.array(stepArb, { minLength: 0, maxLength: 9 }),
    last: stepArb,
    window: fc.constantFrom<'all' | 'last' | 'some' | 'none'>('all', 'last', 'some', 'none'),
    reads: fc.array(
      fc.record({
        digest: fc.constantFrom(null, 1n, 2n, 2n, 3n),
        errno: fc.constantFrom('EIO', 'ENOENT', 'CHANGED'),
        inode: fc.bigInt({ min: 1n, max: 4n }),
        ctime: fc.bigInt({ min: 1n, max: 3n }),
      }),
      { minLength: 10, maxLength: 10 },
    ),
    bytes: fc.array(
      fc.record({
        failed: fc.boolean(),
        prefix: fc.boolean(),
        zeros: fc.boolean(),
      }),
      { minLength: 100, maxLength: 100 },
    ),
    open: fc.boolean(),
    moved: fc.constantFrom(null, 'moved', 'candidate', 'target'),
    restoredDay: fc.constantFrom(null, 0, 3, 9),
    side: fc.constantFrom(null, 'backup' as const),
    declared: fc.constantFrom(true, true, true, false),
    early: fc.boolean(),
  })
  .map((r): World => {
    const steps = [...r.steps, { ...r.last, volume: 'live' as const, pruned: false, exported: false }].filter(
      (step) => r.declared || step.volume === 'live',
    );
    let day = 0;
    const observers: Observer[] = [];
    const sights: Sight[] = [];
    const before = new Map<string, Sight>();
    steps.forEach((step, i) => {
      day += step.gapDays;
      const live = step.volume === 'live';
      const seq = BigInt(i + 1);
      observers.push({
        role: live ? 'live' : 'backup',
        volume: step.volume,
        scan: {
          id: seq,
          volumeId: 1,
          rootId: 1,
          seq,
          path: '/x',
          snapshot: live ? null : `s${i}`,
          asOf: { fromMs: day * 86_400_000, toMs: (day + step.lengthDays) * 86_400_000, source: 'name' },
          mode: 'read',
          pruned: step.pruned ? 'gone' : null,
          exportedMs: step.exported && !live ? 5 : null,
          startedMs: day,
          host: 'here',
          rootMtimeNs: null,
        },
      });
      const last = before.get(step.volume) ?? null;
      let sight: Sight =
        step.what === 'gone'
          ? null
          : step.what === 'gap'
            ? step.gap
            : { ...step.version, firstSeq: seq, readSeq: step.version.digest === null ? null : seq };
      if (step.what === 'same' && last !== null && !isGap(last)) sight = last;
      sights.push(sight);
      if (sight === null || !isGap(sight)) before.set(step.volume, sight);
    });
    const end = observers.length - 1;
    const window = {
      all: [{ from: -1, to: end }],
      last: [{ from: Math.max(-1, end - 1), to: end }],
      some: [
        { from: 1, to: 3 },
        { from: end - 1, to: end },
      ],
      none: [],
    }[r.window];
    const name = (what: string): Map<string, string> =>
      new Map(r.moved !== what ? [] : [what === 'target' ? ['e/f', 'd/f'] : ['d/f', 'e/f']]);
    const context = judgeContext({
      observers,
      intervals: window.map((reach) => ({
        ...reach,
        series: 'nightly',
        ms: reach.to - reach.from,
        rules: new Set(['sensitive'] as const),
        isBeside: false,
        known: 5,
      })),
      since: null,
      moves: {
        ...NO_MOVES,
        moved: new Map([...name('moved'), ...name('target')]),
        candidates: name('candidate'),
      },
      accepted: new Map(),
      restored: new Map(r.restoredDay === null ? [] : [['d/f', r.restoredDay * 86_400_000]]),
      damaged: new Map(),
      openFindings: new Map(r.open ? [['d/f', null]] : []),
      backupDeclared: r.declared,
      side: r.side,
    });
    const reads = observers.map((_, observer): Reading => {
      const it = r.reads[observer % 10];
      const digest = it?.digest ?? null;
      const sight = sights[observer] ?? null;
      return {
        observer,
        digest,
        zeroFrom: sight === null || isGap(sight) ? null : looksOf(sight.size ?? 0, digest),
        errno: digest === null ? (it?.errno ?? 'EIO') : null,
        inode: it?.inode ?? 1n,
        ctimeNs: (it?.ctime ?? 1n) * DAY_NS,
      };
    });
    const compares = r.bytes.map(
      (it, i): Comparison => ({
        of: Math.floor(i / 10),
        against: i % 10,
        errno: it.failed ? 'EIO' : null,
        truePrefix: it.prefix && !it.failed,
        alikeBeforeZeros: it.zeros && !it.failed,
      }),
    );
    return {
      context,
      facts: { path: 'd/f', sights, readings: r.early ? reads.slice(0, 2) : [], comparisons: [] },
      reads,
      compares,
    };
  });

interface Run {
  readonly judged: Judged;
  readonly facts: PathFacts;
}

const keyOf = (request: Request): string =>
  request.kind === 'read' ? `read ${request.observer}` : `compare ${request.of} ${request.against}`;

/**
 * Judges with the world's answers; throws where judging does not end within the bound, or asks for what it must not.
 */
function run({ context, facts: given, reads, compares }: World): Run {
  let facts = given;
  const asked = new Set<string>();
  const n = context.observers.length;
  const judging = judge(facts, context);
  for (let round = 0; round <= n * (n + 3) + 1; round++) {
    const step = judging.next(facts);
    if (step.done === true) return { judged: step.value, facts };
    expect(step.value.length).toBeGreaterThan(0);
    for (const request of step.value) {
      expect(asked.has(keyOf(request)), `asked twice: ${keyOf(request)}`).toBe(false);
      asked.add(keyOf(request));
      for (const observer of request.kind === 'read' ? [request.observer] : [request.of, request.against]) {
        const seen = context.observers[observer];
        const sight = facts.sights[observer] ?? null;
        expect(seen?.scan.pruned ?? null, 'a pruned copy cannot be read').toBeNull();
        expect(seen?.scan.exportedMs ?? null, 'a copy on another host cannot be read').toBeNull();
        expect(seen?.role === 'backup' || observer === context.live, 'an old live state cannot be read').toBe(true);
        expect(sight !== null && !isGap(sight) && sight.kind === 'file', 'only files are read').toBe(true);
      }
      if (request.kind === 'read') {
        const reading = reads[request.observer];
        if (reading) facts = { ...facts, readings: [...facts.readings, reading] };
      } else {
        const found = compares.find((c) => c.of === request.of && c.against === request.against);
        if (found) facts = { ...facts, comparisons: [...facts.comparisons, found] };
      }
    }
  }
  throw new Error('no verdict within the bound');
}

function holds(check: (run: Run, world: World) => void): void {
  fc.assert(
    fc.property(worldArb, (world) => check(run(world), world)),
    RUNS,
  );
}

const liveSight = ({ context, facts }: World): Sight => facts.sights[context.live] ?? null;

describe('for any facts', () => {
  test('judging ends in exactly one verdict, asks nothing twice and only for what can be read', () => {
    holds(({ judged, facts }, { context }) => {
      expect(VERDICTS).toContain(judged.verdict);
      expect(['hidden', 'unreachable', 'misplaced']).not.toContain(judged.verdict);
      expect(judge(facts, context).next(facts)).toEqual({ done: true, value: judged });
    });
  });

  test('what a listing saw is never missing, deleted or moved; what is absent is nothing else, or in flux', () => {
    holds(({ judged }, world) => {
      const sight = liveSight(world);
      const absent = ['missing', 'deleted', 'moved'];
      if (sight !== null) expect(absent).not.toContain(judged.verdict);
      else expect([...absent, 'unsettled', 'unreadable']).toContain(judged.verdict);
    });
  });

  test('a gap over live is unreadable or unsettled, and nothing else is', () => {
    holds(({ judged, facts }, world) => {
      const sight = liveSight(world);
      if (sight !== null && isGap(sight))
        expect(judged.verdict).toBe(sight.status === 'unsettled' ? 'unsettled' : 'unreadable');
      else if (judged.verdict === 'unreadable' || judged.verdict === 'unsettled')
        expect(facts.readings.some((reading) => reading.observer === world.context.live)).toBe(true);
    });
  });

  test('a file is intact only where both digests are known and equal', () => {
    holds(({ judged, facts }, { context }) => {
      if (judged.verdict !== 'intact') return;
      const live = facts.sights[context.live];
      expect(live !== null && live !== undefined && !isGap(live)).toBe(true);
      if (judged.found?.kind !== 'file') return;
      expect(judged.found.digest).not.toBeNull();
      const equals = (observer: number): boolean => {
        const sight = facts.sights[observer] ?? null;
        if (sight === null || isGap(sight) || sight.size !== judged.found?.size) return false;
        const read = facts.readings.filter((reading) => reading.digest !== null).map((reading) => reading.digest);
        return [sight.digest, ...read].some((digest) => digest !== null && hexDigest(digest) === judged.found?.digest);
      };
      const against = context.backupDeclared
        ? context.series.map((s) => s.newest)
        : context.liveTrack.observers.slice(0, -1);
      expect(against.some((observer) => observer !== null && equals(observer))).toBe(true);
    });
  });

  test('last known good is never suspect, unless its content was seen above suspicion', () => {
    holds(({ judged, facts }) => {
      if (judged.lkg === null || judged.verdict === 'backup-corrupt' || judged.flags.some((f) => f.startsWith('side')))
        return;
      const sight = facts.sights[judged.lkg.observer] ?? null;
      if (sight === null || isGap(sight) || !sight.suspect) return;
      // Of a backup's copies that differ each has a vote, whatever the flag says: what was read second is not worse for
      // that.
      const elsewhere =
        facts.readings.some(({ digest }) => digest !== null && digest !== sight.digest) ||
        facts.sights.some(
          (other) =>
            other !== null &&
            !isGap(other) &&
            other.kind === 'file' &&
            other.size === sight.size &&
            (!other.suspect || other.digest !== sight.digest),
        );
      expect(elsewhere).toBe(true);
    });
  });

  test('a source is a file version on disk that was read; exact is same as last known good', () => {
    holds(({ judged, facts }, { context }) => {
      if (!RECOVERABLE.includes(judged.verdict)) {
        expect([judged.recovery, judged.source]).toEqual([null, null]);
        return;
      }
      expect(judged.recovery).not.toBeNull();
      expect(judged.source === null).toBe(judged.recovery === 'none');
      if (judged.source === null) return;
      const scan = context.observers[judged.source.observer]?.scan;
      expect(scan?.pruned).toBeNull();
      expect(judged.source.proof).toBe(scan?.exportedMs === null ? 'read' : 'export');
      expect(facts.sights[judged.source.observer]).not.toBeNull();
      const of = (state: { kind: string; size: number | null; digest: string | null; target: string | null }) =>
        [state.kind, state.size, state.digest, state.target].join(' ');
      if (judged.source.state.kind === 'file') expect(judged.source.state.digest).not.toBeNull();
      if (judged.recovery === 'exact')
        expect(of(judged.source.state)).toBe(judged.lkg === null ? '' : of(judged.lkg.state));
      if (judged.recovery === 'older') expect(judged.source.observer).not.toBe(judged.lkg?.observer);
    });
  });

  test('a path that equals its best source is not in a list', () => {
    holds(({ judged }) => {
      const { found, source } = judged;
      if (found === null || source === null || found.kind !== 'file') return;
      expect([found.size, found.digest]).not.toEqual([source.state.size, source.state.digest]);
    });
  });

  test('an accepted pair is never found again unaccepted, and a person who accepts everything comes to an end', () => {
    const damage = ['missing', 'replaced', 'recreated', 'corrupt', 'truncated', 'reverted'];
    holds(({ judged }, world) => {
      let it = judged;
      const pairs: Acceptance[] = [];
      while (damage.includes(it.verdict)) {
        const { expectedKey, observedKey } = it;
        expect(pairs.some((p) => p.expectedKey === expectedKey && p.observedKey === observedKey)).toBe(false);
        expect(pairs.length).toBeLessThanOrEqual(world.context.observers.length);
        pairs.push({ expectedKey, observedKey, reason: 'so it is', atMs: 1 });
        const accepted = new Map([['d/f', [...pairs]]]);
        it = run({ ...world, context: judgeContext({ ...world.context, accepted }) }).judged;
      }
    });
  });

  test('the order in which readings arrive changes nothing', () => {
    holds(({ judged, facts }, { context }) => {
      const live = facts.readings.filter((reading) => reading.observer === context.live);
      const rest = facts.readings.filter((reading) => reading.observer !== context.live);
      const shuffled = { ...facts, readings: [...rest.toReversed(), ...live] };
      const again = judge(shuffled, context).next(shuffled);
      expect(again.done === true ? again.value.verdict : again.value).toBe(judged.verdict);
    });
  });
});
