// Where each file of a live volume stands, by the query and by an oracle in memory that goes through every file, scan
// and gap one at a time.
import type { ClientBase } from 'pg';
import { expect, test } from 'vitest';
import { parentOf, baseName } from '../../domain/path.ts';
import type { Scan } from '../../domain/scan.ts';
import { SUBVOLUME_STUB } from '../../domain/scan.ts';
import { copiesOf } from '../../services/catalog/copies.ts';
import { clientForFile } from '../support/postgres.ts';
import { cases, fc } from '../support/random.ts';

const client = await clientForFile();
const PATHS = ['a', 'b', 'd/a', 'd/b', 'd/x/a', 'd/x/b'];
const DIRECTORIES = ['', 'd', 'd/x'];
const SEQS = [10n, 20n, 30n, 40n];
const BACKUPS = 2;

/** What a name is at one scan: size and content, whether anybody read it, whether it is suspect. */
interface Cell {
  readonly size: number;
  readonly content: number;
  readonly isRead: boolean;
  readonly isSuspect: boolean;
}
interface Version extends Cell {
  readonly path: string;
  readonly root: number;
  readonly first: bigint;
  readonly end: bigint | null;
  readonly readSeq: bigint | null;
}
interface GapAt {
  readonly root: number;
  readonly scan: number;
  /** A directory, with all below it, or a name. */
  readonly place: string;
  readonly isStub: boolean;
}
interface World {
  /** By root (0 is live), path and scan. */
  readonly cells: readonly (readonly (readonly (Cell | null)[])[])[];
  readonly readAt: number;
  readonly gaps: readonly GapAt[];
  readonly pruned: readonly boolean[];
  readonly recent: readonly boolean[];
}

const cell: fc.Arbitrary<Cell | null> = fc.option(
  fc
    .record({
      content: fc.integer({ min: 0, max: 3 }),
      isRead: fc.boolean(),
      isSuspect: fc.integer({ min: 0, max: 5 }).map((n) => n === 0),
    })
    .map((one) => ({ ...one, size: one.content < 2 ? 1 : one.content - 2, isSuspect: one.isSuspect && one.isRead })),
  { freq: 4 },
);
const worlds: fc.Arbitrary<World> = fc.record({
  cells: fc.tuple(
    ...[0, 1, 2].map((root) => fc.tuple(...PATHS.map(() => fc.tuple(...(root === 0 ? [0] : SEQS).map(() => cell))))),
  ),
  readAt: fc.integer({ min: 0, max: 3 }),
  gaps: fc.array(
    fc.record({
      root: fc.integer({ min: 0, max: BACKUPS }),
      scan: fc.integer({ min: 0, max: 3 }),
      place: fc.constantFrom('', 'd', 'd/x', 'a', 'd/a', 'd/x/b'),
      isStub: fc.boolean(),
    }),
    { maxLength: 3 },
  ),
  pruned: fc.array(fc.boolean(), { minLength: 8, maxLength: 8 }),
  recent: fc.array(fc.boolean(), { minLength: 8, maxLength: 8 }),
});

/** Neighbouring scans that saw the same are one version, which was read at one of them. */
function versionsOf({ cells, readAt }: World): Version[] {
  return cells.flatMap((paths, root) =>
    paths.flatMap((states, at) => {
      const seqs = root === 0 ? [50n] : SEQS;
      const versions: Version[] = [];
      states.forEach((state, scan) => {
        if (state === null) return;
        const before = states[scan - 1] ?? null;
        const isOn = before !== null && JSON.stringify(before) === JSON.stringify(state);
        if (isOn) return;
        let last = scan;
        while (JSON.stringify(states[last + 1] ?? null) === JSON.stringify(state)) last++;
        const readSeq = state.isRead ? (seqs[Math.min(last, scan + readAt)] ?? null) : null;
        versions.push({
          ...state,
          path: PATHS[at] ?? '',
          root,
          first: seqs[scan] ?? 0n,
          end: seqs[last + 1] ?? null,
          readSeq,
        });
      });
      return versions;
    }),
  );
}

function isHidden(
  { gaps }: World,
  { root, scan }: { readonly root: number; readonly scan: number },
  path: string,
  kind: 'any' | 'not stub',
): boolean {
  return gaps.some(
    (gap) =>
      gap.root === root &&
      (root === 0 || gap.scan === scan) &&
      (kind === 'any' || !(gap.isStub && DIRECTORIES.includes(gap.place))) &&
      (gap.place === '' || path === gap.place || path.startsWith(`${gap.place}/`)),
  );
}

function oracle(world: World, onlyRecent: boolean): Record<string, string> {
  const versions = versionsOf(world);
  const held = [1, 2].flatMap((root) =>
    SEQS.flatMap((seq, scan) => (world.pruned[(root - 1) * 4 + scan] === true ? [] : [{ root, seq, scan }])),
  );
  const copies = versions.filter(
    (v) =>
      v.root > 0 &&
      held.some(
        ({ root, seq, scan }) =>
          root === v.root &&
          v.first <= seq &&
          (v.end === null || v.end > seq) &&
          !isHidden(world, { root, scan }, v.path, 'any'),
      ),
  );
  const isRecent = (v: Version): boolean =>
    held.some(
      ({ root, seq, scan }) =>
        root === v.root &&
        seq === v.readSeq &&
        world.recent[(root - 1) * 4 + scan] === true &&
        !isHidden(world, { root, scan }, v.path, 'any'),
    );
  const counts = (v: Version): boolean => !onlyRecent || isRecent(v);
  const told: Record<string, string> = {};
  for (const live of versions.filter(({ root }) => root === 0)) {
    const equal = (v: Version): boolean =>
      v.isRead && live.isRead && !v.isSuspect && !live.isSuspect && v.size === live.size && v.content === live.content;
    const own = copies.filter(({ path }) => path === live.path);
    const others = live.size > 0 ? copies.filter(equal) : [];
    const isSized = own.some(({ size }) => size === live.size);
    const isUnseen = held.some(({ root, scan }) => isHidden(world, { root, scan }, live.path, 'not stub'));
    told[live.path] = isHidden(world, { root: 0, scan: 0 }, live.path, 'any')
      ? 'not-looked-at'
      : own.some((v) => equal(v) && counts(v))
        ? 'covered'
        : own.some(equal)
          ? 'read-long-ago'
          : others.some(counts)
            ? 'elsewhere'
            : others.length > 0
              ? 'read-long-ago'
              : live.isSuspect && isSized
                ? 'suspect'
                : !live.isRead && isSized
                  ? 'unread'
                  : own.some((v) => !v.isRead && v.size === live.size)
                    ? 'copy-unread'
                    : isUnseen
                      ? 'copy-not-looked-at'
                      : own.length > 0
                        ? 'older'
                        : 'none';
  }
  return told;
}

/** Writes a world, and gives the scans that are asked about. */
async function write(client: ClientBase, world: World): Promise<{ live: Scan; held: Scan[] }> {
  await client.query(
    `insert into directory (id, parent, name, path) overriding system value values (1, 0, 'd', 'd'), (2, 1, 'x', 'd/x')`,
  );
  await client.query(
    `insert into attribute (id, kind, mode, uid, gid) overriding system value values (1, 'file', 420, 0, 0)`,
  );
  const scans: Scan[][] = [];
  for (const root of [0, 1, 2]) {
    const role = root === 0 ? 'live' : 'backup';
    await client.query(
      `insert into volume (id, name, role, layout, key, created_ms) overriding system value values ($4, $1, $2, $3, $1, 0)`,
      [`v${root}`, role, root === 0 ? 'tree' : 'snapshots', root + 1],
    );
    await client.query(`insert into root (id, volume, host, path) overriding system value values ($1, $1, 'h', '/')`, [
      root + 1,
    ]);
    const own: Scan[] = [];
    for (const [at, seq] of (root === 0 ? [50n] : SEQS).entries()) {
      const made = await client.query<{ id: bigint }>(
        `insert into scan (volume, seq, as_of_from_ms, as_of_to_ms, as_of_source, mode, state, scope, started_ms, progressed_ms)
           values ($1, $2, 0, 0, 'name', 'read', 'complete', '{}', 0, 0) returning id`,
        [root + 1, seq],
      );
      const id = made.rows[0]?.id ?? 0n;
      await client.query(`insert into scan_root (scan, root, path) values ($1, $2, '/')`, [id, root + 1]);
      const startedMs = world.recent[(root - 1) * 4 + at] === true ? 1_000 : 0;
      own.push({ id, seq, rootId: root + 1, startedMs } as Scan);
    }
    scans.push(own);
  }
  const rows = versionsOf(world).map((v) => ({
    first_seq: String(v.first),
    end_seq: v.end === null ? null : String(v.end),
    digest: v.isRead ? v.content : null,
    read_seq: v.readSeq === null ? null : String(v.readSeq),
    size: v.size,
    root: v.root + 1,
    directory: DIRECTORIES.indexOf(parentOf(v.path)),
    suspect: v.isSuspect,
    name: baseName(v.path),
  }));
  await client.query(
    `insert into packed_version (first_seq, end_seq, end_reason, mtime_ns, digest, read_seq, size, root, directory, attribute, suspect, name)
       select first_seq, end_seq, case when end_seq is not null then 'c'::"char" end, 5, digest, read_seq, size, root, directory, 1, suspect, name
         from jsonb_to_recordset($1) as v (first_seq bigint, end_seq bigint, digest bigint, read_seq bigint, size bigint, root int, directory int, suspect boolean, name text)`,
    [JSON.stringify(rows)],
  );
  for (const { root, scan, place, isStub } of world.gaps) {
    const isDirectory = DIRECTORIES.includes(place);
    await client.query(
      `insert into gap (scan, root, directory, name, status, detail) values ($1, $2, $3, $4, $5, $6)`,
      [
        scans[root]?.[root === 0 ? 0 : scan]?.id,
        root + 1,
        DIRECTORIES.indexOf(isDirectory ? place : parentOf(place)),
        isDirectory ? '' : baseName(place),
        isStub && isDirectory ? 'boundary' : 'io',
        isStub && isDirectory ? SUBVOLUME_STUB : null,
      ],
    );
  }
  const [[live] = [], ...backups] = scans;
  if (live === undefined) throw new Error('there is a live scan');
  return { live, held: backups.flatMap((own, b) => own.filter((_, at) => world.pruned[b * 4 + at] !== true)) };
}

test('the query says of every file what a look at each file, scan and gap says', async () => {
  await fc.assert(
    fc.asyncProperty(worlds, async (world) => {
      await client.query('begin');
      try {
        const { live, held } = await write(client, world);
        for (const readSinceMs of [null, 500]) {
          const found = await copiesOf(client, { live, held, readSinceMs, names: new Map() });
          const told = Object.values(oracle(world, readSinceMs !== null));
          const count = (standing: string): number => told.filter((one) => one === standing).length;
          expect(found.all.files).toBe(told.length);
          expect(found.covered.files).toBe(count('covered') + count('elsewhere'));
          expect(found.elsewhere.files).toBe(count('elsewhere'));
          const expected = new Map<string, number>();
          for (const [path, standing] of Object.entries(oracle(world, readSinceMs !== null))) {
            if (standing === 'covered' || standing === 'elsewhere') continue;
            const key = `${standing} ${parentOf(path)}`;
            expected.set(key, (expected.get(key) ?? 0) + 1);
          }
          const short = new Map<string, number>();
          for (const { shortfall, directory, files } of found.short) {
            const key = `${shortfall} ${directory}`;
            short.set(key, (short.get(key) ?? 0) + files);
          }
          expect(Object.fromEntries(short)).toEqual(Object.fromEntries(expected));
        }
      } finally {
        await client.query('rollback');
      }
    }),
    { numRuns: cases(60) },
  );
});
