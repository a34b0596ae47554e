// Observers, names and versions for asking the pure functions that judge absences. Days count from T0; an observer's
// day is its place in the list.
import type { Observer, PathFacts, Sight } from '../../../domain/facts.ts';
import type { AsOf, Gap } from '../../../domain/scan.ts';
import type { Kind, Version } from '../../../domain/version.ts';
import { DAY_MS } from '../../../domain/lengths.ts';

export const T0_MS = Date.UTC(2026, 0, 1);

export function ms(day: number): number {
  return T0_MS + Math.round(day * DAY_MS);
}

/** A time that no file system cut off. */
export function ns(day: number): bigint {
  return BigInt(ms(day)) * 1_000_000n + 123_457n;
}

export type AsOfSpec = { readonly from: number; readonly to?: number; readonly source?: string };

/** 'n/1' is a snapshot of the series n, 'list:x/1' a list, anything without a slash a scan of the live volume. */
export function observersOf(names: readonly string[], asOf: Readonly<Record<number, AsOfSpec>> = {}): Observer[] {
  return names.map((name, index): Observer => {
    const [volume = '', snapshot = null] = name.split('/');
    const at = asOf[index] ?? { from: index };
    const when: AsOf = { fromMs: ms(at.from), toMs: ms(at.to ?? at.from), source: at.source ?? 'name' };
    return {
      role: snapshot === null ? 'live' : volume.startsWith('list:') ? 'list' : 'backup',
      volume: snapshot === null ? 'live' : volume,
      scan: {
        id: BigInt(index + 1),
        volumeId: 1,
        rootId: 1,
        seq: BigInt(index + 1),
        path: `/${name}`,
        snapshot,
        asOf: when,
        mode: 'list',
        pruned: null,
        exportedMs: null,
        startedMs: when.fromMs,
        host: 'here',
        rootMtimeNs: null,
      },
    };
  });
}

export function version(day: number, kind: Kind = 'file', size = 5): Version {
  return {
    kind,
    mode: 0o644,
    uid: 1000,
    gid: 1000,
    size: kind === 'file' ? size : null,
    mtimeNs: ns(day),
    target: null,
    rdev: null,
    digest: null,
    zeroFrom: null,
    readSeq: null,
    inode: 1n,
    ctimeNs: ns(day),
    btimeNs: 0n,
    nlink: 1,
    suspect: false,
    racy: false,
    firstSeq: 1n,
    endSeq: null,
    endReason: null,
  };
}

export function below(directory: string, name = ''): Gap {
  return { directory, name, status: 'io', errno: 'EIO', detail: null };
}

export function facts(path: string, sights: readonly Sight[]): PathFacts {
  return { path, sights, readings: [], comparisons: [] };
}

/** `x`: there, `.`: absent, `?`: below a gap; one letter an observer. */
export function seen(path: string, letters: string, of: Version = version(-9)): PathFacts {
  return facts(
    path,
    letters.split('').map((letter) => (letter === 'x' ? of : letter === '.' ? null : below(''))),
  );
}
