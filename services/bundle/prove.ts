// Every source copy is read when the restore lists are written, and so is what lies in the way
// (docs/design.md#rule-10): a finding is some minutes or days old, and a snapshot may have rotted, been pruned or been
// exchanged since.
import { errnoText } from '../../domain/errno.ts';
import type { Finding, State } from '../../domain/assessment.ts';
import { EXIT, RollcallError } from '../../domain/exit.ts';
import { isWithin, joinPath } from '../../domain/path.ts';
import { isBeside } from '../../domain/restore/beside.ts';
import { candidates, isDamaged } from '../../domain/restore/eligible.ts';
import type { Obstacle, Proof } from '../../domain/restore/entry.ts';
import { BESIDE_ALREADY, type LeftOut } from '../../domain/restore/plan.ts';
import { same } from '../../domain/version.ts';
import { FileError } from '../files/errors.ts';
import type { Hasher } from '../files/hash.ts';
import type { Alternative, NextSource } from '../judge/next-source.ts';
import { Besides } from './beside.ts';
import { Copies } from './content.ts';

export interface ProveInput {
  readonly findings: readonly Finding[];
  /** Printable, absolute. */
  readonly livePath: string;
  readonly hasher: Hasher;
  readonly now: () => number;
  /** Asked only where the finding's own source has failed. */
  readonly nextSource?: NextSource;
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
}

export interface Proved {
  readonly proofs: ReadonlyMap<Finding, Proof | LeftOut>;
  /** What a directory is in a snapshot that is on disk; null elsewhere. */
  readonly parentState: (root: string, path: string) => State | null;
  readonly bytesRead: number;
}

/** The roots that were opened: kept, because losses come from few snapshots. */
class Roots {
  readonly #open = new Map<string, Copies | null>();
  readonly #hasher: Hasher;
  readonly #now: () => number;

  constructor(hasher: Hasher, now: () => number) {
    this.#hasher = hasher;
    this.#now = now;
  }

  /** Null where the directory is not there or cannot be opened. */
  at(root: string): Copies | null {
    let copies = this.#open.get(root);
    if (copies !== undefined) return copies;
    try {
      copies = new Copies(root, this.#hasher, this.#now);
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      copies = null;
    }
    this.#open.set(root, copies);
    return copies;
  }

  close(): void {
    for (const copies of this.#open.values()) copies?.close();
    this.#open.clear();
  }
}

/** Files of this size and above give other work of the process its turn, and Ctrl-C a chance. */
const TURN_BYTES = 64 * 1024 * 1024;

/**
 * Reads the sources of all losses that could be in a list. What cannot be read or is no longer what it was falls to the
 * next best copy, or is left out with the reason. Throws RollcallError (130) when the signal fires.
 */
export async function proveSources(input: ProveInput): Promise<Proved> {
  const wanted = candidates(input.findings);
  const proofs = new Map<Finding, Proof | LeftOut>();
  const roots = new Roots(input.hasher, input.now);
  const prover = new Prover(input, roots);
  try {
    for (const [index, finding] of wanted.entries()) {
      if (input.signal?.aborted === true) {
        throw new RollcallError('interrupted while the sources were read; no bundle was written', {
          exit: EXIT.interrupted,
        });
      }
      proofs.set(finding, await prover.prove(finding));
      input.onProgress?.(index + 1, wanted.length);
      if (prover.isLong() || index % 256 === 255) await new Promise<void>((resolve) => setImmediate(resolve));
    }
    shareHardLinks(proofs, roots);
    const parents = parentStates(wanted, proofs, roots);
    return {
      proofs,
      parentState: (root, path) => parents.get(`${root}\0${path}`) ?? null,
      bytesRead: prover.bytesRead,
    };
  } finally {
    roots.close();
  }
}

/** Reads the copies of one finding after another. */
class Prover {
  readonly #input: ProveInput;
  readonly #roots: Roots;
  /** Opened when the first is asked for. */
  #besides: Besides | null = null;
  /** What was found beside a directory's name, by that name. */
  readonly #directoriesBeside = new Map<string, string>();
  bytesRead = 0;
  #sinceTurn = 0;

  constructor(input: ProveInput, roots: Roots) {
    this.#input = input;
    this.#roots = roots;
  }

  readonly #onBytes = (bytes: number): void => {
    this.bytesRead += bytes;
    this.#sinceTurn += bytes;
  };

  /** Whether so much was read that others want their turn; asked once a turn. */
  isLong(): boolean {
    if (this.#sinceTurn < TURN_BYTES) return false;
    this.#sinceTurn = 0;
    return true;
  }

  async prove(finding: Finding): Promise<Proof | LeftOut> {
    if (finding.source === null || finding.recovery === null || finding.recovery === 'none') {
      return failed('it has no source');
    }
    const obstacle = isDamaged(finding) ? this.#obstacle(finding) : null;
    if (obstacle !== null && 'leftOut' in obstacle) return obstacle;
    const first = this.#source(finding, { source: finding.source, recovery: finding.recovery });
    let best = first;
    let failing = finding.source;
    while ('leftOut' in best) {
      const next = (await this.#input.nextSource?.(finding, failing)) ?? null;
      if (next === null) return first;
      failing = next.source;
      best = this.#source(finding, next);
    }
    const insteadOf = 'leftOut' in first ? { source: finding.source, why: first.leftOut } : null;
    const besideAt = this.#alreadyBeside(finding, { ...best, obstacle });
    if (besideAt !== null) return { leftOut: BESIDE_ALREADY, sourceFailed: false, besideAt };
    return { ...best, insteadOf, obstacle, survivorSha256: this.#survivor(finding, best) };
  }

  /** What an earlier restore has put beside, or below a directory that it put beside, is not offered again. */
  #alreadyBeside(finding: Finding, proof: Pick<Proof, 'source' | 'obstacle'>): string | null {
    const { state } = proof.source;
    this.#besides ??= new Besides(this.#roots.at(this.#input.livePath));
    if (isBeside(finding, proof)) {
      const at = this.#besides.of(finding.path, state);
      if (at !== null && state.kind === 'directory') this.#directoriesBeside.set(finding.path, at);
      return at;
    }
    for (const [directory, at] of this.#directoriesBeside) {
      if (!isWithin(directory, finding.path)) continue;
      const path = at + finding.path.slice(directory.length);
      return this.#besides.holds(path, state) ? path : null;
    }
    return null;
  }

  #source(finding: Finding, { source, recovery }: Alternative): Proof | LeftOut {
    const none = { sha256: null, inode: null, obstacle: null, survivorSha256: null, insteadOf: null };
    if (source.proof === 'export') {
      if (source.state.kind === 'file' && source.state.digest === null) {
        return failed('its source was not read where it was exported');
      }
      return { source, recovery, ...none };
    }
    const copies = this.#roots.at(source.root);
    if (copies === null)
      return failed(`the ${source.inTarget ? 'volume' : 'snapshot'} of its source is not there any more`);
    const read = copies.read(source.path, this.#onBytes);
    if (read.is === 'absent' || read.is === 'blocked') return failed('its source is not there any more');
    if (read.is === 'unreadable') return failed(`its source cannot be read (${errnoText(read.errno)})`);
    const { state, stat } = read;
    const expected = recovery === 'exact' && finding.expected !== null ? finding.expected : source.state;
    if (!isAsRecorded(state, source.state) || !isAsRecorded(state, expected)) {
      return failed('its source is not what it was');
    }
    // A copy in the volume is compared once more right before it is taken: people write there.
    const isCompared = state.kind === 'file' && (isDamaged(finding) || source.inTarget);
    const sha256 = isCompared ? copies.sha256(source.path, stat) : null;
    if (isCompared && sha256 === null) return failed('its source moved while it was read');
    const inode = state.kind === 'file' && stat.nlink > 1 && !source.inTarget ? `${stat.device}:${stat.inode}` : null;
    const proven = { ...source, state, proof: 'read', proofAtMs: this.#input.now() } as const;
    return { source: proven, recovery, ...none, sha256, inode };
  }

  #obstacle(finding: Finding): Obstacle | LeftOut {
    const changed = { leftOut: 'it changed since it was judged', sourceFailed: false };
    const copies = this.#roots.at(this.#input.livePath);
    if (copies === null) return { leftOut: 'the volume cannot be opened', sourceFailed: false };
    const read = copies.read(finding.path, this.#onBytes);
    if (read.is === 'unreadable')
      return { leftOut: `it cannot be read any more (${errnoText(read.errno)})`, sourceFailed: false };
    if (read.is !== 'there' || finding.found === null || !isAsRecorded(read.state, finding.found)) return changed;
    if (read.state.kind !== 'file') return { state: read.state, sha256: null };
    const sha256 = copies.sha256(finding.path, read.stat);
    return sha256 === null ? changed : { state: read.state, sha256 };
  }

  /** A name is linked only to content that is what it should be; else it is copied. */
  #survivor(finding: Finding, proof: Proof): string | null {
    if (finding.linkTo === null || proof.source.state.kind !== 'file') return null;
    const copies = this.#roots.at(this.#input.livePath);
    const read = copies?.read(finding.linkTo, this.#onBytes);
    if (copies === null || copies === undefined || read?.is !== 'there') return null;
    return isAsRecorded(read.state, proof.source.state) ? copies.sha256(finding.linkTo, read.stat) : null;
  }
}

function failed(leftOut: string): LeftOut {
  return { leftOut, sourceFailed: true };
}

/** What was read just now is what was recorded. A record whose content was never read tells the size only. */
function isAsRecorded(now: State, recorded: State): boolean {
  if (recorded.kind === 'file' && recorded.digest === null) return now.kind === 'file' && now.size === recorded.size;
  return same(now, recorded);
}

/** Names that are one inode in one snapshot get its SHA-256, so that they can be linked again; single ones drop out. */
function shareHardLinks(proofs: Map<Finding, Proof | LeftOut>, roots: Roots): void {
  const groups = new Map<string, [Finding, Proof][]>();
  for (const [finding, proof] of proofs) {
    if ('leftOut' in proof || proof.inode === null || isDamaged(finding)) continue;
    const key = `${proof.source.root}\0${proof.inode}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [[finding, proof]]);
    else group.push([finding, proof]);
  }
  for (const group of groups.values()) {
    const [first] = group;
    if (first === undefined || group.length < 2) continue;
    const { source } = first[1];
    const copies = roots.at(source.root);
    const look = copies?.look(source.path);
    const sha256 =
      copies === null || copies === undefined || look?.is !== 'there' ? null : copies.sha256(source.path, look.stat);
    for (const [finding, proof] of group) proofs.set(finding, { ...proof, sha256 });
  }
}

/** Directories on the way to each entry, as they are in its snapshot, asked while the snapshots are open. */
function parentStates(
  wanted: readonly Finding[],
  proofs: ReadonlyMap<Finding, Proof | LeftOut>,
  roots: Roots,
): Map<string, State> {
  const states = new Map<string, State>();
  const asked = new Set<string>();
  for (const finding of wanted) {
    const proof = proofs.get(finding);
    if (proof === undefined || 'leftOut' in proof || proof.source.proof === 'export') continue;
    const { root } = proof.source;
    let path = '';
    for (const name of finding.path.split('/').slice(0, -1)) {
      path = joinPath(path, name);
      const key = `${root}\0${path}`;
      if (asked.has(key)) continue;
      asked.add(key);
      const look = roots.at(root)?.look(path);
      if (look?.is === 'there' && look.stat.kind === 'directory') states.set(key, look.state);
    }
  }
  return states;
}
