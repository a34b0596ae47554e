// Every source copy is read when the restore lists are written, and so is what lies in the way
// (docs/design.md#rule-10): a finding is some minutes or days old, and a snapshot may have rotted, been pruned or been
// exchanged since. Each is asked of the host that has it.
import { errnoText } from '../../domain/errno.ts';
import type { Finding, Source, State } from '../../domain/assessment.ts';
import { EXIT, RollcallError } from '../../domain/exit.ts';
import { isWithin } from '../../domain/path.ts';
import { isBeside } from '../../domain/restore/beside.ts';
import type { ParentState } from '../../domain/restore/directories.ts';
import { candidates, isDamaged } from '../../domain/restore/eligible.ts';
import type { Obstacle, Proof } from '../../domain/restore/entry.ts';
import { BESIDE_ALREADY, type LeftOut } from '../../domain/restore/plan.ts';
import { placeOf } from '../../domain/restore/sources.ts';
import { VERDICT } from '../../domain/verdicts.ts';
import type { Hasher } from '../files/hash.ts';
import type { AnswerTo } from '../judge/asks.ts';
import { Hosts, type Outcome, type Unanswered, type Wanted } from '../judge/hosts.ts';
import type { Alternative, NextSource } from '../judge/next-source.ts';
import { type AnyAnswer, contentOf, type CopyAsk, type ProofAnswer, type ProofAsk } from './asks.ts';
import { ProofDisk } from './proof-disk.ts';
import { directoriesOnTheWay, parentStates, shareHardLinks } from './prove-together.ts';

/** What other hosts have answered: of judging, too, where the same rows hold both. */
export interface AnsweredProofs {
  readonly answers: ReadonlyMap<string, AnyAnswer>;
  readonly silent: ReadonlySet<string>;
  readonly isLast: boolean;
}

export interface ProveInput {
  readonly findings: readonly Finding[];
  /** Printable, absolute. */
  readonly livePath: string;
  /** On which livePath lies; null in an assessment of a version that did not say: on this one. */
  readonly liveHost: string | null;
  /** Of this process, whose disk is read. Null where every host is asked, this one too. */
  readonly host: string | null;
  readonly answered?: AnsweredProofs;
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
  readonly parentState: ParentState;
  readonly target: AnswerTo<{ readonly kind: 'target' }, ProofAnswer>;
  readonly bytesRead: number;
  /** Hosts that did not answer. */
  readonly unanswered: readonly Unanswered[];
}

/** What other hosts must be asked first, and whether the next source of a finding waits for judging (`nextSource`). */
export interface AskingProofs {
  readonly wanted: Wanted<ProofAsk>;
}

/** Files of this size and above give other work of the process its turn, and Ctrl-C a chance. */
const TURN_BYTES = 64 * 1024 * 1024;

/**
 * Reads the sources of all losses that could be in a list. What cannot be read or is no longer what it was falls to the
 * next best copy, or is left out with the reason. Throws RollcallError (130) when the signal fires.
 */
export async function proveSources(input: ProveInput): Promise<Proved | AskingProofs> {
  const wanted = candidates(input.findings);
  const prover = new Prover(input);
  try {
    const proofs = new Map<Finding, Proof | LeftOut>();
    for (const [index, finding] of wanted.entries()) {
      if (input.signal?.aborted === true) {
        throw new RollcallError('interrupted while the sources were read; no bundle was written', {
          exit: EXIT.interrupted,
        });
      }
      const proof = await prover.prove(finding);
      if (proof !== 'wanted') proofs.set(finding, proof);
      input.onProgress?.(index + 1, wanted.length);
      if (prover.isLong() || index % 256 === 255) await new Promise<void>((resolve) => setImmediate(resolve));
    }
    shareHardLinks(proofs, prover);
    const parents = parentStates(wanted, proofs, prover);
    const target = prover.ask({ kind: 'target', host: prover.liveHost, root: input.livePath });
    if (prover.isWaiting || target === 'wanted') return { wanted: prover.hosts.wanted() };
    return {
      proofs,
      parentState: (place, path) => parents.get(`${placeOf(place)}\0${path}`) ?? null,
      target: target === 'unanswered' ? { kind: 'target', facts: null, room: null } : target,
      bytesRead: prover.bytesRead,
      unanswered: prover.hosts.unanswered(),
    };
  } finally {
    prover.close();
  }
}

/** What a proof needs to know before it goes on: something of a disk, or the next best source. */
type Question = ProofAsk | { readonly kind: 'next source'; readonly failed: Source };

/** A proof under way: it asks, is given the answer, and ends. Where an answer has to wait it is dropped. */
type Proving<T> = Generator<Question, T, unknown>;

/** 'unanswered': the host does not answer. */
function* question<A extends ProofAsk>(ask: A): Proving<AnswerTo<A, ProofAnswer> | 'unanswered'> {
  return (yield ask) as AnswerTo<A, ProofAnswer> | 'unanswered';
}

function* nextBest(failing: Source): Proving<Alternative | null> {
  return (yield { kind: 'next source', failed: failing }) as Alternative | null;
}

/** Proves one finding after another, each by what the hosts say. */
class Prover {
  readonly hosts: Hosts<ProofAsk, AnyAnswer>;
  readonly liveHost: string;
  readonly #input: ProveInput;
  readonly #disk: ProofDisk;
  /** What was found beside a directory's name, by that name. */
  readonly #directoriesBeside = new Map<string, string>();
  bytesRead = 0;
  #sinceTurn = 0;
  #isWaiting = false;

  constructor(input: ProveInput) {
    this.#input = input;
    this.hosts = new Hosts<ProofAsk, AnyAnswer>(input.host, input.answered ?? null);
    this.liveHost = input.liveHost ?? input.host ?? '';
    this.#disk = new ProofDisk(input.hasher, input.now, (bytes) => void (this.#sinceTurn += bytes));
  }

  close(): void {
    this.#disk.close();
  }

  /** Whether so much was read that others want their turn; asked once a turn. */
  isLong(): boolean {
    if (this.#sinceTurn < TURN_BYTES) return false;
    this.#sinceTurn = 0;
    return true;
  }

  /** Something has to be asked of another host before this ends. */
  get isWaiting(): boolean {
    return this.#isWaiting || this.hosts.isWanted;
  }

  hostOf({ host }: Pick<Source, 'host'>): string {
    return host ?? this.liveHost;
  }

  ask<A extends ProofAsk>(ask: A): Outcome<AnswerTo<A, ProofAnswer>> {
    const outcome: Outcome<AnswerTo<A, ProofAnswer>> =
      ask.host === this.hosts.own
        ? this.#disk.answer(ask)
        : (this.hosts.find(ask) as Outcome<AnswerTo<A, ProofAnswer>>);
    if (typeof outcome !== 'string' && 'bytes' in outcome) this.bytesRead += outcome.bytes;
    return outcome;
  }

  async prove(finding: Finding): Promise<Proof | LeftOut | 'wanted'> {
    const proving = this.#prove(finding);
    let step = proving.next();
    while (step.done !== true) {
      const asked = step.value;
      const answer =
        asked.kind === 'next source'
          ? ((await this.#input.nextSource?.(finding, asked.failed)) ?? null)
          : this.ask(asked);
      if (answer === 'wanted') {
        this.#isWaiting = true;
        // What it will want next is asked in the same round.
        for (const ask of this.#likely(finding)) if (ask.host !== this.hosts.own) this.hosts.find(ask);
        return 'wanted';
      }
      step = proving.next(answer);
    }
    return step.value;
  }

  *#prove(finding: Finding): Proving<Proof | LeftOut> {
    if (finding.source === null || finding.recovery === null || finding.recovery === 'none') {
      return failed('it has no source');
    }
    const obstacle = isDamaged(finding) ? yield* this.#obstacle(finding) : null;
    if (obstacle !== null && 'leftOut' in obstacle) return obstacle;
    const first = yield* this.#source(finding, { source: finding.source, recovery: finding.recovery });
    let best = first;
    let failing = finding.source;
    while ('leftOut' in best) {
      const next = yield* nextBest(failing);
      if (next === null) return first;
      failing = next.source;
      best = yield* this.#source(finding, next);
    }
    const insteadOf = 'leftOut' in first ? { source: finding.source, why: first.leftOut } : null;
    const besideAt = yield* this.#alreadyBeside(finding, { ...best, obstacle });
    if (besideAt !== null) return { leftOut: BESIDE_ALREADY, sourceFailed: false, besideAt };
    return { ...best, insteadOf, obstacle, survivorSha256: yield* this.#survivor(finding, best) };
  }

  /** What an earlier restore has put beside, or below a directory that it put beside, is not offered again. */
  *#alreadyBeside(finding: Finding, proof: Pick<Proof, 'source' | 'obstacle'>): Proving<string | null> {
    const { state } = proof.source;
    const { livePath: root } = this.#input;
    const live = { host: this.liveHost, root, content: contentOf(state) };
    if (isBeside(finding, proof)) {
      const found = yield* question({ kind: 'beside', ...live, path: finding.path });
      const at = found === 'unanswered' ? null : found.at;
      if (at !== null && state.kind === 'directory') this.#directoriesBeside.set(finding.path, at);
      return at;
    }
    for (const [directory, at] of this.#directoriesBeside) {
      if (!isWithin(directory, finding.path)) continue;
      const path = at + finding.path.slice(directory.length);
      const found = yield* question({ kind: 'holds', ...live, path });
      return found !== 'unanswered' && found.holds ? path : null;
    }
    return null;
  }

  *#source(finding: Finding, alternative: Alternative): Proving<Proof | LeftOut> {
    const { source, recovery } = alternative;
    const none = { sha256: null, inode: null, obstacle: null, survivorSha256: null, insteadOf: null };
    if (source.proof === 'export') {
      if (source.state.kind === 'file' && source.state.digest === null) {
        return failed('its source was not read where it was exported');
      }
      return { source, recovery, ...none };
    }
    const ask = this.#sourceAsk(finding, alternative);
    const read = yield* question(ask);
    if (read === 'unanswered') return failed(`no answer from ${ask.host}, which has its source`);
    if (read.is === 'no root')
      return failed(`the ${source.inTarget ? 'volume' : 'snapshot'} of its source is not there any more`);
    if (read.is === 'absent' || read.is === 'blocked') return failed('its source is not there any more');
    if (read.is === 'unreadable') return failed(`its source cannot be read (${errnoText(read.errno)})`);
    const { state, sha256, linked, atMs } = read;
    if (!read.fits) return failed('its source is not what it was');
    if (ask.sha256 && state.kind === 'file' && sha256 === null) return failed('its source moved while it was read');
    const inode = state.kind === 'file' && !source.inTarget ? linked : null;
    const proven = { ...source, state, proof: 'read', proofAtMs: atMs } as const;
    return { source: proven, recovery, ...none, sha256, inode };
  }

  #sourceAsk(finding: Finding, { source, recovery }: Alternative): CopyAsk {
    const expected = recovery === 'exact' && finding.expected !== null ? finding.expected : source.state;
    return {
      kind: 'copy',
      host: this.hostOf(source),
      root: source.root,
      path: source.path,
      against: [contentOf(source.state), contentOf(expected)],
      // A copy in the volume is compared once more right before it is taken: people write there.
      sha256: isDamaged(finding) || source.inTarget,
    };
  }

  *#obstacle(finding: Finding): Proving<Obstacle | LeftOut> {
    const not = (leftOut: string): LeftOut => ({ leftOut, sourceFailed: false });
    const read = yield* question(this.#obstacleAsk(finding));
    if (read === 'unanswered') return not(`no answer from ${this.liveHost}: what is there now could not be checked`);
    if (read.is === 'no root') return not('the volume cannot be opened');
    if (read.is === 'unreadable') return not(`it cannot be read any more (${errnoText(read.errno)})`);
    const isChanged = read.is !== 'there' || finding.found === null || !read.fits;
    if (isChanged) return not('it changed since it was judged');
    const { state, sha256 } = read;
    if (state.kind !== 'file') return { state, sha256: null };
    return sha256 === null ? not('it changed since it was judged') : { state, sha256 };
  }

  #obstacleAsk({ path, found }: Finding): CopyAsk {
    const against = found === null ? [] : [contentOf(found)];
    return { kind: 'copy', host: this.liveHost, root: this.#input.livePath, path, against, sha256: found !== null };
  }

  /** A name is linked only to content that is what it should be; else it is copied. */
  *#survivor(finding: Finding, { source }: Pick<Proof, 'source'>): Proving<string | null> {
    const ask = this.#survivorAsk(finding, source.state);
    if (ask === null) return null;
    const read = yield* question(ask);
    return read !== 'unanswered' && read.is === 'there' ? read.sha256 : null;
  }

  #survivorAsk({ linkTo }: Finding, state: State): CopyAsk | null {
    if (linkTo === null || state.kind !== 'file') return null;
    const against = [contentOf(state)];
    return { kind: 'copy', host: this.liveHost, root: this.#input.livePath, path: linkTo, against, sha256: true };
  }

  /** What a proof comes to ask where nothing is in its way. */
  #likely(finding: Finding): ProofAsk[] {
    const { source, recovery } = finding;
    if (source === null || (recovery !== 'exact' && recovery !== 'older')) return [];
    const survivor = this.#survivorAsk(finding, source.state);
    const isPutBeside = VERDICT[finding.verdict].restored === 'beside';
    const { livePath: root } = this.#input;
    return [
      ...(isDamaged(finding) ? [this.#obstacleAsk(finding)] : []),
      ...(source.proof === 'export' ? [] : [this.#sourceAsk(finding, { source, recovery })]),
      ...(survivor === null ? [] : [survivor]),
      ...(isPutBeside
        ? [{ kind: 'beside', host: this.liveHost, root, path: finding.path, content: contentOf(source.state) } as const]
        : []),
      ...(source.proof === 'export' ? [] : directoriesOnTheWay(finding, this.hostOf(source), source)),
    ];
  }
}

function failed(leftOut: string): LeftOut {
  return { leftOut, sourceFailed: true };
}
