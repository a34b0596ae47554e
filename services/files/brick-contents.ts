// What several bricks have of one name is told apart by content alone, and what is hidden is known by it: such copies
// are read while their directory is listed.
import type { DirectorySight, NameSight } from '../../domain/gluster/brick.ts';
import type { OpenBricks, Part } from './brick-parts.ts';
import { DirectoryElsewhere } from './directory-elsewhere.ts';
import { FileError } from './errors.ts';
import { readContent } from './read.ts';
import type { Stat } from './stat.ts';

const CONTENTS_REMEMBERED = 100_000;
const MODE_LINK = 0o1000;

/** With the digests of what several bricks have, or what is hidden on one: only their contents tell. */
export function compared(
  bricks: OpenBricks,
  parts: readonly Part[],
  sights: readonly DirectorySight[],
): readonly DirectorySight[] {
  if (bricks.reader === null) return sights;
  // Replicas are compared when the file is read: services/scan/read-replicas.ts.
  const files = new Map<string, number>();
  for (const { bricks: its } of bricks.volume.topology.subvolumes) {
    const own = new Map<string, number>();
    for (const brick of its) {
      const sight = sights[brick];
      if (sight?.state !== 'listed') continue;
      for (const [name, one] of sight.names) {
        if (!hasContent(one)) continue;
        const before = own.get(name) ?? 0;
        const wants = isMarked(one) ? 2 : 1;
        own.set(name, Math.max(before, wants));
      }
    }
    for (const [name, count] of own) files.set(name, (files.get(name) ?? 0) + count);
  }
  readAhead(bricks, parts, sights, files);
  return sights.map((sight, brick): DirectorySight => {
    if (sight.state !== 'listed') return sight;
    let names: Map<string, NameSight> | null = null;
    for (const [name, one] of sight.names) {
      if (one.state !== 'seen' || !hasContent(one) || (files.get(name) ?? 0) < 2) continue;
      const content = contentOf(bricks, parts[brick], name);
      if (content === null) continue;
      names ??= new Map(sight.names);
      names.set(name, { state: 'seen', entry: { ...one.entry, ...content } });
    }
    return names === null ? sight : { ...sight, names };
  });
}

/** What bricks on other hosts have of it is asked for in one question to each. */
function readAhead(
  { isElsewhere, read }: OpenBricks,
  parts: readonly Part[],
  sights: readonly DirectorySight[],
  files: ReadonlyMap<string, number>,
): void {
  if (!isElsewhere) return;
  for (const [brick, sight] of sights.entries()) {
    const part = parts[brick];
    if (sight.state !== 'listed' || part?.state !== 'open') continue;
    if (!(part.directory instanceof DirectoryElsewhere)) continue;
    const { directory } = part;
    const isWanted = (name: string, one: NameSight): boolean =>
      hasContent(one) && (files.get(name) ?? 0) >= 2 && !read.has(keyOf(directory.lstat(name)));
    directory.readAhead(
      [...sight.names].flatMap(([name, one]) => (isWanted(name, one) ? [name] : [])),
      false,
    );
  }
}

function contentOf(
  bricks: OpenBricks,
  part: Part | undefined,
  name: string,
): { readonly digest: bigint; readonly zeroFrom: number } | null {
  const { reader, read } = bricks;
  if (part?.state !== 'open' || reader === null) return null;
  try {
    const key = keyOf(part.directory.lstat(name));
    const known = read.get(key);
    if (known !== undefined) return known;
    const result = readContent(reader, part.directory, name, { attempts: 2 });
    if (!result.ok) return null;
    const content = { digest: result.digest, zeroFrom: result.zeroFrom };
    if (read.size < CONTENTS_REMEMBERED && !result.racy) read.set(key, content);
    return content;
  } catch (error) {
    if (error instanceof FileError) return null;
    throw error;
  }
}

function keyOf({ device, inode, size, mtimeNs, ctimeNs }: Stat): string {
  return `${device} ${inode} ${size} ${mtimeNs} ${ctimeNs}`;
}

function hasContent(one: NameSight): boolean {
  return one.state === 'seen' && one.entry.kind === 'file' && (one.entry.size ?? 0) > 0;
}

/** The mode of a link file, and content: only that tells what it is. */
function isMarked(one: NameSight): boolean {
  return one.state === 'seen' && one.entry.mode === MODE_LINK;
}
