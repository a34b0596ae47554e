// Findings, kept until they are resolved; and what people accepted.
import type { Recovery } from '../../domain/assessment.ts';
import { RESTORED, type Verdict } from '../../domain/verdicts.ts';
import { RollcallError } from '../../domain/exit.ts';
import { writeAudit } from './audit-log.ts';
import type { Queryable } from './scans.ts';

export type FindingState = 'open' | 'resolved' | 'accepted';

export interface FindingRow {
  readonly path: string;
  readonly expected: string;
  readonly observed: string;
  readonly verdict: Verdict;
  readonly recovery: Recovery | null;
  /** JSON: what a person is shown of it later. */
  readonly detail: string;
  /** When it happened, ms since 1970: last sighting and first proof. Null where no interval is known. */
  readonly fromMs: number | null;
  readonly toMs: number | null;
}

export interface StoreFindings {
  readonly volumeId: number;
  readonly nowMs: number;
  /** Every finding of this assessment. */
  readonly rows: readonly FindingRow[];
  /**
   * Paths of which nothing certain could be said now (unreadable, unsettled, left out of this run): what was open there
   * stays open.
   */
  readonly unknown: readonly string[];
  /**
   * What lies at accepted paths now (contentKey of domain/judge): an acceptance is spent where that is what was
   * expected before it.
   */
  readonly seen: readonly { readonly path: string; readonly content: string }[];
  /** Accepted findings whose path came back and went again (decisions.ts): found again, they are open again. */
  readonly spent: ReadonlySet<bigint>;
}

const CHUNK = 5_000;

/**
 * The rules of judging that findings are found by; each is stored with its number. Raise it where rules change so that
 * what is open may have been found wrongly: it is then judged anew (decisions.ts).
 */
export const RULES = 2;

/**
 * Stores the findings of one assessment: known pairs are seen again (an accepted one stays accepted, a resolved one is
 * open again), and open ones that are no longer found are resolved. An acceptance is spent where the path holds again
 * what was expected before it; that a backup holds what was accepted does not spend it, for the window may still cover
 * the change. Must run in a transaction.
 */
export async function storeFindings(
  client: Queryable,
  store: StoreFindings,
): Promise<{ open: number; resolved: number }> {
  const ids: bigint[] = [];
  let open = 0;
  if (store.spent.size > 0) {
    await client.query(
      `update finding set state = 'resolved', closed_ms = $3 where volume = $1 and state = 'accepted' and id = any ($2)`,
      [store.volumeId, [...store.spent], store.nowMs],
    );
  }
  for (let start = 0; start < store.rows.length; start += CHUNK) {
    const rows = store.rows.slice(start, start + CHUNK);
    for (const row of await upsert(client, store, rows)) {
      ids.push(row.id);
      if (row.state === 'open') open++;
    }
  }
  const resolved = await client.query(
    `update finding f set state = 'resolved', closed_ms = $2
      where f.volume = $1 and not exists (select from unnest($3::bigint[]) as n (id) where n.id = f.id)
        and (f.state = 'open' and not exists (select from unnest($4::text[]) as u (path) where u.path = f.path collate "C")
          or f.state = 'accepted' and exists (
             select from unnest($5::text[], $6::text[]) as s (path, content)
              where s.path = f.path collate "C" and s.content = f.expected collate "C"))`,
    [
      store.volumeId,
      store.nowMs,
      ids,
      store.unknown,
      store.seen.map(({ path }) => path),
      store.seen.map(({ content }) => content),
    ],
  );
  return { open, resolved: resolved.rowCount ?? 0 };
}

/** What is open already stays as it was opened; what a person accepted stays accepted. */
async function upsert(
  client: Queryable,
  { volumeId, nowMs }: StoreFindings,
  rows: StoreFindings['rows'],
): Promise<{ id: bigint; state: FindingState }[]> {
  const stored = await client.query<{ id: bigint; state: FindingState }>(
    `insert into finding as f (volume, path, expected, observed, verdict, recovery, detail, from_seq_ms, to_seq_ms, state, opened_ms, seen_ms, rules)
       select $1, n.path, n.expected, n.observed, n.verdict, n.recovery, n.detail::jsonb, n.from_ms, n.to_ms, 'open', $2, $2, $11
         from unnest($3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::bigint[], $10::bigint[])
              as n (path, expected, observed, verdict, recovery, detail, from_ms, to_ms)
         order by n.path collate "C", n.expected collate "C", n.observed collate "C"
     on conflict (volume, path, expected, observed) do update
        set verdict = excluded.verdict, recovery = excluded.recovery, detail = excluded.detail, seen_ms = excluded.seen_ms,
            from_seq_ms = excluded.from_seq_ms, to_seq_ms = excluded.to_seq_ms, rules = excluded.rules,
            state = case when f.state = 'accepted' then 'accepted' else 'open' end,
            opened_ms = case when f.state = 'resolved' then excluded.opened_ms else f.opened_ms end,
            closed_ms = case when f.state = 'accepted' then f.closed_ms end
     returning id, state`,
    [
      volumeId,
      nowMs,
      rows.map((r) => r.path),
      rows.map((r) => r.expected),
      rows.map((r) => r.observed),
      rows.map((r) => r.verdict),
      rows.map((r) => r.recovery),
      rows.map((r) => r.detail),
      rows.map((r) => (r.fromMs === null ? null : Math.floor(r.fromMs))),
      rows.map((r) => (r.toMs === null ? null : Math.ceil(r.toMs))),
      RULES,
    ],
  );
  return stored.rows;
}

export interface StoredFinding {
  readonly id: bigint;
  readonly volume: string;
  readonly path: string;
  readonly expected: string;
  readonly observed: string;
  readonly verdict: Verdict;
  readonly recovery: Recovery | null;
  readonly state: FindingState;
  readonly reason: string | null;
  readonly openedMs: number;
  readonly seenMs: number;
  readonly closedMs: number | null;
  /** As stored: flags, cause, source, between, evidence. */
  readonly detail: unknown;
}

interface StoredRow {
  id: bigint;
  volume: string;
  path: string;
  expected: string;
  observed: string;
  verdict: Verdict;
  recovery: Recovery | null;
  state: FindingState;
  reason: string | null;
  opened_ms: bigint;
  seen_ms: bigint;
  closed_ms: bigint | null;
  detail: unknown;
}

const STORED_COLUMNS =
  'f.id, v.name as volume, f.path, f.expected, f.observed, f.verdict, f.recovery, f.state, f.reason, f.opened_ms, f.seen_ms, f.closed_ms, f.detail';

function storedOf(row: StoredRow): StoredFinding {
  return {
    id: row.id,
    volume: row.volume,
    path: row.path,
    expected: row.expected,
    observed: row.observed,
    verdict: row.verdict,
    recovery: row.recovery,
    state: row.state,
    reason: row.reason,
    openedMs: Number(row.opened_ms),
    seenMs: Number(row.seen_ms),
    closedMs: row.closed_ms === null ? null : Number(row.closed_ms),
    detail: row.detail,
  };
}

/** Findings by volume and path; all volumes without a volumeId. */
export async function listFindings(
  client: Queryable,
  filter: {
    readonly volumeId?: number;
    readonly states?: readonly FindingState[];
    readonly path?: string;
    readonly limit?: number;
  },
): Promise<StoredFinding[]> {
  const found = await client.query<StoredRow>(
    `select ${STORED_COLUMNS} from finding f join volume v on v.id = f.volume
      where ($1::int is null or f.volume = $1) and f.state = any ($2) and ($3::text is null or f.path = $3 collate "C")
      order by v.name, f.path, f.id limit $4`,
    [filter.volumeId ?? null, filter.states ?? ['open'], filter.path ?? null, filter.limit ?? null],
  );
  return found.rows.map(storedOf);
}

/**
 * Accepts open findings: this pair of states is how things should be. A later damage of the same path is a new finding.
 * Must run in a transaction. Throws RollcallError where nothing open matches, where one of the ids is not open, or the
 * reason is empty.
 * @param which finding ids, or a path of a volume (all of its open findings)
 */
export async function acceptFinding(
  client: Queryable,
  which: { readonly ids: readonly bigint[] } | { readonly volumeId: number; readonly path: string },
  decision: { readonly reason: string; readonly actor: string; readonly nowMs: number },
): Promise<StoredFinding[]> {
  if (decision.reason.trim() === '') {
    throw new RollcallError('Accepting a finding needs a reason.', { next: 'Say why with --reason TEXT.' });
  }
  const byId = 'ids' in which;
  const updated = await client.query<{ id: bigint }>(
    `update finding set state = 'accepted', reason = $1, closed_ms = $2
      where state = 'open' and ${byId ? 'id = any ($3)' : 'volume = $3 and path = $4 collate "C"'} returning id`,
    [decision.reason, decision.nowMs, ...(byId ? [which.ids] : [which.volumeId, which.path])],
  );
  const done = new Set(updated.rows.map(({ id }) => id));
  const notOpen = byId ? which.ids.filter((id) => !done.has(id)) : [];
  if (done.size === 0 || notOpen.length > 0) {
    const what = byId ? `finding ${notOpen.join(', ')}` : `a finding of ${which.path}`;
    throw new RollcallError(`There is no open ${what}.`, { next: 'See what is open with: rollcall findings' });
  }
  const found = await client.query<StoredRow>(
    `select ${STORED_COLUMNS} from finding f join volume v on v.id = f.volume where f.id = any ($1) order by f.path, f.id`,
    [updated.rows.map((row) => row.id)],
  );
  const accepted = found.rows.map(storedOf);
  await writeAudit(
    client,
    accepted.map((finding) => ({
      atMs: decision.nowMs,
      actor: decision.actor,
      action: 'accept',
      subject: `${finding.volume}: ${finding.path} (${finding.verdict})`,
      reason: decision.reason,
    })),
  );
  return accepted;
}

/**
 * Closes the findings of paths that were restored and verified, and remembers the restore: what lies there is no
 * stranger, and the mtimes that it moved are no evidence. Only those of a loss: that a backup lacks it, say, is not
 * disproved. Must run in a transaction.
 * @returns findings that were open and are closed now
 */
export async function markRestored(
  client: Queryable,
  restore: {
    readonly volumeId: number;
    readonly paths: readonly string[];
    readonly nowMs: number;
    readonly actor: string;
    readonly bundle: string | null;
  },
): Promise<number> {
  const found = await client.query<{ closed: number }>(
    `with told as (
       select f.id, f.state from finding f join unnest($3::text[]) as n (path) on f.path = n.path collate "C"
        where f.volume = $1 and f.state in ('open', 'resolved') and f.verdict = any ($4) for update of f
     ), marked as (
       update finding f set restored_ms = $2, closed_ms = case when f.state = 'open' then $2 else f.closed_ms end, state = 'resolved'
         from told t where t.id = f.id
     )
     select (count(*) filter (where state = 'open'))::int as closed from told`,
    [restore.volumeId, restore.nowMs, restore.paths, RESTORED],
  );
  await writeAudit(client, [
    {
      atMs: restore.nowMs,
      actor: restore.actor,
      action: 'restored',
      subject: restore.bundle ?? `volume ${restore.volumeId}`,
      reason: `${restore.paths.length} paths verified`,
    },
  ]);
  return found.rows[0]?.closed ?? 0;
}
