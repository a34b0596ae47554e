// The snapshots, and the volume itself, that a restore takes its copies from.
import type { Source } from '../assessment.ts';
import { compareBytes } from '../path.ts';

export interface PlanSource {
  /** Two digits or more: the prefix of its lists. */
  readonly nn: string;
  readonly series: string;
  readonly snapshot: string;
  /** As Source.host. */
  readonly host: string | null;
  /** Absolute, printable. */
  readonly root: string;
  readonly asOf: string;
  readonly proof: 'read' | 'export';
  /** The oldest among its copies. */
  readonly proofAtMs: number;
  /** It is the live volume itself. */
  readonly inTarget: boolean;
}

/** One root of one host: another host's directory of the same path is another root. */
export function placeOf({ host, root }: Pick<Source, 'host' | 'root'>): string {
  return `${host ?? ''}\0${root}`;
}

/** It lies on another host than the volume: restore.sh, on the volume's host, copies it from there. */
export function isElsewhere({ host, inTarget }: Pick<Source, 'host' | 'inTarget'>, liveHost: string | null): boolean {
  return !inTarget && host !== null && liveHost !== null && host !== liveHost;
}

export function sourcesOf(sources: readonly Source[]): PlanSource[] {
  const byRoot = new Map<string, Source>();
  const oldest = new Map<string, number>();
  for (const source of sources) {
    const place = placeOf(source);
    if (!byRoot.has(place)) byRoot.set(place, source);
    oldest.set(place, Math.min(oldest.get(place) ?? source.proofAtMs, source.proofAtMs));
  }
  // The newest snapshot first; the order has no effect but on the numbers.
  const roots = [...byRoot].sort(
    ([left, a], [right, b]) =>
      compareBytes(b.asOf, a.asOf) || compareBytes(a.root, b.root) || compareBytes(left, right),
  );
  const digits = Math.max(2, String(roots.length).length);
  return roots.map(([place, { series, snapshot, host, root, asOf, proof, inTarget }], index) => ({
    nn: String(index + 1).padStart(digits, '0'),
    series,
    snapshot,
    host,
    root,
    asOf,
    proof,
    proofAtMs: oldest.get(place) ?? 0,
    inTarget,
  }));
}
