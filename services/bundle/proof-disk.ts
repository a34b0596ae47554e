// Carrying out on this host's disk what the writer of a bundle asks (docs/design.md#rule-10).
import { same } from '../../domain/version.ts';
import { FileError } from '../files/errors.ts';
import type { Hasher } from '../files/hash.ts';
import type { AnswerTo } from '../judge/asks.ts';
import type { Content, CopyAnswer, CopyAsk, ProofAnswer, ProofAsk } from './asks.ts';
import { Besides } from './beside.ts';
import { Copies } from './content.ts';
import { freeAt, rootFacts } from './target.ts';

/** The roots that were opened: kept, because losses come from few snapshots. Whoever makes it closes it. */
export class ProofDisk {
  readonly #open = new Map<string, Copies | null>();
  readonly #besides = new Map<string, Besides>();
  readonly #hasher: Hasher;
  readonly #now: () => number;
  readonly #onBytes: (bytes: number) => void;

  constructor(hasher: Hasher, now: () => number, onBytes: (bytes: number) => void) {
    this.#hasher = hasher;
    this.#now = now;
    this.#onBytes = onBytes;
  }

  answer<A extends ProofAsk>(ask: A): AnswerTo<A, ProofAnswer> {
    return this.#answer(ask) as AnswerTo<A, ProofAnswer>;
  }

  close(): void {
    for (const copies of this.#open.values()) copies?.close();
    this.#open.clear();
    this.#besides.clear();
  }

  #answer(ask: ProofAsk): ProofAnswer {
    switch (ask.kind) {
      case 'copy':
        return this.#copy(ask);
      case 'beside':
        return { kind: 'beside', at: this.#besidesOf(ask.root).of(ask.path, ask.content) };
      case 'holds':
        return { kind: 'holds', holds: this.#besidesOf(ask.root).holds(ask.path, ask.content) };
      case 'sha256': {
        const copies = this.#at(ask.root);
        const look = copies?.look(ask.path);
        const isThere = copies !== null && look?.is === 'there';
        return { kind: 'sha256', sha256: isThere ? copies.sha256(ask.path, look.stat) : null };
      }
      case 'directory': {
        const look = this.#at(ask.root)?.look(ask.path);
        const isDirectory = look?.is === 'there' && look.stat.kind === 'directory';
        return { kind: 'directory', state: isDirectory ? look.state : null };
      }
      case 'target':
        return { kind: 'target', facts: rootFacts(ask.root), room: freeAt(ask.root) };
    }
  }

  #copy({ root, path, against, sha256 }: CopyAsk): CopyAnswer {
    const copies = this.#at(root);
    if (copies === null) return { kind: 'copy', is: 'no root' };
    let bytes = 0;
    const read = copies.read(path, (more) => {
      bytes += more;
      this.#onBytes(more);
    });
    if (read.is !== 'there') return { kind: 'copy', ...read };
    const { state, stat } = read;
    const fits = against.every((content) => isAsRecorded(state, content));
    const isWanted = sha256 && fits && state.kind === 'file';
    return {
      kind: 'copy',
      is: 'there',
      state,
      fits,
      sha256: isWanted ? copies.sha256(path, stat) : null,
      linked: stat.nlink > 1 ? `${stat.device}:${stat.inode}` : null,
      atMs: this.#now(),
      bytes,
    };
  }

  /** Null where the directory is not there or cannot be opened. */
  #at(root: string): Copies | null {
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

  #besidesOf(root: string): Besides {
    let besides = this.#besides.get(root);
    if (besides === undefined) this.#besides.set(root, (besides = new Besides(this.#at(root))));
    return besides;
  }
}

/** What was read just now is what was recorded. A record whose content was never read tells the size only. */
function isAsRecorded(now: Content, recorded: Content): boolean {
  if (recorded.kind === 'file' && recorded.digest === null) return now.kind === 'file' && now.size === recorded.size;
  return same(now, recorded);
}
