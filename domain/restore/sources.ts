// The snapshots, and the volume itself, that a restore takes its copies from.
import type { Source } from '../assessment.ts';
import { compareBytes } from '../path.ts';

export interface PlanSource {
  /** Two digits or more: the prefix of its lists. */
  readonly nn: string;
  readonly series: string;
  readonly snapshot: string;
  /** Absolute, printable. */
  readonly root: string;
  readonly asOf: string;
  readonly proof: 'read' | 'export';
  /** The oldest among its copies. */
  readonly proofAtMs: number;
  /** It is the live volume itself. */
  readonly inTarget: boolean;
}

export function sourcesOf(sources: readonly Source[]): PlanSource[] {
  const byRoot = new Map<string, Source>();
  const oldest = new Map<string, number>();
  for (const source of sources) {
    if (!byRoot.has(source.root)) byRoot.set(source.root, source);
    oldest.set(source.root, Math.min(oldest.get(source.root) ?? source.proofAtMs, source.proofAtMs));
  }
  // The newest snapshot first; the order has no effect but on the numbers.
  const roots = [...byRoot.values()].sort((a, b) => compareBytes(b.asOf, a.asOf) || compareBytes(a.root, b.root));
  const digits = Math.max(2, String(roots.length).length);
  return roots.map(({ series, snapshot, root, asOf, proof, inTarget }, index) => ({
    nn: String(index + 1).padStart(digits, '0'),
    series,
    snapshot,
    root,
    asOf,
    proof,
    proofAtMs: oldest.get(root) ?? 0,
    inTarget,
  }));
}
