// What earlier assessments, people and restores have left behind for the next judging of a volume.
import { type Cause, DAMAGES, isDamageVerdict, isLossVerdict, type Verdict } from '../../domain/assessment.ts';
import type { Acceptance, RecordedDamage, RecordedLoss } from '../../domain/judge/context.ts';
import { FLAG } from '../../domain/judge/flags.ts';
import { parentOf } from '../../domain/path.ts';
import type { FindingState } from './findings.ts';
import type { Queryable } from './scans.ts';

/** A finding that nobody has resolved or accepted. */
export interface OpenFinding {
  readonly path: string;
  readonly isDirectory: boolean;
  /** Something is lost or damaged, not only unprotected or unread. */
  readonly isLoss: boolean;
  /** observedKeyOf (domain/judge): what was found there. */
  readonly observed: string;
}

/** What earlier assessments, people and restores left behind for one volume. */
export interface Decisions {
  readonly open: readonly OpenFinding[];
  /** Paths with an open finding of a loss. */
  readonly openLosses: ReadonlyMap<string, RecordedLoss>;
  /** When those happened, ms since 1970: last sighting and first proof. */
  readonly openStretches: readonly { readonly fromMs: number; readonly toMs: number }[];
  readonly accepted: ReadonlyMap<string, readonly Acceptance[]>;
  /** Damage that was certain when it was found, and that nobody ever accepted; by path. */
  readonly damaged: ReadonlyMap<string, readonly RecordedDamage[]>;
  readonly restored: ReadonlyMap<string, number>;
  /** By directory: the newest restore that put names into it. */
  readonly restoredInto: ReadonlyMap<string, number>;
}

export async function decisionsOf(client: Queryable, volumeId: number): Promise<Decisions> {
  const found = await client.query<{
    path: string;
    expected: string;
    observed: string;
    verdict: Verdict;
    state: FindingState;
    from_ms: bigint | null;
    to_ms: bigint | null;
    reason: string | null;
    closed_ms: bigint | null;
    restored_ms: bigint | null;
    undecided: boolean;
    cause: Cause | null;
    is_directory: boolean;
  }>(
    `select path, expected, observed, verdict, state, from_seq_ms as from_ms, to_seq_ms as to_ms, reason, closed_ms, restored_ms,
            detail->'flags' ?| $3 as undecided, nullif(detail->'cause', 'null') as cause, detail->>'kind' = 'directory' as is_directory
       from finding where volume = $1 and (state in ('open', 'accepted') or restored_ms is not null or verdict = any ($2))`,
    [volumeId, DAMAGES, [FLAG.sideUnknown, FLAG.sideBackup]],
  );
  const open: OpenFinding[] = [];
  const openLosses = new Map<string, RecordedLoss>();
  const stretches = new Map<string, { fromMs: number; toMs: number }>();
  const accepted = new Map<string, Acceptance[]>();
  const damaged = new Map<string, RecordedDamage[]>();
  const restored = new Map<string, number>();
  const restoredInto = new Map<string, number>();
  for (const row of found.rows) {
    if (row.state === 'open') {
      const { path, observed, is_directory: isDirectory } = row;
      open.push({ path, isDirectory, isLoss: isLossVerdict(row.verdict), observed });
    }
    if (row.state === 'open' && isLossVerdict(row.verdict)) {
      const cause = row.verdict === 'missing' ? row.cause : null;
      const before = openLosses.get(row.path);
      // One path may be open with several pairs of states: what speaks for a loss counts.
      if (before === undefined || before.cause === null || before.cause.cause === 'person')
        openLosses.set(row.path, { cause, goneMs: row.to_ms === null ? null : Number(row.to_ms) });
      if (row.from_ms !== null && row.to_ms !== null)
        stretches.set(`${row.from_ms} ${row.to_ms}`, { fromMs: Number(row.from_ms), toMs: Number(row.to_ms) });
    }
    // A reason is given by whoever accepts, and stays when the acceptance is spent.
    if (isDamageVerdict(row.verdict) && row.reason === null && row.from_ms !== null && !row.undecided) {
      const list = damaged.get(row.path) ?? [];
      list.push({ observedKey: row.observed, damage: row.verdict, afterMs: Number(row.from_ms) });
      damaged.set(row.path, list);
    }
    if (row.state === 'accepted') {
      const list = accepted.get(row.path) ?? [];
      list.push({
        expectedKey: row.expected,
        observedKey: row.observed,
        reason: row.reason ?? '',
        atMs: Number(row.closed_ms ?? 0n),
      });
      accepted.set(row.path, list);
    }
    if (row.restored_ms !== null) {
      const atMs = Number(row.restored_ms);
      restored.set(row.path, Math.max(atMs, restored.get(row.path) ?? 0));
      const directory = row.path === '' ? '' : parentOf(row.path);
      restoredInto.set(directory, Math.max(atMs, restoredInto.get(directory) ?? 0));
    }
  }
  return { open, openLosses, openStretches: [...stretches.values()], accepted, damaged, restored, restoredInto };
}
