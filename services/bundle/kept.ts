// An assessment as text that is kept with its findings, so that a bundle can be written later, by another process on
// another host.
import { type AssessmentJson, fromJson, toJson } from '../../domain/assessment-json.ts';
import type { Assessment } from '../../domain/assessment.ts';
import { findingRecord, parseFindingLine } from './manifest.ts';

export interface KeptAssessment {
  /** One JSON object: everything but the findings, as `assess --json` has it. */
  readonly summary: string;
  /** A JSON object each, as in findings.jsonl, in the order of the assessment. */
  readonly findings: readonly string[];
}

export function keptOf(assessment: Assessment): KeptAssessment {
  return {
    summary: JSON.stringify(toJson(assessment)),
    findings: assessment.findings.map((finding) =>
      JSON.stringify(findingRecord(finding, { restore: null, needs: [], part: null }), (_, value: unknown) =>
        typeof value === 'bigint' ? String(value) : value,
      ),
    ),
  };
}

/** Undoes keptOf. Throws Error with the reason for anything that it would not write. */
export function assessmentOf({ summary, findings }: KeptAssessment): Assessment {
  return fromJson(
    JSON.parse(summary) as AssessmentJson,
    findings.map((line) => parseFindingLine(line).finding),
  );
}
