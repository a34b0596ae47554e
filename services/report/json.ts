// A bundle as a JSON object: a part of the answer of `assess --json` and `bundle --json`, and of its own summary.json.
// docs/json.md names every field.
import { type AssessmentJson, toJson } from '../../domain/assessment-json.ts';
import type { Assessment, Tally } from '../../domain/assessment.ts';
import { restoreSteps } from './commands.ts';
import { partRecord } from './part.ts';
import type { BundleCounts, ReportInput } from './present.ts';
import { fits } from './room.ts';

/** A bundle as it was planned, with what was counted of it. */
export type BundleFacts = BundleCounts & { readonly report: ReportInput };

export function bundleJson({ report, ...counts }: BundleFacts) {
  return {
    path: report.bundle,
    target: report.target,
    lists: counts.lists.map((list) => ({
      file: list.file,
      kind: list.kind,
      needs: list.needs,
      snapshot: list.snapshot,
      in_target: list.inTarget,
      as_of: list.asOf,
      files: list.files,
      bytes: list.bytes,
    })),
    restored: tally(counts.restored),
    damaged: tally(counts.damaged),
    older: tally(counts.older),
    person_deleted: tally(counts.personDeleted),
    uncertain: tally(counts.uncertain),
    lost: tally(counts.lost),
    directories: report.directories,
    links: report.links,
    needed: report.needed,
    free: report.free,
    evidence: report.evidence,
    fits: fits(report),
    remote: report.remote,
    sources: counts.sources.map((source) => ({
      nn: source.nn,
      series: source.series,
      snapshot: source.snapshot,
      host: source.host,
      root: source.root,
      as_of: source.asOf,
      proof: source.proof,
      proof_at: new Date(source.proofAtMs).toISOString(),
      in_target: source.inTarget,
    })),
    bytes_read: counts.bytesRead,
    not_in_xxh64: counts.notInXxh64,
    left_out: report.leftOut.map(({ why, files, directories }) => ({ why, files, directories })),
    part: report.part === null ? null : partRecord(report.part),
    fallen_back: report.fallenBack,
    next: restoreSteps(report).map((step) => step.command),
  };
}

/** The whole answer; `bundle` is null where none was written. */
export function answerJson(
  assessment: Assessment,
  bundle: BundleFacts | null,
): AssessmentJson & { readonly bundle: ReturnType<typeof bundleJson> | null } {
  return { ...toJson(assessment), bundle: bundle === null ? null : bundleJson(bundle) };
}

function tally({ files, bytes }: Tally): Tally {
  return { files, bytes };
}
