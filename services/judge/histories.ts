// History follows the file: a name that bears a renamed file with other content gets what was seen of it under its former name.
import { isGap, type Former, type PathFacts, versionAt } from '../../domain/facts.ts';
import { joinPath } from '../../domain/path.ts';
import type { Moves } from '../../domain/window/moves.ts';
import { namesAt } from '../catalog/neighbours.ts';
import { pathsOfDirectories, rowsOfNames } from '../catalog/reconciliation.ts';
import type { Queryable } from '../catalog/scans.ts';
import type { Subject } from './judging.ts';
import type { Loaded } from './load.ts';

/**
 * Gives such names their former ones. A name that is plainly intact by itself (a backup has taken the new content over) becomes a subject, and
 * is no longer counted among the plain ones.
 */
export async function followFiles(client: Queryable, loaded: Loaded, moves: Moves): Promise<Loaded> {
  if (moves.formers.size === 0) return loaded;
  const wanted = new Set([...moves.formers].flat());
  const byPath = new Map<string, Subject>();
  for (const subject of loaded.subjects) if (wanted.has(subject.facts.path)) byPath.set(subject.facts.path, subject);
  const joined = await plainOnes(
    client,
    loaded,
    [...moves.formers.keys()].filter((path) => !byPath.has(path)),
  );
  for (const subject of joined) byPath.set(subject.facts.path, subject);
  for (const [path, before] of moves.formers) {
    const subject = byPath.get(path);
    const old = byPath.get(before);
    if (subject !== undefined && old !== undefined) subject.facts = withFormer(subject.facts, old.facts);
  }
  return joined.length === 0 ? loaded : withSubjects(loaded, joined);
}

async function plainOnes(client: Queryable, { builder, roots }: Loaded, paths: readonly string[]): Promise<Subject[]> {
  const names = await namesAt(client, paths);
  const directories = await pathsOfDirectories(client, [...new Set(names.map(({ directory }) => directory))]);
  return (await rowsOfNames(client, roots, names)).flatMap((rows) => {
    const { directory, name } = rows;
    const facts = builder.build(rows, directories.get(directory) ?? '');
    if (typeof facts === 'string')
      throw new Error(`${joinPath(directories.get(directory) ?? '', name)} is out of scope`);
    return [{ directory, name, facts }];
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

function withSubjects(loaded: Loaded, joined: readonly Subject[]): Loaded {
  const live = loaded.observers.length - 1;
  const plainFiles = new Map(loaded.plainFiles);
  let bytes = loaded.plain.bytes;
  for (const { directory, facts } of joined) {
    bytes -= versionAt(facts.sights, live)?.size ?? 0;
    if (directory !== null) plainFiles.set(directory, (plainFiles.get(directory) ?? 1) - 1);
  }
  return {
    ...loaded,
    subjects: [...loaded.subjects, ...joined],
    plain: { ...loaded.plain, files: loaded.plain.files - joined.length, bytes },
    plainFiles,
  };
}
