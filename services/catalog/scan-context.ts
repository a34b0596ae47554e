// What does not change while a scan runs.
import { orphanSaid } from '../../domain/gluster/orphans.ts';
import type { Layout, Role, ScanMode } from '../../domain/scan.ts';
import type { ScopeRules } from '../../domain/scope.ts';
import type { Queryable } from './scans.ts';
import { FenceLost } from './shards.ts';

export interface PreviousScan {
  readonly scanId: bigint;
  readonly seq: bigint;
  readonly path: string | null;
  readonly sameScope: boolean;
  /** It has gaps on single names, which are asked for with the rows of their directory: a dying disk has many. */
  readonly nameGaps: boolean;
}

/** Everything that a thread needs to do the shards of one root of a scan. Constant while the scan runs; plain data. */
export interface ScanContext {
  readonly scanId: bigint;
  readonly volumeId: number;
  readonly rootId: number;
  /** All roots that the scan looks at, this one too. */
  readonly roots: readonly number[];
  readonly role: Role;
  readonly layout: Layout;
  readonly seq: bigint;
  readonly mode: ScanMode;
  /** Where this state of the root lies. */
  readonly path: string;
  readonly scope: ScopeRules;
  /** What the root was when the scan began (its identity, as recorded with the scan); null for none. */
  readonly identity: unknown;
  /** Mounts that earlier scans entered, relative and printable. */
  readonly enteredMounts: readonly string[];
  readonly newState: boolean;
  readonly startedMs: number;
  /** The newest complete scan before seq: its listings can be compared, its copies may be the same inodes. */
  readonly previous: PreviousScan | null;
  /** The first complete scan after seq (a late scan), else null. */
  readonly next: bigint | null;
  /**
   * Rules of the later complete scans that leave something out, by seq: what they leave out they did not see, and that
   * is no absence.
   */
  readonly laterExcludes: ReadonlyMap<bigint, ScopeRules>;
  /** A complete scan after seq has gaps: `next` must then be asked for name by name. */
  readonly laterGaps: boolean;
  readonly donors: boolean;
  /** What the previous scan has read of content without a name, by the copy that it read (gluster/orphans.ts). */
  readonly orphans: ReadonlyMap<string, { readonly xxh64: string; readonly zeroFrom: number | null }>;
  /** Of a slice of the scrub: what the host may read in a second for it (null: no limit). Null for other scans. */
  readonly scrub: { readonly bytesPerSecond: number | null } | null;
}

interface ContextRow {
  volume: number;
  root: number;
  roots: number[];
  role: Role;
  layout: Layout;
  seq: bigint;
  mode: ScanMode;
  path: string;
  scope: ScopeRules;
  identity: unknown;
  entered_mounts: string[] | null;
  new_state: boolean;
  started_ms: bigint;
  previous_id: bigint | null;
  previous_seq: bigint | null;
  previous_path: string | null;
  same_scope: boolean | null;
  previous_gaps: boolean;
  next_seq: bigint | null;
  later_excludes: { seq: string; scope: ScopeRules }[];
  later_gaps: boolean;
  donors: boolean;
  orphans: string[];
  scrub: { bytesPerSecond: number | null } | null;
}

/**
 * @param root which of the scan's roots: that of a shard, or any on a host
 * @throws FenceLost where there is no such scan any more: a second look at a snapshot that found it unchanged became
 *   part of the first
 */
export async function loadScanContext(
  client: Queryable,
  scanId: bigint,
  root: { readonly rootId: number } | { readonly host: string },
): Promise<ScanContext> {
  const found = await client.query<ContextRow>(
    `select s.volume, o.root, array(select root from scan_root where scan = s.id order by root) as roots, v.role, v.layout, s.seq, s.mode, o.path,
            s.scope, s.scrub, o.identity, r.identity -> 'enteredMounts' as entered_mounts, s.new_state, s.started_ms,
            p.id as previous_id, p.seq as previous_seq, case when p.pruned is null then (select b.path from scan_root b where b.scan = p.id and b.root = o.root) end as previous_path, p.scope = s.scope as same_scope,
            exists (select from gap g where g.scan = p.id and g.root = o.root and g.name <> '' and g.status <> 'boundary') as previous_gaps,
            n.seq as next_seq,
            array(select jsonb_build_object('seq', q.seq::text, 'scope', q.scope) from scan q
                   where q.volume = s.volume and q.state = 'complete' and q.seq > s.seq and q.scope -> 'excludes' <> '[]') as later_excludes,
            exists (select from scan q join gap g on g.scan = q.id where q.volume = s.volume and q.state = 'complete' and q.seq > s.seq) as later_gaps,
            exists (select from donor d where d.root = o.root) as donors,
            array(select g.detail from gap g where v.layout = 'gluster' and g.scan = p.id and g.root = o.root and g.name like '///%' and g.detail is not null) as orphans
       from scan s join volume v on v.id = s.volume join scan_root o on o.scan = s.id join root r on r.id = o.root
       left join lateral (select * from scan p where p.volume = s.volume and p.state = 'complete' and p.seq < s.seq order by p.seq desc limit 1) p on true
       left join lateral (select * from scan n where n.volume = s.volume and n.state = 'complete' and n.seq > s.seq order by n.seq limit 1) n on true
      where s.id = $1 and ($2::int is null or o.root = $2) and ($3::text is null or r.host = $3) order by o.root limit 1`,
    [scanId, 'rootId' in root ? root.rootId : null, 'host' in root ? root.host : null],
  );
  const row = found.rows[0];
  if (row === undefined) throw new FenceLost(`scan ${scanId} is over`);
  return contextOf(scanId, row);
}

function contextOf(scanId: bigint, row: ContextRow): ScanContext {
  return {
    scanId,
    volumeId: row.volume,
    rootId: row.root,
    roots: row.roots,
    role: row.role,
    layout: row.layout,
    seq: row.seq,
    mode: row.mode,
    path: row.path,
    scope: row.scope,
    identity: row.identity,
    enteredMounts: row.entered_mounts ?? [],
    newState: row.new_state,
    startedMs: Number(row.started_ms),
    previous:
      row.previous_id === null || row.previous_seq === null
        ? null
        : {
            scanId: row.previous_id,
            seq: row.previous_seq,
            path: row.previous_path,
            sameScope: row.same_scope === true,
            nameGaps: row.previous_gaps,
          },
    next: row.next_seq,
    laterExcludes: new Map(row.later_excludes.map(({ seq, scope }) => [BigInt(seq), scope])),
    laterGaps: row.later_gaps,
    donors: row.donors,
    orphans: new Map(row.orphans.flatMap(contentRead)),
    scrub: row.scrub === null ? null : { bytesPerSecond: row.scrub.bytesPerSecond },
  };
}

function contentRead(detail: string): [string, { xxh64: string; zeroFrom: number | null }][] {
  const orphan = orphanSaid(detail);
  if (orphan === null || orphan.identity === null || orphan.copy.xxh64 === null) return [];
  const { xxh64, zeroFrom } = orphan.copy;
  return [[orphan.identity, { xxh64, zeroFrom }]];
}
