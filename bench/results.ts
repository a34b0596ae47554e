// results.json: what each workload gave when it was run last. A quick run never replaces a full one.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Entry } from './entry.ts';
import { page } from './report.ts';
import { WORKLOADS } from './workloads.ts';

/**
 * Puts what was measured in the place of what was there, and writes both files. False where the full run that is there
 * stays instead.
 */
export function record(directory: string, entry: Entry): boolean {
  const file = join(directory, 'results.json');
  const before = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as readonly Entry[]) : [];
  const old = before.find(({ workload }) => workload === entry.workload);
  const stays = old !== undefined && old.findings !== null && !old.occasion.quick && entry.occasion.quick;
  const all = stays ? before : [...before.filter((one) => one !== old), entry];
  const sorted = WORKLOADS.flatMap(({ name }) => all.filter(({ workload }) => workload === name));
  writeFileSync(file, `${JSON.stringify(sorted, rounded, 1)}\n`);
  writeFileSync(join(directory, 'RESULTS.md'), page(sorted));
  return !stays;
}

/** Nobody needs less than a tenth of a millisecond. */
function rounded(_key: string, value: unknown): unknown {
  return typeof value === 'number' ? Math.round(value * 10_000) / 10_000 : value;
}
