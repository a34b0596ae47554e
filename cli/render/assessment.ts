// What `assess` prints at the end: what to stop, the numbers that matter, when and where, the command to run next. Pure: lines in, no terminal.
import { type Assessment, VERDICTS } from '../../domain/assessment.ts';
import { personStep, restoreSteps, type Step, STOP_STEPS } from '../../services/restore/commands.ts';
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
import { bytes, count, plural, shellWord, since, time, visible } from '../../services/restore/wording.ts';

export interface RenderOptions {
  /** Columns of the terminal. */
  readonly width: number;
  readonly color: boolean;
}

const INCOMPLETE_MAX = 3;
const CONDITIONS_MAX = 3;
const INTERVALS_MAX = 4;
const GROUPS_MAX = 4;

type Paint = (text: string) => string;

function paint(code: number, color: boolean): Paint {
  return (text) => (color ? `\u001b[${code}m${text}\u001b[0m` : text);
}

/** At most `width` code points; the middle of a long text goes, because a path's end tells more than its middle. */
function clip(text: string, width: number): string {
  const points = Array.from(text);
  if (points.length <= width) return text;
  const head = Math.floor((width - 1) / 2);
  return `${points.slice(0, head).join('')}\u2026${points.slice(points.length - (width - 1 - head)).join('')}`;
}

/** Plain text broken at spaces, continuation lines indented by as much as asked. Commands do not go through here: they stay whole. */
function wrap(text: string, width: number, indent: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of visible(text).split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = ' '.repeat(indent);
    }
    line += line.trim() === '' ? word : ` ${word}`;
  }
  return [...lines, line];
}

function when(assessment: Assessment): string {
  const backups = assessment.series.map(
    (series) =>
      `${series.name} (${plural(series.snapshots, 'snapshot')}${series.newest === null ? '' : `, newest ${series.newest}`})`,
  );
  return `judged ${time(new Date(assessment.createdMs).toISOString())} UTC against ${backups.length === 0 ? 'its own history' : backups.join(' and ')}`;
}

function quietText(seen: Picture): string {
  const option = seen.sinceAll === null ? '' : `; --since ${since(seen.sinceAll)} would count them as losses`;
  return `${plural(seen.quiet.files, 'file')} (${bytes(seen.quiet.bytes)}) vanished outside the window and count as deleted${option}`;
}

function nothing(assessment: Assessment, seen: Picture): string[] {
  const { verdicts } = assessment;
  const ordinary = (['new', 'modified', 'moved'] as const)
    .filter((verdict) => verdicts[verdict].files > 0)
    .map((verdict) => `${count(verdicts[verdict].files)} ${verdict}`);
  const first = `Nothing to report: ${plural(verdicts.intact.files, 'file')} of ${assessment.livePath} intact${
    ordinary.length === 0 ? '' : `, ${ordinary.join(', ')}`
  }.`;
  const second = seen.quiet.files > 0 ? `${quietText(seen)}.` : `${when(assessment)}.`;
  return [visible(first), visible(second.charAt(0).toUpperCase() + second.slice(1))];
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
    const end = each.toName === 'live' ? 'now' : time(each.to);
    return `${time(each.from)} to ${end}: ${what}${each.burst ? ' (burst)' : ''}`;
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
  if (input !== null && input.bundle !== null && seen.personDeleted.files > 0 && seen.restorable.files > 0) {
    return [
      `Read ${shellWord(`${input.bundle}/report.html`)}, or README.txt beside it.`,
      'All that can be put back was probably deleted by a person. If it was not meant, a dry run (--apply puts it back):',
      bold(`  ${personStep({ ...input, bundle: input.bundle }).command}`),
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

/** Lines for a terminal, at most about forty, the last of them the command to run next. `input` is null where no bundle was written. */
export function renderAssessment(assessment: Assessment, input: ReportInput | null, options: RenderOptions): string[] {
  const { color } = options;
  const width = Math.max(40, options.width);
  const bold = paint(1, color);
  const seen = picture(assessment);
  if (nothingToReport(assessment)) return nothing(assessment, seen);

  const lines = [...wrap(`${assessment.livePath}: ${when(assessment)}`, width, 2)];
  for (const text of assessment.incomplete.slice(0, INCOMPLETE_MAX)) {
    lines.push(...wrap(`INCOMPLETE: ${text}`, width, 2).map(paint(33, color)));
  }
  if (assessment.incomplete.length > INCOMPLETE_MAX) {
    lines.push(
      paint(
        33,
        color,
      )(`INCOMPLETE: ${count(assessment.incomplete.length - INCOMPLETE_MAX)} more (--json lists them all)`),
    );
  }
  if (seen.lost.files + seen.restorable.files + seen.open.files + seen.directoriesRestorable > 0) {
    lines.push(
      ...wrap(
        'STOP the nightly backup job and the pruning of snapshots first: each night destroys history.',
        width,
        0,
      ).map(paint(31, color)),
      `  ${STOP_STEPS[0]?.command ?? ''}`,
    );
  }
  lines.push('', ...numbers(assessment, seen, { width, color }), '');

  const lost = losses(assessment);
  lines.push(...intervalLines(assessment, width));
  if (lost.length > 0) {
    lines.push(clip(`Where   ${visible(groupText(byTopDirectory(lost)))}`, width));
    lines.push(clip(`Whose   ${visible(groupText(byOwner(lost, input?.owners ?? new Map())))}`, width));
  }
  const classes = VERDICTS.filter((verdict) => verdict !== 'intact' && assessment.verdicts[verdict].files > 0).map(
    (verdict) => `${verdict} ${count(assessment.verdicts[verdict].files)}`,
  );
  lines.push(
    ...wrap(
      `What    ${classes.join(', ')}; intact ${count(assessment.verdicts.intact.files)}; together ${count(assessment.universe.paths)}`,
      width,
      8,
    ),
  );
  const directories = VERDICTS.filter((verdict) => verdict !== 'intact' && assessment.directories[verdict] > 0).map(
    (verdict) => `${verdict} ${count(assessment.directories[verdict])}`,
  );
  if (directories.length > 0) lines.push(...wrap(`Dirs    ${directories.join(', ')}`, width, 8));
  if (seen.personDeleted.files > 0) {
    lines.push(
      ...wrap(
        `Note    ${plural(seen.personDeleted.files, 'file')} probably deleted by a person, left out unless --person-deleted`,
        width,
        8,
      ),
    );
  }
  if (input !== null && input.needed.inodes > 0) {
    const free =
      input.free === null
        ? ''
        : `; free there ${bytes(input.free.bytes)}${input.free.inodes === null ? '' : ` and ${plural(input.free.inodes, 'inode')}`}`;
    lines.push(
      ...wrap(
        `Needs   ${bytes(input.needed.bytes)} and ${plural(input.needed.inodes, 'inode')} at ${input.target}${free}`,
        width,
        8,
      ),
    );
  }
  const trusted =
    assessment.trustedSince === null ? '' : ` (the oldest ${time(assessment.trustedSince)}; --reread reads all)`;
  lines.push(
    ...wrap(
      `Read    ${bytes(assessment.bytesRead)}${
        assessment.bytesTrusted === 0
          ? ''
          : `; ${bytes(assessment.bytesTrusted)} trusted from earlier readings${trusted}`
      }`,
      width,
      8,
    ),
  );
  // What was trusted is said in the line above.
  const conditions = assessment.conditions.filter(({ code }) => code !== 'trusted');
  for (const condition of conditions.slice(0, CONDITIONS_MAX)) {
    lines.push(...wrap(`Note    ${condition.text}`, width, 8));
  }
  if (conditions.length > CONDITIONS_MAX) {
    lines.push(`Note    ${plural(conditions.length - CONDITIONS_MAX, 'more note')} (--json lists them all)`);
  }
  lines.push('', ...next(assessment, input, seen, bold));
  return lines;
}
