// An assessment as the one JSON object of `assess --json` and summary.json (design.md section 7). Field names are a promise to scripts. Pure.
import type { Assessment, Interval } from '../../domain/assessment.ts';
import { VERDICT, VERDICTS } from '../../domain/verdicts.ts';
import { restoreSteps } from './commands.ts';
import { partRecord } from './part.ts';
import { nothingToReport, picture, type ReportInput } from './present.ts';
import { fits } from './room.ts';

export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json;
}

/** As AIDE's exit code has it: 1 something is new, 2 something is gone, 4 something changed. A move is both new and gone. */
export function changeBits(assessment: Assessment): number {
  return VERDICTS.reduce((bits, verdict) => {
    const { files } = assessment.verdicts[verdict];
    return files + assessment.directories[verdict] > 0 ? bits | VERDICT[verdict].changes : bits;
  }, 0);
}

function interval(each: Interval): Json {
  return {
    // Some names are there twice, in the two spellings that --json and summary.json once had.
    ...each,
    series: each.series,
    from: each.from,
    to: each.to,
    from_name: each.fromName,
    to_name: each.toName,
    days: each.days,
    added: each.added,
    changed: each.changed,
    vanished: each.vanished,
    moved: each.moved,
    damaged: each.damaged,
    burst: each.burst,
    in_window: each.inWindow,
    silent: each.silent,
    rules: [...each.rules],
    beyond_line: each.beyondLine,
  };
}

function tally(its: { readonly files: number; readonly bytes: number }): Json {
  return { files: its.files, bytes: its.bytes };
}

/** The bundle's own part of the answer: for `bundle --json`, too. */
export function bundle(input: ReportInput): JsonObject {
  return {
    path: input.bundle,
    target: input.target,
    lists: input.lists.map((list) => ({
      file: list.file,
      kind: list.kind,
      needs: [...list.needs],
      in_target: list.inTarget,
      snapshot: list.snapshot,
      as_of: list.asOf,
      files: list.files,
      bytes: list.bytes,
    })),
    directories: input.directories,
    links: input.links,
    needed: { bytes: input.needed.bytes, inodes: input.needed.inodes },
    free: input.free === null ? null : { bytes: input.free.bytes, inodes: input.free.inodes },
    evidence: { bytes: input.evidence.bytes, free: input.evidence.free },
    fits: fits(input),
    remote: input.remote,
    left_out: input.leftOut.map(({ why, files, directories }) => ({ why, files, directories })),
    part: input.part === null ? null : partRecord(input.part),
    fallen_back: input.fallenBack,
    next: restoreSteps(input).map((step) => step.command),
  };
}

/**
 * One object; JSON.stringify takes it as it is. Sizes and counts are numbers, times ISO 8601, ids strings (they are 64 bits wide).
 * `input` is null where no bundle was written. Paths are printable text.
 */
export function toJson(assessment: Assessment, input: ReportInput | null): JsonObject {
  const seen = picture(assessment);
  return {
    volume: assessment.volume,
    livePath: assessment.livePath,
    liveScan: { id: String(assessment.liveScan.id), asOf: assessment.liveScan.asOf },
    live: { path: assessment.livePath, scan: String(assessment.liveScan.id), as_of: assessment.liveScan.asOf },
    series: assessment.series.map((series) => ({
      name: series.name,
      pattern: series.pattern,
      snapshots: series.snapshots,
      newest: series.newest,
      newest_as_of: series.newestAsOf,
      newestAsOf: series.newestAsOf,
    })),
    created: new Date(assessment.createdMs).toISOString(),
    nothing_to_report: nothingToReport(assessment),
    changes: changeBits(assessment),
    window: {
      all: assessment.window.all,
      since: assessment.window.since,
      reason: assessment.window.reason,
      intervals: assessment.window.intervals.map(interval),
    },
    timeline: assessment.timeline.map(interval),
    universe: {
      files: assessment.universe.paths,
      paths: assessment.universe.paths,
      directories: assessment.universe.directories,
    },
    verdicts: Object.fromEntries(
      VERDICTS.map((verdict) => [
        verdict,
        { ...assessment.verdicts[verdict], directories: assessment.directories[verdict] },
      ]),
    ),
    directories: assessment.directories,
    recovery: {
      exact: tally(assessment.recovery.exact),
      older: tally(assessment.recovery.older),
      none: tally(assessment.recovery.none),
    },
    summary: {
      lost_for_good: tally(seen.lost),
      restorable: tally(seen.restorable),
      still_fine: tally(seen.fine),
      undecided: tally(seen.open),
      deleted: tally(seen.deleted),
      silent: tally(seen.silent),
      uncertain: tally(seen.uncertain),
      person_deleted: tally(seen.personDeleted),
      side_unknown: tally(seen.sideUnknown),
      since_all: seen.sinceAll,
    },
    incomplete: [...assessment.incomplete],
    unread: assessment.incomplete.length > 0,
    losses: {
      lostForGood: tally(seen.lost),
      restorable: tally(seen.restorable),
      silent: tally(seen.silent),
      uncertain: tally(seen.uncertain),
      personDeleted: tally(seen.personDeleted),
    },
    bytesRead: assessment.bytesRead,
    bytesTrusted: assessment.bytesTrusted,
    trustedSince: assessment.trustedSince,
    conditions: assessment.conditions.map((condition) => ({ code: condition.code, text: condition.text })),
    read: {
      bytes: assessment.bytesRead,
      bytes_trusted: assessment.bytesTrusted,
      trusted_since: assessment.trustedSince,
    },
    bundle: input === null || input.bundle === null ? null : bundle(input),
  };
}
