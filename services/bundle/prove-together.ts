// What is asked of sources once all are proved: which of them are one file, and the directories on the way to them.
import type { Finding, Source, State } from '../../domain/assessment.ts';
import { joinPath } from '../../domain/path.ts';
import { isDamaged } from '../../domain/restore/eligible.ts';
import type { Proof } from '../../domain/restore/entry.ts';
import type { LeftOut } from '../../domain/restore/plan.ts';
import { placeOf } from '../../domain/restore/sources.ts';
import type { AnswerTo } from '../judge/asks.ts';
import type { Outcome } from '../judge/hosts.ts';
import type { ProofAnswer, ProofAsk } from './asks.ts';

/** Whoever answers: a disk, or other hosts. */
interface Asks {
  hostOf(source: Pick<Source, 'host'>): string;
  ask<A extends ProofAsk>(ask: A): Outcome<AnswerTo<A, ProofAnswer>>;
}

/** Names that are one inode in one snapshot get its SHA-256, so that they can be linked again; single ones drop out. */
export function shareHardLinks(proofs: Map<Finding, Proof | LeftOut>, prover: Asks): void {
  const groups = new Map<string, [Finding, Proof][]>();
  for (const [finding, proof] of proofs) {
    if ('leftOut' in proof || proof.inode === null || isDamaged(finding)) continue;
    const key = `${placeOf(proof.source)}\0${proof.inode}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [[finding, proof]]);
    else group.push([finding, proof]);
  }
  for (const group of groups.values()) {
    const [first] = group;
    if (first === undefined || group.length < 2) continue;
    const { source } = first[1];
    const found = prover.ask({ kind: 'sha256', host: prover.hostOf(source), root: source.root, path: source.path });
    const sha256 = typeof found === 'string' ? null : found.sha256;
    for (const [finding, proof] of group) proofs.set(finding, { ...proof, sha256 });
  }
}

/** Directories on the way to each entry, as they are in its snapshot, asked while the snapshots are open. */
export function parentStates(
  wanted: readonly Finding[],
  proofs: ReadonlyMap<Finding, Proof | LeftOut>,
  prover: Asks,
): Map<string, State> {
  const states = new Map<string, State>();
  const asked = new Set<string>();
  for (const finding of wanted) {
    const proof = proofs.get(finding);
    if (proof === undefined || 'leftOut' in proof || proof.source.proof === 'export') continue;
    const { source } = proof;
    for (const ask of directoriesOnTheWay(finding, prover.hostOf(source), source)) {
      const key = `${placeOf(source)}\0${ask.path}`;
      if (asked.has(key)) continue;
      asked.add(key);
      const found = prover.ask(ask);
      if (typeof found !== 'string' && found.state !== null) states.set(key, found.state);
    }
  }
  return states;
}

export function directoriesOnTheWay(
  { path }: Finding,
  host: string,
  { root }: Source,
): Extract<ProofAsk, { kind: 'directory' }>[] {
  let directory = '';
  return path
    .split('/')
    .slice(0, -1)
    .map((name) => {
      directory = joinPath(directory, name);
      return { kind: 'directory', host, root, path: directory };
    });
}
