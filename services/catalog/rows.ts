// Version rows between SQL and the domain, and the small dictionary of (kind, mode, uid, gid).
import type { ClientBase } from 'pg';
import type { EndReason, Kind, Version } from '../../domain/version.ts';

/** Columns of one version row, in the order that versionOf reads them; `v` is of the view version. */
export const VERSION_COLUMNS = `v.first_seq, v.end_seq, v.end_reason, v.size, v.mtime_ns, v.digest, v.zero_from, v.read_seq, v.inode, v.ctime_ns,
  v.btime_ns, v.nlink, v.suspect, v.racy, v.target, v.rdev, v.kind, v.mode, v.uid, v.gid`;

/**
 * Tells the index of when versions begin of the rows that are new: else it learns of them when the table is vacuumed,
 * and no embedded server does.
 */
export const SUMMARIZE = `select brin_summarize_new_values('version_begun')`;

type Cell = bigint | number | string | boolean | null;

export const REASON_LETTERS: Readonly<Record<EndReason, string>> = {
  changed: 'c',
  vanished: 'v',
  excluded: 'x',
  'root removed': 'r',
};
const REASONS: Readonly<Record<string, EndReason>> = { c: 'changed', v: 'vanished', x: 'excluded', r: 'root removed' };

export function unsigned(digest: bigint | null): bigint | null {
  return digest === null ? null : BigInt.asUintN(64, digest);
}

export function signed(digest: bigint | null): bigint | null {
  return digest === null ? null : BigInt.asIntN(64, digest);
}

/** Maps the cells of VERSION_COLUMNS, beginning at `from` of a row in array mode. */
export function versionOf(row: readonly unknown[], from: number): Version {
  const cell = row as readonly Cell[];
  const reason = cell[from + 2] as string | null;
  const size = cell[from + 3] as bigint | null;
  const zeroFrom = cell[from + 6] as bigint | null;
  return {
    firstSeq: cell[from] as bigint,
    endSeq: cell[from + 1] as bigint | null,
    endReason: reason === null ? null : (REASONS[reason] ?? null),
    size: size === null ? null : Number(size),
    mtimeNs: cell[from + 4] as bigint,
    digest: unsigned(cell[from + 5] as bigint | null),
    zeroFrom: zeroFrom === null ? null : Number(zeroFrom),
    readSeq: cell[from + 7] as bigint | null,
    inode: cell[from + 8] as bigint,
    ctimeNs: cell[from + 9] as bigint,
    btimeNs: cell[from + 10] as bigint,
    nlink: cell[from + 11] as number,
    suspect: cell[from + 12] as boolean,
    racy: cell[from + 13] as boolean,
    target: cell[from + 14] as string | null,
    rdev: cell[from + 15] as bigint | null,
    kind: cell[from + 16] as Kind,
    mode: cell[from + 17] as number,
    uid: Number(cell[from + 18]),
    gid: Number(cell[from + 19]),
  };
}

/**
 * Maps the cells of a row of packed_version, in the order of sql/known-rows.sql: gives back what the view `version`
 * gives back.
 */
export function unpackedVersionOf(row: readonly unknown[], from: number, attributes: KnownAttributes): Version {
  const cell = row as readonly Cell[];
  const reason = cell[from + 2] as string | null;
  const firstSeq = cell[from] as bigint;
  const wideSize = cell[from + 3] as bigint | null;
  const size = wideSize === null ? (cell[from + 17] as number | null) : Number(wideSize);
  const mtimeNs = cell[from + 4] as bigint;
  const digest = unsigned(cell[from + 5] as bigint | null);
  const looks = cell[from + 6] as bigint | null;
  const zeroFrom = looks === null ? size : Number(looks);
  const ctimeNs = (cell[from + 9] as bigint | null) ?? mtimeNs;
  const { kind, mode, uid, gid } = attributes.of(cell[from + 16] as number);
  return {
    firstSeq,
    endSeq: cell[from + 1] as bigint | null,
    endReason: reason === null ? null : (REASONS[reason] ?? null),
    size,
    mtimeNs,
    digest,
    zeroFrom: digest === null || zeroFrom === null || zeroFrom < 0 ? null : zeroFrom,
    readSeq: digest === null ? null : ((cell[from + 7] as bigint | null) ?? firstSeq),
    inode: (cell[from + 8] as bigint | null) ?? BigInt(cell[from + 18] as number),
    ctimeNs,
    btimeNs: (cell[from + 10] as bigint | null) ?? ctimeNs - BigInt((cell[from + 19] as number | null) ?? 0),
    nlink: (cell[from + 11] as number | null) ?? 1,
    suspect: cell[from + 12] === true,
    racy: cell[from + 13] === true,
    target: cell[from + 14] as string | null,
    rdev: cell[from + 15] as bigint | null,
    kind,
    mode,
    uid,
    gid,
  };
}

/** Attributes by their ids, as this process has met them: an id is never given to another. */
export class KnownAttributes {
  readonly #byId = new Map<number, Attribute>();

  of(id: number): Attribute {
    const attribute = this.#byId.get(id);
    if (attribute === undefined) throw new Error(`attribute ${id} was not asked for before its rows were read`);
    return attribute;
  }

  /** Asks for those of the ids that are new. */
  async meet(client: Pick<ClientBase, 'query'>, ids: Iterable<number>): Promise<void> {
    const missing = [...new Set(ids)].filter((id) => !this.#byId.has(id));
    if (missing.length === 0) return;
    const found = await client.query<{ id: number; kind: Kind; mode: number; uid: bigint; gid: bigint }>(
      'select id, kind, mode, uid, gid from attribute where id = any ($1)',
      [missing],
    );
    for (const { id, kind, mode, uid, gid } of found.rows)
      this.#byId.set(id, { kind, mode, uid: Number(uid), gid: Number(gid) });
  }
}

export interface Attribute {
  readonly kind: Kind;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

function attributeKey(a: Attribute): string {
  return `${a.kind} ${a.mode} ${a.uid} ${a.gid}`;
}

function isSameAttribute(a: Attribute, b: Attribute): boolean {
  return a.kind === b.kind && a.mode === b.mode && a.uid === b.uid && a.gid === b.gid;
}

/**
 * Ids of attributes; what is new is added in a statement of its own, so that writers of a shard never wait for one
 * another.
 */
export class AttributeIds {
  readonly #ids = new Map<string, number>();
  /** Rows come by directories, and most have what the row before them has: no key is made for those. */
  #last: { readonly attribute: Attribute; readonly id: number } | null = null;

  /** Null before it was resolved. */
  known(a: Attribute): number | null {
    const last = this.#last;
    if (last !== null && isSameAttribute(last.attribute, a)) return last.id;
    const id = this.#ids.get(attributeKey(a));
    if (id === undefined) return null;
    const { kind, mode, uid, gid } = a;
    this.#last = { attribute: { kind, mode, uid, gid }, id };
    return id;
  }

  id(a: Attribute): number {
    const id = this.known(a);
    if (id === null) throw new Error(`attribute ${attributeKey(a)} was not resolved before it was written`);
    return id;
  }

  async resolve(client: ClientBase, wanted: Iterable<Attribute>): Promise<void> {
    const absent = new Map<string, Attribute>();
    let last: Attribute | null = null;
    for (const a of wanted) {
      if (last !== null && isSameAttribute(last, a)) continue;
      last = a;
      const key = attributeKey(a);
      if (!this.#ids.has(key)) absent.set(key, a);
    }
    const missing = [...absent.values()];
    if (missing.length === 0) return;
    const columns = [
      missing.map((a) => a.kind),
      missing.map((a) => a.mode),
      missing.map((a) => a.uid),
      missing.map((a) => a.gid),
    ];
    const all = 'from unnest($1::text[], $2::int[], $3::bigint[], $4::bigint[]) as n (kind, mode, uid, gid)';
    await client.query(
      `insert into attribute (kind, mode, uid, gid) select n.kind, n.mode, n.uid, n.gid ${all}
         where not exists (select from attribute a where a.kind = n.kind and a.mode = n.mode and a.uid = n.uid and a.gid = n.gid)
         order by 1, 2, 3, 4 on conflict do nothing`,
      columns,
    );
    const found = await client.query<{ id: number; kind: Kind; mode: number; uid: bigint; gid: bigint }>(
      `select a.id, a.kind, a.mode, a.uid, a.gid ${all} join attribute a using (kind, mode, uid, gid)`,
      columns,
    );
    for (const row of found.rows) {
      const key = attributeKey({ kind: row.kind, mode: row.mode, uid: Number(row.uid), gid: Number(row.gid) });
      this.#ids.set(key, row.id);
    }
  }
}
