// A finding as text that is kept with its assessment, so that a bundle can be written later, by another process on
// another host.
import type { Finding } from '../../domain/assessment.ts';
import { allNeedsOf } from '../../domain/restore/needs.ts';
import { findingRecord } from './manifest.ts';

/** As a line of findings.jsonl, of a bundle that is not written yet: parseFindingLine takes it. */
export function keptLine(finding: Finding): string {
  return JSON.stringify(
    findingRecord(finding, { restore: null, needs: allNeedsOf(finding), part: null }),
    (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value),
  );
}
