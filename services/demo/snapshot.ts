// A nightly backup as `rsync -aH --delete --link-dest` makes it: what did not change is a hard link into the night
// before.
import {
  chmodSync,
  copyFileSync,
  linkSync,
  lchownSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  type Stats,
  symlinkSync,
} from 'node:fs';

function unchanged(now: Stats, before: Stats | undefined): boolean {
  return (
    before !== undefined &&
    before.isFile() &&
    before.size === now.size &&
    before.mtimeMs === now.mtimeMs &&
    before.mode === now.mode &&
    before.uid === now.uid &&
    before.gid === now.gid
  );
}

/** Owner, mode and time of an entry that was just made, from the one it stands for. Times are whole seconds here. */
function dress(path: string, like: Stats): void {
  lchownSync(path, like.uid, like.gid);
  if (!like.isSymbolicLink()) chmodSync(path, like.mode & 0o7777);
  lutimesSync(path, like.mtimeMs / 1000, like.mtimeMs / 1000);
}

/**
 * Copies `live` to the new directory `night`; `before` is the night before or null. Hard links within live stay hard
 * links.
 */
export function takeSnapshot(live: string, night: string, before: string | null): void {
  const linked = new Map<number, string>();
  const copy = (below: string): void => {
    const from = `${live}${below}`;
    const to = `${night}${below}`;
    mkdirSync(to, { recursive: below === '' });
    for (const entry of readdirSync(from, { withFileTypes: true })) {
      const path = `${below}/${entry.name}`;
      const stats = lstatSync(`${live}${path}`);
      const twin = linked.get(stats.ino);
      if (entry.isDirectory()) copy(path);
      else if (entry.isSymbolicLink()) {
        symlinkSync(readlinkSync(`${live}${path}`), `${night}${path}`);
        dress(`${night}${path}`, stats);
      } else if (twin !== undefined) linkSync(twin, `${night}${path}`);
      else {
        const old = before === null ? undefined : lstatSync(`${before}${path}`, { throwIfNoEntry: false });
        if (unchanged(stats, old)) linkSync(`${before}${path}`, `${night}${path}`);
        else {
          copyFileSync(`${live}${path}`, `${night}${path}`);
          dress(`${night}${path}`, stats);
        }
        if (stats.nlink > 1) linked.set(stats.ino, `${night}${path}`);
      }
    }
    dress(to, lstatSync(from));
  };
  copy('');
}

/** `20261121T030000Z`: a name that means the same instant in every time zone. */
export function snapshotName(atMs: number): string {
  return `${new Date(atMs).toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}Z`;
}
