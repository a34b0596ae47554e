// The scrub of a volume: how long ago its files were read, what to read again next, and what came of it. Files are told
// by the newest complete scan.
import type { Scrub } from '../../domain/watch/configuration.ts';
import type { ScrubStanding } from '../../domain/watch/picture.ts';
import { type ReadAt, type ScrubFacts, scrubStandingOf, type Slice, type SlicePlan } from '../../domain/watch/scrub.ts';
import type { Queryable, ScrubChoice } from './scans.ts';
import { run } from './statement.ts';
import type { Json } from './tasks.ts';
import { DAY_MS } from '../../domain/lengths.ts';

/** Clocks of hosts that differ by so much are no reason to read a file again. */
const CLOCK_SLACK_MS = 86_400_000;

interface ScrubbedRoot {
  readonly root: number;
  readonly seq: bigint;
  /** The newest complete slice. */
  readonly slice: bigint | null;
  readonly firstMs: number | null;
}

/** Null where no scan of it is complete. */
async function rootOf(client: Queryable, volumeId: number): Promise<ScrubbedRoot | null> {
  const found = await client.query<{ root: number; seq: bigint | null; slice: bigint | null; first_ms: bigint | null }>(
    `select r.id as root, max(s.seq) as seq, max(s.id) filter (where s.scrub is not null) as slice,
            min(s.started_ms) filter (where s.scrub is not null) as first_ms
       from root r join scan s on s.volume = r.volume and s.state = 'complete' where r.volume = $1 group by r.id order by r.id limit 1`,
    [volumeId],
  );
  const row = found.rows[0];
  if (row === undefined || row.seq === null) return null;
  const firstMs = row.first_ms === null ? null : Number(row.first_ms);
  return { root: row.root, seq: row.seq, slice: row.slice, firstMs };
}

/** What planSlice and the standing are made of; null where no scan of the volume is complete. */
export async function scrubFacts(
  client: Queryable,
  volumeId: number,
  scrub: Scrub,
  nowMs: number,
): Promise<ScrubFacts | null> {
  const of = await rootOf(client, volumeId);
  if (of === null) return null;
  const slices = await client.query<{ started_ms: bigint; chosen: bigint; read: bigint }>(
    `select started_ms, (scrub ->> 'chosenBytes')::bigint as chosen, coalesce((scrub ->> 'bytes')::bigint, 0) as read
       from scan where volume = $1 and state = 'complete' and scrub is not null and started_ms > $2`,
    [volumeId, Math.floor(nowMs - Math.max(1, scrub.withinDays / 2) * DAY_MS)],
  );
  return {
    read: await readWhen(client, of, nowMs),
    slices: slices.rows.map(
      (row): Slice => ({
        startedMs: Number(row.started_ms),
        chosenBytes: Number(row.chosen),
        bytes: Number(row.read),
      }),
    ),
    firstMs: of.firstMs,
  };
}

/** Summed once for each state of the volume: after that it is a look-up. */
async function readWhen(client: Queryable, { root, seq, slice }: ScrubbedRoot, nowMs: number): Promise<ReadAt[]> {
  const kept = await client.query<{ read: ReadAt[] }>(
    `select s.read from scrub_sum s join root r on r.id = s.root and r.changes = s.changes
      where s.root = $1 and s.slice is not distinct from $2`,
    [root, slice],
  );
  const made =
    kept.rows[0] ?? (await run<{ read: ReadAt[] }>(client, 'scrub-sums', sumsOf(root, seq, slice, nowMs))).rows[0];
  return made?.read ?? [];
}

function sumsOf(root: number, seq: bigint, slice: bigint | null, nowMs: number): readonly unknown[] {
  return [root, seq, Math.floor(nowMs + CLOCK_SLACK_MS), slice];
}

/**
 * How the promise stands. A volume without a complete scan has no files yet: that it was never looked at is for others
 * to tell.
 */
export async function scrubStanding(
  client: Queryable,
  volumeId: number,
  scrub: Scrub,
  nowMs: number,
): Promise<ScrubStanding> {
  const facts = await scrubFacts(client, volumeId, scrub, nowMs);
  return scrubStandingOf(scrub, facts ?? { read: [], slices: [], firstMs: null }, nowMs);
}

export type ChosenFiles = Pick<ScrubChoice, 'directories' | 'bytes'>;

/** What the next slice reads; nothing where nothing is to be read now. */
export async function chooseFiles(
  client: Queryable,
  volumeId: number,
  { bytesMax, owedBytes, urgentMs, youngMs }: SlicePlan,
  nowMs: number,
): Promise<ChosenFiles> {
  const of = await rootOf(client, volumeId);
  if (of === null) return { directories: [], bytes: 0 };
  const found = await run<{ directory: number; names: string[] | null; bytes: bigint }>(client, 'scrub-choice', [
    of.root,
    of.seq,
    Math.floor(nowMs + CLOCK_SLACK_MS),
    Math.ceil(bytesMax),
    Math.ceil(owedBytes),
    Math.floor(urgentMs),
    Math.floor(youngMs),
  ]);
  return {
    directories: found.rows.map(({ directory, names }) => ({ directory, names })),
    bytes: found.rows.reduce((sum, row) => sum + Number(row.bytes), 0),
  };
}

/** Files whose content a scan found changed in silence. */
export async function suspectsOf(client: Queryable, scanId: bigint): Promise<number> {
  const found = await client.query<{ suspects: number }>(
    `select count(*)::int as suspects from scan s join scan_root p on p.scan = s.id
       join packed_version v on v.root = p.root and v.first_seq = s.seq and v.suspect is true and (v.end_seq is not null or v.suspect is true)
      where s.id = $1`,
    [scanId],
  );
  return found.rows[0]?.suspects ?? 0;
}

export interface LastSlice {
  /** It was left, and has not ended. */
  readonly isLeft: boolean;
  readonly endedMs: number;
  readonly result: Json | null;
}

/** The slice of a volume that was left last; null before there was one. */
export async function lastSlice(client: Queryable, volumeId: number): Promise<LastSlice | null> {
  const found = await client.query<{ is_left: boolean; ended_ms: bigint | null; result: Json | null }>(
    `select state in ('open', 'taken', 'waiting') as is_left, ended_ms, result from task
      where kind = 'scrub' and reference ->> 'volumeId' = $1::text order by id desc limit 1`,
    [volumeId],
  );
  const row = found.rows[0];
  return row === undefined ? null : { isLeft: row.is_left, endedMs: Number(row.ended_ms ?? 0), result: row.result };
}
