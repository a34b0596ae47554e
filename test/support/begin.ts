// A scan as tests begin it: what they do not speak of is as a plain complete snapshot has it.
import type { BeginScan } from '../../services/catalog/scans.ts';

type Needed = Pick<BeginScan, 'volumeId' | 'rootId' | 'seq' | 'path' | 'mode'>;

export function scanToBegin(needed: Needed & Partial<BeginScan>): BeginScan {
  const asOfMs = Number(needed.seq);
  return {
    snapshot: null,
    snapshotIdentity: null,
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
