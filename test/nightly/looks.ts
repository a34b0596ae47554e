// What the looks at a server saw: nightly snapshots by rsync, and a scan of the live tree after each. As the catalog
// would tell it.
import type { DirectoryLook } from '../../domain/absence/witness.ts';
import type { Observer, Sight } from '../../domain/facts.ts';
import { parentOf } from '../../domain/path.ts';
import type { Version } from '../../domain/version.ts';
import type { Node, Tree } from './tree.ts';

const MS_NS = 1_000_000n;

/** Beside the sights of one path, what is needed to go on with them. */
interface Track {
  readonly sights: Sight[];
  /** What the newest look of each volume saw. */
  live: Version | null;
  backup: Version | null;
  /** It was of more than one kind, content or time, or was gone: then it is never plainly intact again. */
  hasEnded: boolean;
  /** Observer at which it was seen to change last. */
  changedAt: number;
}

/** One look, of what it saw of directories. */
interface Changes {
  filesTouched: number;
  changedMs: number;
}

export const LIVE_ROOT = 1;
export const BACKUP_ROOT = 2;

export class Looks {
  readonly observers: Observer[] = [];
  readonly tracks = new Map<string, Track>();
  /** By `${root} ${seq}`, as services/catalog/directory-times.ts has it. */
  readonly changes = new Map<string, Changes>();
  readonly #tree: Tree;
  readonly #backup = new Map<string, Node>();
  /** Names that the backup may have to take over. */
  readonly #due = new Set<string>();
  #rootMtimes: bigint[] = [];
  #serial = 1_000_000n;

  constructor(tree: Tree) {
    this.#tree = tree;
  }

  /**
   * rsync -a --delete, from `fromMs` to `toMs`: what is equal in size and time is not copied again.
   * @param race a name that somebody deletes while it runs: after its directory's time was taken, and before it was
   *   listed
   */
  snapshot(fromMs: number, toMs: number, race: string | null): void {
    for (const path of this.#tree.dirty) this.#due.add(path);
    const rootMtimeMs = this.#tree.rootMtimeMs;
    const parentBefore = race === null ? undefined : this.#tree.nodes.get(parentOf(race));
    if (race !== null) {
      this.#tree.remove(race, fromMs + (toMs - fromMs) * 0.6);
      this.#due.add(race);
    }
    const observer = this.#observe('backup', fromMs, rootMtimeMs);
    const changed = this.#changesOf(observer, toMs);
    for (const path of this.#due) {
      const now = this.#tree.nodes.get(path) ?? null;
      const raced = race !== null && path === parentOf(race) ? parentBefore : undefined;
      this.#copy(path, raced ?? now, observer, toMs, changed);
    }
    this.#due.clear();
    if (race !== null) this.#due.add(parentOf(race));
  }

  #copy(path: string, node: Node | null, observer: number, toMs: number, changed: Changes): void {
    const had = this.#backup.get(path) ?? null;
    if (node === null) {
      this.#backup.delete(path);
      if (had !== null) this.#see(path, 'backup', null, observer);
      return;
    }
    if (had !== null && had.kind === node.kind && had.size === node.size && had.mtimeMs === node.mtimeMs) return;
    const inode = had !== null && node.kind === 'directory' ? had.inode : ++this.#serial;
    const copy: Node = { ...node, inode, ctimeMs: toMs - 1_000, btimeMs: toMs - 1_000 };
    this.#backup.set(path, copy);
    if (node.kind === 'directory') changed.filesTouched += this.#tree.filesOf(path).length;
    this.#see(path, 'backup', copy, observer);
  }

  live(nowMs: number): void {
    const observer = this.#observe('live', nowMs, this.#tree.rootMtimeMs);
    const changed = this.#changesOf(observer, nowMs);
    const first = !this.observers.some(({ role }, index) => role === 'live' && index < observer);
    for (const path of this.#tree.dirty) this.#due.add(path);
    for (const path of first ? this.#tree.nodes.keys() : this.#tree.dirty) {
      const node = this.#tree.nodes.get(path) ?? null;
      const track = this.tracks.get(path);
      if (node === null && (track === undefined || track.live === null)) continue;
      if (node?.kind === 'directory') changed.filesTouched += this.#tree.filesOf(path).length;
      this.#see(path, 'live', node, observer);
    }
    this.#tree.dirty.clear();
  }

  #changesOf(observer: number, changedMs: number): Changes {
    const scan = this.observers[observer]?.scan;
    const changes = { filesTouched: 0, changedMs };
    this.changes.set(`${scan?.rootId} ${scan?.seq}`, changes);
    return changes;
  }

  #observe(role: 'live' | 'backup', ms: number, rootMtimeMs: number): number {
    const rootMtimeNs = BigInt(Math.floor(rootMtimeMs)) * MS_NS;
    const index = this.observers.length;
    const seq = BigInt(this.observers.filter((observer) => observer.role === role).length + 1);
    this.#rootMtimes.push(rootMtimeNs);
    this.observers.push({
      role,
      volume: role === 'live' ? 'live' : 'nightly',
      scan: {
        id: BigInt(index + 1),
        volumeId: role === 'live' ? 1 : 2,
        rootId: role === 'live' ? LIVE_ROOT : BACKUP_ROOT,
        host: 'here',
        seq,
        path: role === 'live' ? '/live' : `/backup/${seq}`,
        snapshot: role === 'live' ? null : String(seq),
        asOf: { fromMs: ms, toMs: ms, source: role === 'live' ? 'scan' : 'name' },
        mode: 'read',
        pruned: null,
        exportedMs: null,
        startedMs: ms,
        rootMtimeNs,
      },
    });
    return index;
  }

  #see(path: string, volume: 'live' | 'backup', node: Node | null, observer: number): void {
    let track = this.tracks.get(path);
    if (track === undefined) {
      track = { sights: [], live: null, backup: null, hasEnded: false, changedAt: observer };
      this.tracks.set(path, track);
    }
    this.#fill(track, observer);
    if (track[volume] !== null) track.hasEnded = true;
    track[volume] = node === null ? null : this.#version(node, observer);
    track.changedAt = observer;
  }

  /** Sights are kept up to what changed last; what did not change is seen as it was. */
  #fill(track: Track, until: number): void {
    for (let i = track.sights.length; i < until; i++)
      track.sights.push(this.observers[i]?.role === 'live' ? track.live : track.backup);
  }

  #version(node: Node, observer: number): Version {
    const seq = this.observers[observer]?.scan.seq ?? 0n;
    const isFile = node.kind === 'file';
    return {
      kind: node.kind,
      mode: isFile ? 0o644 : 0o755,
      uid: node.uid,
      gid: node.uid,
      size: isFile ? node.size : null,
      mtimeNs: BigInt(Math.floor(node.mtimeMs)) * MS_NS,
      target: null,
      rdev: null,
      digest: isFile ? node.digest : null,
      zeroFrom: isFile ? node.zeroFrom : null,
      readSeq: isFile ? seq : null,
      inode: node.inode,
      ctimeNs: BigInt(Math.floor(node.ctimeMs)) * MS_NS,
      btimeNs: BigInt(Math.floor(node.btimeMs)) * MS_NS,
      nlink: 1,
      suspect: false,
      racy: false,
      firstSeq: seq,
      endSeq: null,
      endReason: null,
    };
  }

  /** One entry per observer. */
  sightsOf(path: string): readonly Sight[] {
    const track = this.tracks.get(path);
    if (track === undefined) return this.observers.map(() => null);
    this.#fill(track, this.observers.length);
    return track.sights;
  }

  directory(path: string): readonly (DirectoryLook | null)[] {
    if (path === '') return this.#rootMtimes.map((mtimeNs) => ({ mtimeNs, inode: 0n, btimeNs: 0n }));
    return this.sightsOf(path).map((sight) =>
      sight === null || 'status' in sight || sight.kind !== 'directory'
        ? null
        : { mtimeNs: sight.mtimeNs, inode: sight.inode, btimeNs: sight.btimeNs },
    );
  }
}
