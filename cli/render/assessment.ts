// What `assess` prints at the end: what to stop, the numbers that matter, when and where, the command to run next. Pure: lines in, no terminal.
import type { Assessment } from '../../domain/assessment.ts';
import { VERDICTS } from '../../domain/verdicts.ts';
import { leftOutStep, restoreSteps, type Step, STOP_STEPS } from '../../services/restore/commands.ts';
import {
  byOwner,
  byTopDirectory,
  type Group,
  losses,
  nothingToReport,
  type Picture,
  picture,
  type ReportInput,
  tellingIntervals,
} from '../../services/restore/present.ts';
import { roomText } from '../../services/restore/room.ts';
import { bytes, count, plural, shellWord, since, localTime, visible } from '../../services/restore/wording.ts';
import { leftOutLines, partLines, roomLines } from './bundle.ts';
import { clip, type Paint, paint, wrap } from './text.ts';

export interface RenderOptions {
  /** Columns of the terminal. */
  readonly width: number;
  readonly color: boolean;
}

const INCOMPLETE_MAX = 3;
const CONDITIONS_MAX = 3;
const INTERVALS_MAX = 4;
const GROUPS_MAX = 4;

function when(assessment: Assessment): string {
  const backups = assessment.series.map(
    (series) =>
      `${series.name} (${plural(series.snapshots, 'snapshot')}${series.newest === null ? '' : `, newest ${series.newest}`})`,
  );
  return `judged ${localTime(new Date(assessment.createdMs).toISOString())} against ${backups.length === 0 ? 'its own history' : backups.join(' and ')}`;
}

function quietText(seen: Picture): string {
  const option = seen.sinceAll === null ? '' : `; --since ${since(seen.sinceAll)} would count them as losses`;
  return `${plural(seen.quiet.files, 'file')} (${bytes(seen.quiet.bytes)}) vanished outside the window and count as deleted${option}`;
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
  const ordinary = (['new', 'modified', 'moved'] as const)
    .filter((verdict) => verdicts[verdict].files > 0)
    .map((verdict) => `${count(verdicts[verdict].files)} ${verdict}`);
  const first = `Nothing to report: ${plural(verdicts.intact.files, 'file')} of ${assessment.livePath} intact${
    ordinary.length === 0 ? '' : `, ${ordinary.join(', ')}`
  }.`;
  const second = seen.quiet.files > 0 ? `${quietText(seen)}.` : `${when(assessment)}.`;
  const notes = assessment.conditions.filter(({ code }) => !OF_NO_WEIGHT_WITHOUT_LOSSES.has(code));
  return [
    visible(first),
    visible(second.charAt(0).toUpperCase() + second.slice(1)),
    ...notes.flatMap(({ text }) => wrap(`Note    ${text}`, width, 8)),
  ];
}

function row(label: string, files: number, size: number, note: string, style: Paint, width: number): string {
  const numbers = `  ${style(label.padEnd(16))}${style(count(files).padStart(11))} ${files === 1 ? 'file ' : 'files'} ${bytes(size).padStart(9)}`;
  return note === '' ? numbers : `${numbers}   ${clip(note, Math.max(16, width - 49))}`;
}

function groupText(all: readonly Group[]): string {
  const shown = all.slice(0, GROUPS_MAX).map((each) => `${each.label} ${count(each.files)}`);
  const rest = all.slice(GROUPS_MAX).reduce((sum, each) => sum + each.files, 0);
  return [...shown, ...(rest > 0 ? [`others ${count(rest)}`] : [])].join(', ');
}

function intervalLines(assessment: Assessment, width: number): string[] {
  const telling = tellingIntervals(assessment.timeline);
  const lines = telling.slice(-INTERVALS_MAX).map((each) => {
    const what = [
      ...(each.vanished > 0 ? [`${count(each.vanished)} vanished`] : []),
      ...(each.damaged > 0 ? [`${count(each.damaged)} damaged`] : []),
    ].join(', ');
    const end = each.toName === 'live' ? 'now' : localTime(each.to);
    return `${localTime(each.from)} to ${end}: ${what}${each.burst ? ' (burst)' : ''}`;
  });
  if (telling.length > INTERVALS_MAX)
    lines.push(`${plural(telling.length - INTERVALS_MAX, 'earlier interval')} in report.html`);
  return lines.map((line, index) => clip(`${index === 0 ? 'When    ' : '        '}${visible(line)}`, width));
}

/** The last lines: what to type. Without a bundle, what to look at. */
function next(assessment: Assessment, input: ReportInput | null, seen: Picture, bold: Paint): string[] {
  const steps: readonly Step[] = input === null ? [] : restoreSteps(input);
  const [dry] = steps;
  const program = input?.program ?? 'rollcall';
  if (dry !== undefined && input !== null && input.bundle !== null) {
    return [
      `Read ${shellWord(`${input.bundle}/report.html`)}, or README.txt beside it.`,
      'Next, a dry run; the same with --apply puts the files back:',
      bold(`  ${dry.command}`),
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
      'restore.sh can put nothing of it back. Next, what else can be done:',
      bold(`  cat ${shellWord(`${input.bundle}/README.txt`)}`),
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
  return ['Nothing can be put back. Next, every finding with its evidence:', bold(`  ${program} findings`)];
}

function numbers(assessment: Assessment, seen: Picture, options: RenderOptions): string[] {
  const { width, color } = options;
  const plain: Paint = (text) => text;
  const grade =
    seen.older.files > 0 ? `${count(seen.exact.files)} exact, ${count(seen.older.files)} older version` : 'all exactly';
  const open = (['unreadable', 'unsettled', 'hidden', 'unreachable', 'misplaced', 'unverified'] as const)
    .filter((verdict) => assessment.verdicts[verdict].files > 0)
    .map((verdict) => `${verdict} ${count(assessment.verdicts[verdict].files)}`);
  if (seen.sideUnknown.files > 0) open.push(`side unknown ${count(seen.sideUnknown.files)}`);
  if (seen.unreadCopies.files > 0) open.push(`copies unreadable ${count(seen.unreadCopies.files)}`);
  const lines = [
    row('lost for good', seen.lost.files, seen.lost.bytes, '', seen.lost.files > 0 ? paint(31, color) : plain, width),
    row(
      'restorable',
      seen.restorable.files,
      seen.restorable.bytes,
      seen.restorable.files > 0 ? grade : '',
      seen.restorable.files > 0 ? paint(36, color) : plain,
      width,
    ),
    row('still fine', seen.fine.files, seen.fine.bytes, '', paint(32, color), width),
  ];
  if (seen.open.files > 0)
    lines.push(row('not decided', seen.open.files, seen.open.bytes, open.join(', '), paint(33, color), width));
  if (seen.deleted.files > 0) {
    const note = seen.sinceAll === null ? 'accepted' : `quietly; --since ${since(seen.sinceAll)} counts them as losses`;
    lines.push(
      row('deleted', seen.deleted.files, seen.deleted.bytes, '', plain, width),
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
  const oldest = trustedSince === null ? '' : ` (the oldest ${localTime(trustedSince)}; --reread reads all)`;
  return `${bytes(bytesRead)}${bytesTrusted === 0 ? '' : `; ${bytes(bytesTrusted)} trusted from earlier readings${oldest}`}`;
}

function conditionLines(assessment: Assessment, width: number): string[] {
  // What was trusted is said in the line of what was read.
  const conditions = assessment.conditions.filter(({ code }) => code !== 'trusted');
  const lines = conditions.slice(0, CONDITIONS_MAX).flatMap(({ text }) => wrap(`Note    ${text}`, width, 8));
  if (conditions.length > CONDITIONS_MAX)
    lines.push(`Note    ${plural(conditions.length - CONDITIONS_MAX, 'more note')} (--json lists them all)`);
  return lines;
}

/** Lines for a terminal, at most about forty, the last of them the command to run next. `input` is null where no bundle was written. */
export function renderAssessment(assessment: Assessment, input: ReportInput | null, options: RenderOptions): string[] {
  const { color } = options;
  const width = Math.max(40, options.width);
  const [bold, red, yellow] = [paint(1, color), paint(31, color), paint(33, color)];
  const seen = picture(assessment);
  if (nothingToReport(assessment)) return nothing(assessment, seen, width);

  const lines = wrap(`${assessment.livePath}: ${when(assessment)}`, width, 2);
  lines.push(...incompleteLines(assessment, width, yellow));
  if (seen.lost.files + seen.restorable.files + seen.open.files + seen.directoriesRestorable > 0)
    lines.push(...stopLines(width, red));
  if (input !== null) lines.push(...roomLines(input, width, red));
  lines.push('', ...numbers(assessment, seen, { width, color }), '');
  if (input !== null) lines.push(...partLines(input, width, yellow));

  lines.push(...intervalLines(assessment, width));
  const lost = losses(assessment);
  if (lost.length > 0) {
    lines.push(clip(`Where   ${visible(groupText(byTopDirectory(lost)))}`, width));
    lines.push(clip(`Whose   ${visible(groupText(byOwner(lost, input?.owners ?? new Map())))}`, width));
  }
  lines.push(...verdictLines(assessment, width));
  if (seen.personDeleted.files > 0) {
    const note = `${plural(seen.personDeleted.files, 'file')} probably deleted by a person, left out unless --person-deleted`;
    lines.push(...wrap(`Note    ${note}`, width, 8));
  }
  if (seen.uncertain.files > 0) {
    const note = `${plural(seen.uncertain.files, 'file')} that may have been deleted on purpose: not restored unless you add --uncertain`;
    lines.push(...wrap(`Note    ${note}`, width, 8));
  }
  if (input !== null) lines.push(...leftOutLines(input, width));
  if (input !== null && input.needed.inodes > 0) lines.push(...wrap(`Needs   ${roomText(input)}`, width, 8));
  lines.push(...wrap(`Read    ${readText(assessment)}`, width, 8));
  lines.push(...conditionLines(assessment, width));
  lines.push('', ...next(assessment, input, seen, bold));
  return lines;
}
