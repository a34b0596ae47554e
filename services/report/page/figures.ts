// The figures of report.html: the timeline, the losses by group, and the verdict table that adds up to the universe.
// Pure.
import type { Assessment, Interval } from '../../../domain/assessment.ts';
import { VERDICT, VERDICTS, type Verdict } from '../../../domain/verdicts.ts';
import { byOwner, bySize, byTopDirectory, type Group, losses, type ReportInput, tellingIntervals } from '../present.ts';
import { bytes, count, plural, since, time } from '../wording.ts';
import { bySeries, chart } from './chart.ts';
import { type Cell, escape, list, name, section, table } from './html.ts';

/** Groups that are printed of one grouping; the rest is summed up in a line. */
const GROUPS_MAX = 15;
const WIDE = { width: 940 };
const NARROW = { width: 350 };

function lossText(assessment: Assessment): string {
  const { window } = assessment;
  const telling = tellingIntervals(assessment.timeline);
  const lines = telling.slice(0, 8).map((each) => {
    const what = [
      ...(each.vanished > 0 ? [`${count(each.vanished)} vanished`] : []),
      ...(each.damaged > 0 ? [`${count(each.damaged)} damaged`] : []),
    ].join(', ');
    return `<b>${what}</b> between ${escape(time(each.from))} and ${each.toName === 'live' ? 'now' : escape(time(each.to))}${each.burst ? ' (unusually many)' : ''}`;
  });
  const asked =
    window.since === null ? '' : ` They are the ones since ${escape(since(window.since))}, as asked for with --since.`;
  return `${list(lines)}<p class="small dim">Files that vanished in the marked intervals count as losses.${asked} Files that vanished at other times count as losses if something points to one, else as ordinary deletions.</p>`;
}

/** When it happened: the telling intervals, a chart for each series, the window in figures. */
export function timeline(assessment: Assessment): string {
  const charts = [...bySeries(assessment.timeline)].map(([series, intervals]) => {
    const caption =
      `${name(series)}, ${escape(time(intervals[0]?.from ?? ''))} to ${escape(time(intervals[intervals.length - 1]?.to ?? ''))} UTC. ` +
      'Files per interval between two snapshots, and from the newest to now.';
    return (
      `<figure><div class="wide">${chart(intervals, WIDE)}</div><div class="narrow">${chart(intervals, NARROW)}</div>` +
      `<figcaption>${caption}</figcaption></figure>`
    );
  });
  if (charts.length === 0) return '';
  const legend =
    '<p class="small legend"><span><i class="key va"></i>vanished</span><span><i class="key da"></i>damaged</span>' +
    '<span><i class="key ad"></i>added</span><span><i class="key ch"></i>changed</span>' +
    '<span><i class="key win"></i>counted as loss</span><span>\u25bc unusually many</span></p>';
  return section(
    'When it happened',
    `${lossText(assessment)}${legend}${charts.join('\n')}${intervalTable(assessment.timeline)}`,
  );
}

function intervalTable(intervals: readonly Interval[]): string {
  const telling = intervals.filter((each) => each.inWindow);
  if (telling.length === 0) return '';
  const rows = telling.slice(-40).map((each): Cell[] => [
    {
      html: `${escape(time(each.from))} <span class="dim">to</span> ${each.toName === 'live' ? 'now' : escape(time(each.to))}`,
    },
    { html: count(each.vanished), numeric: true, label: 'vanished' },
    { html: count(each.damaged), numeric: true, label: 'damaged' },
    { html: count(each.added), numeric: true, label: 'added' },
    { html: count(each.changed), numeric: true, label: 'changed' },
    { html: count(each.moved), numeric: true, label: 'moved' },
  ]);
  return table(
    'list',
    [
      { html: 'Counted as loss' },
      { html: 'Vanished', numeric: true },
      { html: 'Damaged', numeric: true },
      { html: 'Added', numeric: true },
      { html: 'Changed', numeric: true },
      { html: 'Moved', numeric: true },
    ],
    rows,
  );
}

function groupTable(title: string, all: readonly Group[], labelOf: (group: Group) => string, max = GROUPS_MAX): string {
  const shown = all.length > max + 1 ? all.slice(0, max) : all;
  const rest = all.slice(shown.length);
  const most = Math.max(1, ...all.map((each) => each.files));
  const row = (each: Group, label: string): Cell[] => [
    { html: `${label}<span class="bar" style="width:${Math.round((each.files / most) * 100)}%"></span>` },
    { html: count(each.files), numeric: true },
    { html: bytes(each.bytes), numeric: true },
    { html: each.lost === 0 ? '<span class="dim">0</span>' : count(each.lost), numeric: true },
  ];
  const rows = shown.map((each) => row(each, labelOf(each)));
  if (rest.length > 0) {
    const sum = { label: '', files: 0, bytes: 0, lost: 0 };
    for (const each of rest) {
      sum.files += each.files;
      sum.bytes += each.bytes;
      sum.lost += each.lost;
    }
    rows.push([{ html: `${count(rest.length)} others` }, ...row({ ...sum, files: sum.files }, '').slice(1)]);
  }
  const numeric = ['Files', 'Bytes', 'For good'].map((html): Cell => ({ html, numeric: true }));
  return `<div>${table('sums', [{ html: title }, ...numeric], rows)}</div>`;
}

/** The losses by top directory, by owner and by size. */
export function groups(assessment: Assessment, input: ReportInput): string {
  const lost = losses(assessment);
  if (lost.length === 0) return '';
  return section(
    'Whose, where, how large',
    `<p class="small dim">All ${plural(lost.length, 'loss', 'losses')}, restorable or not; \u201cfor good\u201d are those without any copy.</p><div class="groups">` +
      groupTable('Directory', byTopDirectory(lost), (group) => name(group.label)) +
      groupTable('Owner', byOwner(lost, input.owners), (group) => name(group.label)) +
      groupTable('Size', bySize(lost), (group) => escape(group.label)) +
      '</div>',
  );
}

/** The classes with their counts; the last row is the universe. */
export function verdicts(assessment: Assessment): string {
  const there = VERDICTS.filter((verdict) => assessment.verdicts[verdict].files + assessment.directories[verdict] > 0);
  const absent = VERDICTS.filter((verdict) => !there.includes(verdict));
  const row = (verdict: Verdict): Cell[] => [
    { html: `<b>${verdict}</b>` },
    { html: `<span class="meta">${VERDICT[verdict].meaning}</span>` },
    { html: count(assessment.verdicts[verdict].files), numeric: true, label: 'files' },
    { html: bytes(assessment.verdicts[verdict].bytes), numeric: true },
    { html: count(assessment.directories[verdict]), numeric: true, label: 'directories' },
  ];
  const total = VERDICTS.reduce((sum, verdict) => sum + assessment.verdicts[verdict].bytes, 0);
  return section(
    'Every path is in one class',
    table(
      'list verdicts',
      [
        { html: 'Verdict' },
        { html: 'Meaning' },
        { html: 'Files', numeric: true },
        { html: 'Bytes', numeric: true },
        { html: 'Directories', numeric: true },
      ],
      there.map(row),
      [
        { html: 'everything' },
        { html: '' },
        { html: count(assessment.universe.paths), numeric: true },
        { html: bytes(total), numeric: true },
        { html: count(assessment.universe.directories), numeric: true },
      ],
    ) +
      (absent.length > 0
        ? `<p class="small dim">None: ${absent.join(', ')}. \u201cFiles\u201d are all that is not a directory.</p>`
        : ''),
  );
}
