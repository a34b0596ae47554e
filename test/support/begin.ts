// A scan as tests begin it: what they do not speak of is as a plain complete snapshot has it.
import type { BeginScan } from '../../services/catalog/scans.ts';

type Needed = Pick<BeginScan, 'volumeId' | 'seq' | 'mode'> & { rootId: number; path: string; identity?: unknown };

export function scanToBegin({ rootId, path, identity = null, ...needed }: Needed & Partial<BeginScan>): BeginScan {
  const asOfMs = Number(needed.seq);
  return {
    snapshot: null,
    roots: [{ rootId, path, identity }],
    asOf: { fromMs: asOfMs, toMs: asOfMs, source: 'name' },
    readOnly: true,
    scope: { excludes: [], crossMounts: false },
    startedMs: asOfMs,
    exportedMs: null,
    relistOf: null,
    newState: false,
    ...needed,
  };
}
