// What the catalog keeps of a judging: what was read for it, its findings, and the assessment.
import { toJson } from '../../domain/assessment-json.ts';
import type { Assessment } from '../../domain/assessment.ts';
import type { Observer } from '../../domain/facts.ts';
import { versionAt } from '../../domain/facts.ts';
import { contentKeyOfState } from '../../domain/judge/keys.ts';
import { isUnknown } from '../../domain/verdicts.ts';
import { recordAssessment } from '../catalog/assessments.ts';
import { inTransaction } from '../catalog/database.ts';
import { storeFindings } from '../catalog/findings.ts';
import { type CopyRead, recordReadings } from '../catalog/readings.ts';
import { rowOf } from './compose.ts';
import type { Case, CaseReading } from './judging.ts';
import type { Loaded, LoadInput } from './load.ts';
import type { Undecided } from './undecided.ts';

/** All in one transaction. Answers with the assessment's id. */
export async function store(
  { input, loaded }: { readonly input: LoadInput; readonly loaded: Loaded },
  assessment: Assessment,
  told: readonly Case[],
  { copies, leftOut, unmoved }: Undecided & { readonly copies: readonly CaseReading[] },
): Promise<bigint> {
  const { observers, points, cases, decisions } = loaded;
  const { findings } = assessment;
  const seen = cases.flatMap(({ facts: { path }, judged }) => {
    const found = decisions.accepted.has(path) ? (judged?.found ?? null) : null;
    return found === null ? [] : [{ path, content: contentKeyOfState(found) }];
  });
  const unknown = [...leftOut, ...unmoved, ...findings.filter(({ verdict }) => isUnknown(verdict))];
  return inTransaction(input.db, async (client) => {
    await recordReadings(
      client,
      copies.flatMap((read) => copyRead(read, observers) ?? []),
    );
    await storeFindings(client, {
      volumeId: input.volume.id,
      nowMs: assessment.createdMs,
      rows: told.flatMap((one) => rowOf(one, observers, points) ?? []),
      unknown: unknown.map(({ path }) => path),
      seen,
      spent: decisions.spent,
    });
    return recordAssessment(client, {
      volumeId: input.volume.id,
      liveScan: assessment.liveScan.id,
      scans: observers.map(({ scan }) => scan.id),
      result: JSON.stringify(toJson(assessment)),
      nowMs: assessment.createdMs,
    });
  });
}

function copyRead({ one, reading }: CaseReading, observers: readonly Observer[]): CopyRead | null {
  const scan = observers[reading.observer]?.scan;
  const version = versionAt(one.facts.sights, reading.observer);
  if (scan === undefined || version === null || version.kind !== 'file') return null;
  const { digest, zeroFrom = null, inode, ctimeNs, btimeNs, nlink, racy } = reading;
  if (one.directory === null || digest === null) return null;
  const copy = { digest, zeroFrom, inode, ctimeNs, btimeNs, nlink, racy };
  return { root: scan.rootId, seq: scan.seq, directory: one.directory, name: one.name, version, ...copy };
}
