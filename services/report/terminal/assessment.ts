// What `assess` prints at the end: what to stop, the numbers that matter, when and where, the command to run next.
// Pure: lines in, no terminal.
import { needsHistory, nothingToReport, type Picture, picture } from '../../../domain/picture.ts';
import type { Assessment, Tally } from '../../../domain/assessment.ts';
import { listedAs, VERDICTS } from '../../../domain/verdicts.ts';
import { firstSteps, leftOutStep, STOP_STEPS } from '../commands.ts';
import { byOwner, byTopDirectory, type Group, losses, type ReportInput, restoredText } from '../present.ts';
import { roomText } from '../room.ts';
import { bytes, count, plural, shellWord, since, localTime, visible } from '../wording.ts';
import { leftOutLines, partLines, roomLines } from './bundle.ts';
import { beyondLines, intervalLines } from './intervals.ts';
import { clip, type Paint, paint, wrap } from './text.ts';

export interface RenderOptions {
  /** Columns of the terminal. */
  readonly width: number;
  readonly color: boolean;
}

const INCOMPLETE_MAX = 3;
const CONDITIONS_MAX = 3;
const GROUPS_MAX = 4;

function when(assessment: Assessment): string {
  const backups = assessment.series.map(
    (series) =>
      `${series.name} (${plural(series.snapshots, 'snapshot')}${series.newest === null ? '' : `, newest ${series.newest}`})`,
  );
  return `assessed ${localTime(new Date(assessment.createdMs).toISOString())} against ${backups.length === 0 ? 'its own history' : backups.join(' and ')}`;
}

function sinceText({ sinceAll }: Picture): string {
  return sinceAll === null ? '' : `; use --since ${since(sinceAll)} to count them as losses`;
}

function quietText(seen: Picture): string {
  return `${plural(seen.quiet.files, 'file')} (${bytes(seen.quiet.bytes)}) deleted: treated as ordinary deletions${sinceText(seen)}`;
}

/** What limits the dating and proving of losses says nothing where there are none. */
const OF_NO_WEIGHT_WITHOUT_LOSSES: ReadonlySet<string> = new Set([
  'trusted',
  'few-snapshots',
  'estimated-dates',
  'exported',
  'second-listing',
]);

function nothing(assessment: Assessment, seen: Picture, width: number): string[] {
  const { verdicts } = assessment;
  // What was deleted has a line of its own.
  const ordinary = [...listedAs('moves'), ...listedAs('ordinary')]
    .filter((verdict) => verdict !== 'deleted' && verdicts[verdict].files > 0)
    .map((verdict) => `${count(verdicts[verdict].files)} ${verdict}`);
  const first = `Nothing to report: ${plural(verdicts.intact.files, 'file')} of ${assessment.livePath} intact${
    ordinary.length === 0 ? '' : `, ${ordinary.join(', ')}`
  }.`;
  const second = seen.quiet.files > 0 ? `${quietText(seen)}.` : `${when(assessment)}.`;
  const restored = restoredText(assessment);
  const notes = assessment.conditions.filter(({ code }) => !OF_NO_WEIGHT_WITHOUT_LOSSES.has(code));
  return [
    visible(first),
    ...(restored === null ? [] : [restored]),
    visible(second.charAt(0).toUpperCase() + second.slice(1)),
    ...beyondLines(assessment, width),
    ...notes.flatMap(({ text }) => wrap(`Note    ${text}`, width, 8)),
  ];
}

/** A line of the first screen. */
interface Row {
  readonly label: string;
  readonly of: Tally;
  readonly note?: string;
  readonly style: Paint;
}

function row({ label, of: { files, bytes: size }, note = '', style }: Row, width: number): string {
  const numbers = `  ${style(label.padEnd(16))}${style(count(files).padStart(11))} ${files === 1 ? 'file ' : 'files'} ${bytes(size).padStart(9)}`;
  return note === '' ? numbers : `${numbers}   ${clip(note, Math.max(16, width - 49))}`;
}

function groupText(all: readonly Group[]): string {
  const shown = all.slice(0, GROUPS_MAX).map((each) => `${each.label} ${count(each.files)}`);
  const rest = all.slice(GROUPS_MAX).reduce((sum, each) => sum + each.files, 0);
  return [...shown, ...(rest > 0 ? [`others ${count(rest)}`] : [])].join(', ');
}

/** The last lines: what to type. Without a bundle, what to look at. */
function next(assessment: Assessment, input: ReportInput | null, seen: Picture, bold: Paint): string[] {
  const steps = input === null ? [] : firstSteps(input);
  const program = input?.program ?? 'rollcall';
  if (steps.length > 0 && input !== null && input.bundle !== null) {
    return [
      `Read ${shellWord(`${input.bundle}/report.html`)}, or README.txt beside it.`,
      ...steps.flatMap(({ text, command }) => [text, bold(`  ${command}`)]),
    ];
  }
  const left = input === null || input.bundle === null ? null : leftOutStep({ ...input, bundle: input.bundle }, seen);
  if (input !== null && input.bundle !== null && left !== null && seen.restorable.files > 0) {
    return [
      `Read ${shellWord(`${input.bundle}/report.html`)}, or README.txt beside it.`,
      left.text,
      bold(`  ${left.step.command}`),
    ];
  }
  if (input !== null && input.bundle !== null && input.leftOut.length > 0) {
    return [
      'restore.sh can restore none of it. Next, what else can be done:',
      bold(`  cat ${shellWord(`${input.bundle}/README.txt`)}`),
    ];
  }
  if (seen.sideUnknown.files > 0) {
    return [
      'Next, the paths of which two copies differ. Compare both; if the backup is right, run the same command with --side backup:',
      bold(`  ${program} findings`),
    ];
  }
  if (assessment.incomplete.length > 0) {
    return [
      'Next: make what is named above readable, and run the same command again.',
      bold(`  ${program} doctor ${shellWord(assessment.livePath)}`),
    ];
  }
  if (seen.quiet.files > 0 && seen.sinceAll !== null && seen.lost.files + seen.open.files === 0) {
    return ['Next:', bold(`  ${program} findings`)];
  }
  const what = seen.lost.files > 0 ? 'Nothing can be restored.' : 'Nothing has to be restored.';
  return [`${what} Next, every finding:`, bold(`  ${program} findings`)];
}

function numbers(assessment: Assessment, seen: Picture, options: RenderOptions): string[] {
  const { width, color } = options;
  const plain: Paint = (text) => text;
  const grade =
    seen.older.files > 0
      ? `${count(seen.exact.files)} exactly, ${count(seen.older.files)} in an older version`
      : 'all exactly';
  const open = listedAs('undecided')
    .filter((verdict) => assessment.verdicts[verdict].files > 0)
    .map((verdict) => `${verdict} ${count(assessment.verdicts[verdict].files)}`);
  if (seen.sideUnknown.files > 0) open.push(`can't tell which copy is right ${count(seen.sideUnknown.files)}`);
  if (seen.unreadCopies.files > 0) open.push(`copies unreadable ${count(seen.unreadCopies.files)}`);
  const { lost, restorable, fine } = seen;
  const isAny = restorable.files > 0;
  const lines = [
    row({ label: 'lost for good', of: lost, style: lost.files > 0 ? paint(31, color) : plain }, width),
    row(
      { label: 'restorable', of: restorable, note: isAny ? grade : '', style: isAny ? paint(36, color) : plain },
      width,
    ),
    row({ label: 'still fine', of: fine, style: paint(32, color) }, width),
  ];
  if (seen.open.files > 0)
    lines.push(row({ label: 'not decided', of: seen.open, note: open.join(', '), style: paint(33, color) }, width));
  if (seen.deleted.files > 0) {
    const note = seen.sinceAll === null ? 'accepted' : `treated as ordinary deletions${sinceText(seen)}`;
    lines.push(
      row({ label: 'deleted', of: seen.deleted, style: plain }, width),
      ...wrap(note, width - 20, 0).map((line) => `${' '.repeat(20)}${line}`),
    );
  }
  return lines;
}

function incompleteLines({ incomplete }: Assessment, width: number, style: Paint): string[] {
  const lines = incomplete.slice(0, INCOMPLETE_MAX).flatMap((text) => wrap(`INCOMPLETE: ${text}`, width, 2));
  if (incomplete.length > INCOMPLETE_MAX)
    lines.push(`INCOMPLETE: ${count(incomplete.length - INCOMPLETE_MAX)} more (--json lists them all)`);
  return lines.map(style);
}

function stopLines(width: number, style: Paint): string[] {
  return [
    ...wrap(
      'STOP the nightly backup job and the pruning of snapshots first: each night destroys history.',
      width,
      0,
    ).map(style),
    `  ${STOP_STEPS[0]?.command ?? ''}`,
  ];
}

/** How the lost went, as far as their surroundings tell; each is a part of the losses. */
function goneLines({ silent, uncertain, personDeleted }: Picture, width: number): string[] {
  const ways = [
    ...(silent.files > 0 ? [`silently ${count(silent.files)}`] : []),
    ...(uncertain.files > 0 ? [`uncertain ${count(uncertain.files)} (restored only with --uncertain)`] : []),
    ...(personDeleted.files > 0
      ? [`probably by a person ${count(personDeleted.files)} (only with --person-deleted)`]
      : []),
  ];
  return ways.length === 0 ? [] : wrap(`How     ${ways.join('; ')}`, width, 8);
}

/** Verdict by verdict, files and directories. */
function verdictLines({ verdicts, directories, universe }: Assessment, width: number): string[] {
  const told = VERDICTS.filter((verdict) => verdict !== 'intact');
  const files = told.filter((verdict) => verdicts[verdict].files > 0);
  const dirs = told.filter((verdict) => directories[verdict] > 0);
  return [
    ...wrap(
      `What    ${[
        ...(files.length === 0
          ? []
          : [files.map((verdict) => `${verdict} ${count(verdicts[verdict].files)}`).join(', ')]),
        `intact ${count(verdicts.intact.files)}`,
        `together ${count(universe.paths)}`,
      ].join('; ')}`,
      width,
      8,
    ),
    ...(dirs.length === 0
      ? []
      : wrap(`Dirs    ${dirs.map((verdict) => `${verdict} ${count(directories[verdict])}`).join(', ')}`, width, 8)),
  ];
}

function readText({ bytesRead, bytesTrusted, trustedSince }: Assessment): string {
  const oldest = trustedSince === null ? '' : ` (the oldest ${localTime(trustedSince)}; --reread reads everything)`;
  return `${bytes(bytesRead)}${bytesTrusted === 0 ? '' : `; ${bytes(bytesTrusted)} read before and unchanged since${oldest}`}`;
}

function conditionLines(assessment: Assessment, width: number): string[] {
  // What was trusted is said in the line of what was read.
  const conditions = assessment.conditions.filter(({ code }) => code !== 'trusted');
  const lines = conditions.slice(0, CONDITIONS_MAX).flatMap(({ text }) => wrap(`Note    ${text}`, width, 8));
  if (conditions.length > CONDITIONS_MAX)
    lines.push(`Note    ${plural(conditions.length - CONDITIONS_MAX, 'more note')} (--json lists them all)`);
  return lines;
}

/**
 * Lines for a terminal, at most about forty, the last of them the command to run next. `input` is null where no bundle
 * was written.
 */
export function renderAssessment(assessment: Assessment, input: ReportInput | null, options: RenderOptions): string[] {
  const { color } = options;
  const width = Math.max(40, options.width);
  const [bold, red, yellow] = [paint(1, color), paint(31, color), paint(33, color)];
  const seen = picture(assessment);
  if (nothingToReport(assessment)) return nothing(assessment, seen, width);

  const lines = wrap(`${assessment.livePath}: ${when(assessment)}`, width, 2);
  lines.push(...incompleteLines(assessment, width, yellow));
  if (needsHistory(seen)) lines.push(...stopLines(width, red));
  if (input !== null) lines.push(...roomLines(input, width, red));
  lines.push('', ...numbers(assessment, seen, { width, color }), '');
  if (input !== null) lines.push(...partLines(input, width, yellow));

  lines.push(...intervalLines(assessment, width));
  lines.push(...beyondLines(assessment, width));
  const lost = losses(assessment);
  if (lost.length > 0) {
    lines.push(clip(`Where   ${visible(groupText(byTopDirectory(lost)))}`, width));
    lines.push(clip(`Whose   ${visible(groupText(byOwner(lost, input?.owners ?? new Map())))}`, width));
  }
  lines.push(...verdictLines(assessment, width));
  lines.push(...goneLines(seen, width));
  const restored = restoredText(assessment);
  if (restored !== null) lines.push(...wrap(`Note    ${restored}`, width, 8));
  if (input !== null) lines.push(...leftOutLines(input, width));
  if (input !== null && input.needed.inodes > 0) lines.push(...wrap(`Needs   ${roomText(input)}`, width, 8));
  lines.push(...wrap(`Read    ${readText(assessment)}`, width, 8));
  lines.push(...conditionLines(assessment, width));
  lines.push('', ...next(assessment, input, seen, bold));
  return lines;
}
