// History follows the file: a name that bears a renamed file with other content gets what was seen of it under its
// former name.
import { isGap, type Former, type PathFacts, versionAt } from '../../domain/facts.ts';
import { joinPath } from '../../domain/path.ts';
import type { Moves } from '../../domain/window/moves.ts';
import { namesAt } from '../catalog/neighbours.ts';
import { pathsOfDirectories, rowsOfNames } from '../catalog/reconciliation.ts';
import type { Queryable } from '../catalog/scans.ts';
import { type Case, openCase } from './judging.ts';
import type { Loaded } from './load.ts';

/**
 * Gives such names their former ones. A name that is plainly intact by itself (a backup has taken the new content over)
 * becomes a case, and is no longer counted among the plain ones.
 */
export async function followFiles(client: Queryable, loaded: Loaded, moves: Moves): Promise<Loaded> {
  if (moves.formers.size === 0) return loaded;
  const wanted = new Set([...moves.formers].flat());
  const byPath = new Map<string, Case>();
  for (const one of loaded.cases) if (wanted.has(one.facts.path)) byPath.set(one.facts.path, one);
  const joined = await plainOnes(
    client,
    loaded,
    [...moves.formers.keys()].filter((path) => !byPath.has(path)),
  );
  for (const one of joined) byPath.set(one.facts.path, one);
  for (const [path, before] of moves.formers) {
    const one = byPath.get(path);
    const old = byPath.get(before);
    if (one !== undefined && old !== undefined) one.facts = withFormer(one.facts, old.facts);
  }
  return joined.length === 0 ? loaded : withSubjects(loaded, joined);
}

async function plainOnes(client: Queryable, { builder, roots }: Loaded, paths: readonly string[]): Promise<Case[]> {
  const names = await namesAt(client, paths);
  const directories = await pathsOfDirectories(client, [...new Set(names.map(({ directory }) => directory))]);
  return (await rowsOfNames(client, roots, names)).flatMap((rows) => {
    const { directory, name } = rows;
    const facts = builder.build(rows, directories.get(directory) ?? '');
    if (typeof facts === 'string')
      throw new Error(`${joinPath(directories.get(directory) ?? '', name)} is out of scope`);
    return [openCase(directory, name, facts)];
  });
}

/** What is known of the name itself stays: what it was before the file was renamed over it is its history as well. */
function withFormer(facts: PathFacts, old: PathFacts): PathFacts {
  const former: Former = {
    path: old.path,
    sights: facts.sights.map((sight, observer) => {
      const isSilent = sight === null || (isGap(sight) && sight.status === 'boundary');
      return isSilent ? (old.sights[observer] ?? null) : null;
    }),
  };
  const readings = old.readings.filter(({ observer }) => (former.sights[observer] ?? null) !== null);
  return { ...facts, former, readings: [...facts.readings, ...readings] };
}

function withSubjects(loaded: Loaded, joined: readonly Case[]): Loaded {
  const live = loaded.observers.length - 1;
  const plainFiles = new Map(loaded.plainFiles);
  let bytes = loaded.plain.bytes;
  for (const { directory, facts } of joined) {
    bytes -= versionAt(facts.sights, live)?.size ?? 0;
    if (directory !== null) plainFiles.set(directory, (plainFiles.get(directory) ?? 1) - 1);
  }
  return {
    ...loaded,
    cases: [...loaded.cases, ...joined],
    plain: { ...loaded.plain, files: loaded.plain.files - joined.length, bytes },
    plainFiles,
  };
}
