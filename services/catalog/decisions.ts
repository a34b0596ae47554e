// What earlier assessments, people and restores have left behind for the next judging of a volume.
import type { Cause } from '../../domain/assessment.ts';
import { DAMAGES, isDamageVerdict, isLossVerdict, type Verdict } from '../../domain/verdicts.ts';
import type { Acceptance, RecordedDamage, RecordedLoss } from '../../domain/judge/context.ts';
import { FLAG } from '../../domain/judge/flags.ts';
import { OBSERVED_ABSENT } from '../../domain/judge/keys.ts';
import { parentOf } from '../../domain/path.ts';
import { type FindingState, RULES } from './findings.ts';
import { type AcceptedLoss, returnedLosses } from './returns.ts';
import type { Queryable } from './scans.ts';

/** A finding that nobody has resolved or accepted. */
export interface OpenFinding {
  readonly path: string;
  readonly isDirectory: boolean;
  /** Something is lost or damaged, not only unprotected or unread. */
  readonly isLoss: boolean;
  /** observedKeyOf (domain/judge): what was found there. */
  readonly observed: string;
  /** Found by the rules of an earlier version of Rollcall. */
  readonly isOld: boolean;
}

/** What earlier assessments, people and restores left behind for one volume. */
export interface Decisions {
  readonly open: readonly OpenFinding[];
  /**
   * Open findings of losses that earlier rules made and that this assessment judges anew: they are in `open`, but keep
   * no path lost.
   */
  readonly oldFindings: number;
  /** Paths with an open finding of a loss. */
  readonly openLosses: ReadonlyMap<string, RecordedLoss>;
  /** Scans of the volume that assessments were made of. */
  readonly assessedScans: ReadonlySet<bigint>;
  readonly accepted: ReadonlyMap<string, readonly Acceptance[]>;
  /**
   * Findings whose acceptance is spent, and no part of `accepted`: a snapshot shows what was gone again. For
   * storeFindings.
   */
  readonly spent: ReadonlySet<bigint>;
  /** Damage that was certain when it was found, and that nobody ever accepted; by path. */
  readonly damaged: ReadonlyMap<string, readonly RecordedDamage[]>;
  readonly restored: ReadonlyMap<string, number>;
  /** By directory: when restores put names into it, ms since 1970. */
  readonly restoredInto: ReadonlyMap<string, readonly number[]>;
}

/**
 * @param seriesIds the backups that are judged with the volume. What earlier rules found is judged anew only by all of
 *   the backups that were ever
 *   judged with it: with fewer, a loss that only the others can tell would be taken for a deletion
 */
export async function decisionsOf(
  client: Queryable,
  volumeId: number,
  seriesIds: readonly number[],
): Promise<Decisions> {
  const found = await client.query<{
    id: bigint;
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
    uncertain: boolean;
    cause: Cause | null;
    is_directory: boolean;
    rules: number;
  }>(
    `select id, path, expected, observed, verdict, state, from_seq_ms as from_ms, to_seq_ms as to_ms, reason, closed_ms, restored_ms,
            detail->'flags' ?| $3 as undecided, detail->'flags' ? $4 as uncertain, nullif(detail->'cause', 'null') as cause, detail->>'kind' = 'directory' as is_directory, rules
       from finding where volume = $1 and (state in ('open', 'accepted') or restored_ms is not null or verdict = any ($2))`,
    [volumeId, DAMAGES, [FLAG.sideUnknown, FLAG.sideBackup], FLAG.uncertain],
  );
  const assessed = await client.query<{ live_scan: bigint }>(
    'select distinct live_scan from assessment where volume = $1',
    [volumeId],
  );
  const isOldLoss = (row: { state: FindingState; verdict: Verdict; rules: number }): boolean =>
    row.state === 'open' && row.rules < RULES && isLossVerdict(row.verdict);
  const judgesAnew = found.rows.some(isOldLoss) && (await coversEarlier(client, volumeId, seriesIds));
  const losses = found.rows.flatMap(({ id, path, state, observed, closed_ms, from_ms }): AcceptedLoss[] => {
    if (state !== 'accepted' || observed !== OBSERVED_ABSENT || path === '') return [];
    return [{ id, path, atMs: Number(closed_ms ?? 0n), lastSeenMs: from_ms === null ? null : Number(from_ms) }];
  });
  const spent = await returnedLosses(client, losses, seriesIds);
  let oldFindings = 0;
  const open: OpenFinding[] = [];
  const openLosses = new Map<string, RecordedLoss>();
  const accepted = new Map<string, Acceptance[]>();
  const damaged = new Map<string, RecordedDamage[]>();
  const restored = new Map<string, number>();
  const restoredInto = new Map<string, number[]>();
  for (const row of found.rows) {
    if (row.state === 'open') {
      const { path, observed, is_directory: isDirectory } = row;
      open.push({ path, isDirectory, isLoss: isLossVerdict(row.verdict), observed, isOld: row.rules < RULES });
    }
    if (judgesAnew && isOldLoss(row)) oldFindings++;
    else if (row.state === 'open' && isLossVerdict(row.verdict)) {
      const cause = row.verdict === 'missing' ? row.cause : null;
      const before = openLosses.get(row.path);
      // One path may be open with several pairs of states: what speaks for a loss counts.
      if (before === undefined || before.cause === null || before.cause.cause === 'person')
        openLosses.set(row.path, {
          cause,
          goneMs: row.to_ms === null ? null : Number(row.to_ms),
          isUncertain: row.uncertain,
        });
    }
    // A reason is given by whoever accepts, and stays when the acceptance is spent.
    if (isDamageVerdict(row.verdict) && row.reason === null && row.from_ms !== null && !row.undecided) {
      const list = damaged.get(row.path) ?? [];
      list.push({ observedKey: row.observed, damage: row.verdict, afterMs: Number(row.from_ms) });
      damaged.set(row.path, list);
    }
    if (row.state === 'accepted' && !spent.has(row.id)) {
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
      const times = restoredInto.get(directory) ?? [];
      if (!times.includes(atMs)) times.push(atMs);
      restoredInto.set(directory, times);
    }
  }
  const assessedScans = new Set(assessed.rows.map((row) => row.live_scan));
  return { open, oldFindings, openLosses, assessedScans, accepted, spent, damaged, restored, restoredInto };
}

/** Whether there are backups, and all that earlier assessments of the volume stood on are among them. */
async function coversEarlier(client: Queryable, volumeId: number, seriesIds: readonly number[]): Promise<boolean> {
  if (seriesIds.length === 0) return false;
  const others = await client.query(
    `select from assessment a, jsonb_array_elements_text(a.scans) as stood (scan)
       join scan s on s.id = stood.scan::bigint join volume v on v.id = s.volume
      where a.volume = $1 and v.layout = 'snapshots' and s.list is null and s.volume <> all ($2) limit 1`,
    [volumeId, seriesIds],
  );
  return others.rowCount === 0;
}
