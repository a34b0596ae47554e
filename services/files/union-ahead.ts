// What a directory of a volume of bricks asks of the bricks on other hosts, to be asked together (askAhead).
import { joinPath } from '../../domain/path.ts';
import type { Part } from './brick-parts.ts';
import { type Ahead, askAhead, DirectoryElsewhere, type WantedAhead } from './directory-elsewhere.ts';

function elsewhere(parts: readonly Part[]): DirectoryElsewhere[] {
  return parts.flatMap((part) =>
    part.state === 'open' && part.directory instanceof DirectoryElsewhere ? [part.directory] : [],
  );
}

/** Of what is wanted below the directory that these are parts of. */
export function aheadBelow(parts: readonly Part[], wanted: readonly WantedAhead[]): Ahead[] {
  return elsewhere(parts).flatMap(({ place, below }) =>
    wanted.map((one) => ({ place, wanted: { ...one, path: joinPath(below, one.path) } })),
  );
}

/** Of single names of the directory itself, where nobody has said anything of them yet. */
export function aheadOfNames(parts: readonly Part[], names: readonly string[]): Ahead[] {
  return elsewhere(parts).flatMap((directory): Ahead[] => {
    const unknown = names.filter((name) => !directory.knows(name));
    const { place, below } = directory;
    return unknown.length === 0 ? [] : [{ place, wanted: { path: below, names: unknown }, into: directory }];
  });
}

/** What other hosts have said of these names is of the moment before: they are asked again, together. */
export function askAnew(parts: readonly Part[], names: readonly string[]): void {
  if (names.length === 0) return;
  for (const directory of elsewhere(parts)) directory.forget(names);
  askAhead(aheadOfNames(parts, names));
}
