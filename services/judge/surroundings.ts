// Evidence from beside a path that is gone: its siblings, other names of its inode, and other places of its bytes.
import { type CopyElsewhere, type PathFacts, type Surroundings, versionAt } from '../../domain/facts.ts';
import { joinPath } from '../../domain/path.ts';
import { isFromList, same, type Version } from '../../domain/version.ts';
import type { Queryable } from '../catalog/scans.ts';
import { copiesOf, linkedNames } from '../catalog/neighbours.ts';
import { type JudgedRoot, pathsOfDirectories, rowsOfNames } from '../catalog/reconciliation.ts';
import type { FactsBuilder } from './facts.ts';
import type { Case } from './judging.ts';
import { lastSeenAt, lastSeenLive } from './movement.ts';

export interface Neighbourhood {
  /** Non-directories of each directory (by id) that were counted and not fetched: all of them are there. */
  readonly plainFiles: ReadonlyMap<number, number>;
  /** Every one that was fetched. */
  readonly cases: readonly Case[];
  /** Those that are proven absent live now. */
  readonly gone: readonly Case[];
}

/** Gives the gone cases their surroundings, but for copies (addCopies finds those of the few that need them). */
export async function addSurroundings(
  client: Queryable,
  builder: FactsBuilder,
  roots: readonly JudgedRoot[],
  around: Neighbourhood,
): Promise<void> {
  if (around.gone.length === 0) return;
  const siblings = siblingsOf(builder, around);
  const links = await survivingNames(client, builder, roots, around.gone);
  for (const one of around.gone) {
    const surroundings: Surroundings = {
      absence: one.facts.surroundings?.absence ?? null,
      siblings: siblings.get(one) ?? null,
      copies: [],
      linkTo: links.get(one) ?? null,
    };
    one.facts = { ...one.facts, surroundings };
  }
}

interface Siblings {
  gone: number;
  left: number;
  owners: number;
}

/** Of one directory and one last sighting: how many files went, how many were left, and whose they were. */
function siblingsOf(builder: FactsBuilder, around: Neighbourhood): Map<Case, Siblings> {
  const live = builder.observers.length - 1;
  const groups = new Map<string, { members: Case[]; owners: Set<number>; directory: number; seen: number }>();
  for (const one of around.gone) {
    const seen = lastSeenAt(one.facts, live);
    const version = versionAt(one.facts.sights, seen);
    if (version === null || version.kind === 'directory' || one.directory === null) continue;
    const key = `${one.directory} ${seen}`;
    let group = groups.get(key);
    if (group === undefined)
      groups.set(key, (group = { members: [], owners: new Set(), directory: one.directory, seen }));
    group.members.push(one);
    if (!isFromList(version)) group.owners.add(version.uid);
  }
  const present = new Map<number, Case[]>();
  for (const one of around.cases) {
    const now = versionAt(one.facts.sights, live);
    if (now === null || now.kind === 'directory' || one.directory === null) continue;
    const list = present.get(one.directory);
    if (list === undefined) present.set(one.directory, [one]);
    else list.push(one);
  }
  const siblings = new Map<Case, Siblings>();
  for (const { members, owners, directory, seen } of groups.values()) {
    const fetched = (present.get(directory) ?? []).filter(({ facts }) => versionAt(facts.sights, seen) !== null).length;
    const left = (around.plainFiles.get(directory) ?? 0) + fetched;
    for (const member of members) siblings.set(member, { gone: members.length, left, owners: owners.size });
  }
  return siblings;
}

/**
 * For a hard-linked name that is gone: another name of its inode at the last sighting that stands live now with the
 * same content.
 */
async function survivingNames(
  client: Queryable,
  builder: FactsBuilder,
  roots: readonly JudgedRoot[],
  gone: readonly Case[],
): Promise<Map<Case, string>> {
  const live = builder.observers.length - 1;
  const byRoot = new Map<number, { one: Case; version: Version; seq: bigint; own: Version | null }[]>();
  for (const one of gone) {
    const seen = lastSeenAt(one.facts, live);
    const version = versionAt(one.facts.sights, seen);
    const scan = builder.observers[seen]?.scan;
    if (version === null || scan === undefined || version.kind !== 'file' || version.nlink < 2) continue;
    // A backup may have been deduplicated with hard links: what live itself had as two files comes back as two.
    const own = lastSeenLive(one.facts, builder.observers);
    if (own !== null && own.nlink < 2) continue;
    const list = byRoot.get(scan.rootId) ?? [];
    list.push({ one, version, seq: scan.seq, own });
    byRoot.set(scan.rootId, list);
  }
  const links = new Map<Case, string>();
  for (const root of roots) {
    const wanted = byRoot.get(root.root) ?? [];
    const found = await linkedNames(client, root, unique(wanted.map(({ version }) => version.inode)));
    if (found.length === 0) continue;
    const paths = await pathsOfDirectories(client, unique(found.map((name) => name.directory)));
    const now = new Map<string, Version>();
    for (const row of await rowsOfNames(client, roots, found)) {
      const facts = builder.build(row, paths.get(row.directory) ?? '');
      const standing = typeof facts === 'string' ? null : versionAt(facts.sights, live);
      if (standing !== null) now.set(`${row.directory} ${row.name}`, standing);
    }
    // By inode, and only what is there now: of 32,000 names of one inode half may be gone, and each asks.
    const standing = new Map<bigint, { readonly name: (typeof found)[number]; readonly now: Version }[]>();
    for (const name of found) {
      const there = now.get(`${name.directory} ${name.name}`);
      if (there === undefined) continue;
      const names = standing.get(name.version.inode);
      if (names === undefined) standing.set(name.version.inode, [{ name, now: there }]);
      else names.push({ name, now: there });
    }
    for (const { one, version, seq, own } of wanted) {
      const other = standing
        .get(version.inode)
        ?.find(
          ({ name, now: there }) =>
            name.version.firstSeq <= seq &&
            (name.version.endSeq === null || name.version.endSeq > seq) &&
            same(there, version) &&
            (own === null || there.inode === own.inode),
        )?.name;
      if (other !== undefined) links.set(one, joinPath(paths.get(other.directory) ?? '', other.name));
    }
  }
  return links;
}

/** Where the catalog is asked for at most this many different contents at once. */
const CONTENTS_MAX = 100_000;

/**
 * For cases without an exact source: the same bytes under other names, in snapshots that are on disk, else in the live
 * volume itself, which a repair or a person may have put there. The newest copy of each content.
 * @returns those that got one
 */
export async function addCopies(
  client: Queryable,
  builder: FactsBuilder,
  roots: readonly JudgedRoot[],
  wanted: readonly { readonly one: Case; readonly size: number; readonly digest: bigint }[],
): Promise<Case[]> {
  const contents = new Map(
    wanted.slice(0, CONTENTS_MAX).map(({ size, digest }) => [`${size} ${digest}`, { size, digest }]),
  );
  const live = builder.observers.length - 1;
  const rows = await copiesOf(
    client,
    roots.filter((root) => !root.list),
    [...contents.values()],
  );
  if (rows.length === 0) return [];
  const paths = await pathsOfDirectories(client, unique(rows.map((row) => row.directory)));
  const best = new Map<string, CopyElsewhere>();
  const here = new Map<string, CopyElsewhere>();
  for (const { root, directory, name, version } of rows) {
    const key = `${version.size} ${version.digest}`;
    const facts = builder.build({ directory, name, byRoot: new Map([[root, [version]]]) }, paths.get(directory) ?? '');
    if (typeof facts === 'string') continue;
    if (versionAt(facts.sights, live) !== null && !here.has(key))
      here.set(key, { observer: live, path: facts.path, version });
    const observer = newestOnDisk(builder, facts);
    if (observer >= 0 && observer > (best.get(key)?.observer ?? -1))
      best.set(key, { observer, path: facts.path, version });
  }
  const helped: Case[] = [];
  for (const { one, size, digest } of wanted) {
    const key = `${size} ${digest}`;
    // Under its own name a copy was tried already.
    const copies = [best.get(key), here.get(key)];
    const copy = copies.find((each) => each !== undefined && each.path !== one.facts.path);
    if (copy === undefined) continue;
    const known = one.facts.surroundings ?? { absence: null, siblings: null, copies: [], linkTo: null };
    one.facts = { ...one.facts, surroundings: { ...known, copies: [copy] } };
    helped.push(one);
  }
  return helped;
}

function newestOnDisk(builder: FactsBuilder, facts: PathFacts): number {
  return facts.sights.findLastIndex((_, index) => {
    const observer = builder.observers[index];
    return observer?.role === 'backup' && observer.scan.pruned === null && versionAt(facts.sights, index) !== null;
  });
}

function unique<T>(values: readonly T[]): T[] {
  return [...new Set(values)];
}
