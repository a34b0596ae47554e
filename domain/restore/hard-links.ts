// Names that were one file come back as one, and names that were two files as two, whatever the backup made of them.
import type { Entry, Proof } from './entry.ts';
import { ownInode } from './entry.ts';

/** What is known of the entries that were placed before. */
export class HardLinks {
  /** The first name of a file: the others are linked to it. */
  readonly #leaders = new Map<string, Entry>();
  /**
   * The live inodes of the first in each list, by the inode in the snapshot, or where an export tells none by what hard
   * links have in common.
   */
  readonly #others = new Map<string, string>();

  /** The entry as it comes back: a copy, a link to another name, or a copy in a list of its own. */
  place(planned: Entry, proof: Proof): Entry {
    const entry = this.#apart(planned, proof);
    const key = leaderKey(planned, proof);
    const leader = key === null || entry.action !== 'copy' ? undefined : this.#leaders.get(key);
    if (leader !== undefined) return { ...entry, action: 'link', linkTo: leader.destination, sha256: proof.sha256 };
    if (key !== null && entry.action === 'copy') this.#leaders.set(key, entry);
    return entry;
  }

  /**
   * rsync -H makes one file of names that are one inode in the snapshot. Those that live had apart go to a list that is
   * copied without it.
   */
  #apart(entry: Entry, { inode, source }: Proof): Entry {
    if (entry.state.kind !== 'file' || (entry.action !== 'copy' && entry.action !== 'replace')) return entry;
    const { digest, size, mtimeNs, mode, uid, gid } = source.state;
    if (inode === null && source.proof === 'read') return entry;
    const copy = inode ?? [digest, size, mtimeNs, mode, uid, gid].join(' ');
    const key = `${entry.list}\0${entry.source}\0${copy}`;
    const own = ownInode(entry.finding);
    const other = this.#others.get(key);
    if (other === undefined) this.#others.set(key, own);
    const isOne = other === undefined || (other === own && own !== 'alone');
    return isOne ? entry : { ...entry, list: `${entry.list}-single` };
  }
}

/**
 * By what names are known to be one file; null for what is not. Two that are only copied from the same one come back as
 * two, as they were.
 */
function leaderKey(planned: Entry, { inode, sha256 }: Proof): string | null {
  const own = ownInode(planned.finding);
  const isName = planned.sourcePath === planned.finding.path;
  if (inode === null || sha256 === null || !isName || own === 'alone') return null;
  return `${planned.list}\0${planned.source}\0${inode}\0${own}`;
}
