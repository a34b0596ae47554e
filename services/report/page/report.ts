// report.html: one page that stands alone, for somebody who was woken: what to stop, what is lost, what comes back,
// what to type next. Pure.
import { needsHistory, type Picture, picture } from '../../../domain/picture.ts';
import type { Assessment } from '../../../domain/assessment.ts';
import { leftOutStep, restoreSteps, STOP_STEPS } from '../commands.ts';
import { askedText, leftTexts } from '../part.ts';
import { type ReportInput, restoredText } from '../present.ts';
import { fits, roomText, tooLittleRoom } from '../room.ts';
import { bytes, count, leftOut, percent, plural, since, time } from '../wording.ts';
import { groups, timeline, verdicts } from './figures.ts';
import { type Cell, command, escape, list, name, section, table } from './html.ts';
import { renderLists } from './lists.ts';
import { STYLE } from './style.ts';

const INCOMPLETE_MAX = 50;
const LEFT_OUT_MAX = 10;

/** The whole page as HTML. Deterministic: the same assessment and input give the same bytes. */
export function renderReport(assessment: Assessment, input: ReportInput): string {
  const seen = picture(assessment);
  const body = [
    head(assessment),
    part(input),
    room(input),
    stop(seen),
    numbers(assessment, seen),
    next(input, seen),
    incomplete(assessment),
    timeline(assessment),
    groups(assessment, input),
    verdicts(assessment),
    section(
      'Conditions',
      // What was trusted stands under Method and limits.
      list(assessment.conditions.filter(({ code }) => code !== 'trusted').map(({ text }) => escape(text))),
    ),
    section('Lists', renderLists(assessment)),
    method(assessment),
  ];
  return [
    '<!DOCTYPE html>',
    '<html lang="en"><head><meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    '<meta name="referrer" content="no-referrer">',
    `<title>Rollcall: ${escape(assessment.livePath)}, ${isoMinute(assessment.createdMs)}</title>`,
    `<style>${STYLE}</style></head><body>`,
    ...body.filter((part) => part !== ''),
    '</body></html>',
    '',
  ].join('\n');
}

function isoMinute(ms: number): string {
  return time(new Date(ms).toISOString());
}

function head(assessment: Assessment): string {
  const against = assessment.series.map(
    (series) =>
      `${name(series.name)} (${plural(series.snapshots, 'snapshot')}${
        series.newest === null ? '' : `, newest ${name(series.newest)}`
      })`,
  );
  const backups = against.length === 0 ? 'its own history; no backup was declared' : against.join(' and ');
  return [
    `<h1>What is lost on ${name(assessment.livePath)}, and what comes back</h1>`,
    `<p class="dim">Assessed ${isoMinute(assessment.createdMs)} UTC against ${backups}. All times are UTC.</p>`,
    assessment.incomplete.length === 0
      ? ''
      : `<p class="warn"><b>This assessment is incomplete:</b> ${escape(assessment.incomplete[0] ?? '')}${
          assessment.incomplete.length > 1 ? ` And ${count(assessment.incomplete.length - 1)} more, below.` : ''
        }</p>`,
  ].join('\n');
}

function part({ part: its }: ReportInput): string {
  if (its === null) return '';
  const { selection, held } = its;
  const asked = askedText(selection);
  return [
    `<div class="warn"><p><b>This bundle holds a part</b>${asked === '' ? '' : ` (${escape(asked)})`}: its restore lists have ${plural(held.files, 'file')}, ${bytes(held.bytes)}. The figures below are of the whole volume.</p>`,
    list(leftTexts(its).map(escape)),
    its.next === null
      ? ''
      : `<p class="small">This command writes the next part, without another scan:</p>${command(its.next)}`,
    '</div>',
  ].join('\n');
}

function room(input: ReportInput): string {
  const short = tooLittleRoom(input);
  return short === null ? '' : `<div class="warn"><p><b>${escape(short.text)}</b></p>${command(short.next)}</div>`;
}

function stop(seen: Picture): string {
  if (!needsHistory(seen)) return '';
  return [
    '<div class="stop"><h2>First stop the nightly backup job and the pruning of snapshots</h2>',
    '<p>Each night that they run destroys history: the damage is copied over good copies, and the snapshots that still hold the lost files are removed. On the backup server, as root:</p>',
    ...STOP_STEPS.map((step) => `<p class="small">${escape(step.why)}</p>${command(step.command)}`),
    '<p class="small">If the storage is still moving data (a rebalance, a rebuild, a balance), stop that first. Then keep people from writing, until the restore is verified.</p></div>',
  ].join('\n');
}

function numbers(assessment: Assessment, seen: Picture): string {
  const files = assessment.universe.paths;
  const box = (kind: string, value: number, what: string, lines: readonly string[]): string =>
    `<div class="${kind}${value === 0 ? ' zero' : ''}"><span class="v">${count(value)}</span><span class="k">${what}</span>` +
    `${lines.map((line) => `<span class="d">${line}</span>`).join('')}</div>`;
  const restorable = [bytes(seen.restorable.bytes)];
  if (seen.older.files > 0) {
    restorable.push(`${count(seen.exact.files)} exactly, ${count(seen.older.files)} only in an older version`);
  } else if (seen.exact.files > 0) restorable.push('all of them exactly');
  const notes: string[] = [];
  if (seen.open.files > 0) {
    const copies =
      seen.openWithCopy.files > 0 ? `; ${count(seen.openWithCopy.files)} of them have a good copy in a backup` : '';
    notes.push(
      `<b>${plural(seen.open.files, 'file')}</b> (${bytes(seen.open.bytes)}) could not be judged: unreadable, changing while they were read, or Rollcall can\u2019t tell which copy is right${copies}.`,
    );
  }
  if (seen.quiet.files > 0) {
    const option =
      seen.sinceAll === null
        ? ''
        : ` Use <code>--since ${escape(since(seen.sinceAll))}</code> to count them as losses.`;
    notes.push(
      `<b>${plural(seen.quiet.files, 'file')}</b> (${bytes(seen.quiet.bytes)}) are treated as ordinary deletions.${option}`,
    );
  }
  if (seen.personDeleted.files > 0) {
    notes.push(
      `<b>${plural(seen.personDeleted.files, 'file')}</b> of the losses ${seen.personDeleted.files === 1 ? 'was' : 'were'} probably deleted by a person: not restored unless you add <code>--person-deleted</code>.`,
    );
  }
  if (seen.uncertain.files > 0) {
    notes.push(
      `<b>${plural(seen.uncertain.files, 'file')}</b> of the losses may have been deleted on purpose (vanished among real losses, and nothing more is known): not restored unless you add <code>--uncertain</code>.`,
    );
  }
  if (seen.silent.files > 0) {
    notes.push(
      `<b>${plural(seen.silent.files, 'file')}</b> of the losses ${seen.silent.files === 1 ? 'is' : 'are'} silent: nobody deleted or changed ${seen.silent.files === 1 ? 'it' : 'them'} through the file system.`,
    );
  }
  const restored = restoredText(assessment);
  if (restored !== null) notes.push(escape(restored));
  if (seen.directoriesRestorable + seen.directoriesLost > 0) {
    notes.push(
      `<b>${plural(seen.directoriesRestorable + seen.directoriesLost, 'directory', 'directories')}</b> gone as well, counted apart.`,
    );
  }
  return [
    '<div class="three">',
    box('lost', seen.lost.files, 'lost for good', [
      bytes(seen.lost.bytes),
      `${escape(percent(seen.lost.files, files))} of ${plural(files, 'file')}`,
    ]),
    box('rest', seen.restorable.files, 'restorable', restorable),
    box('fine', seen.fine.files, 'still fine', [bytes(seen.fine.bytes), escape(percent(seen.fine.files, files))]),
    '</div>',
    list(notes),
  ].join('\n');
}

function next(input: ReportInput, seen: Picture): string {
  return section('What to do next', [...before(input), ...stepsOf(input, seen), ...listsOf(input, seen)].join('\n'));
}

/** What to know before the first command: room, what is left out, and copies that failed. */
function before(input: ReportInput): string[] {
  const parts: string[] = [];
  if (input.needed.inodes > 0 || input.needed.bytes > 0) {
    const short = fits(input) === false;
    parts.push(
      `<p${short ? ' class="warn"' : ''}>The restore needs ${escape(roomText(input))}.${short ? ' <b>That is not enough.</b>' : ''}</p>`,
    );
  }
  if (input.leftOut.length > 0) {
    const items = input.leftOut.slice(0, LEFT_OUT_MAX).map((each) => escape(`${leftOut(each)} ${each.remedy ?? ''}`));
    const more = input.leftOut.length - items.length;
    if (more > 0) items.push(`More for ${count(more)} other reasons: findings.jsonl has all.`);
    parts.push(`<div class="warn">${list(items)}</div>`);
  }
  if (input.fallenBack > 0) {
    parts.push(
      `<p><b>${plural(input.fallenBack, 'entry', 'entries')}</b> come from the next best copy, because the best one could not be read any more: <code>insteadOf</code> in <code>manifest.jsonl</code> says which.</p>`,
    );
  }
  return parts;
}

function stepsOf(input: ReportInput, seen: Picture): string[] {
  const steps = restoreSteps(input);
  if (steps.length > 0) {
    return [
      `<ol class="steps">${steps.map((step) => `<li>${escape(step.why)}${command(step.command)}</li>`).join('')}</ol>`,
      '<p class="small dim">Nothing in the target is overwritten, except damaged files with <code>--damaged</code>, while they still are what was assessed; what is replaced is kept in evidence/ of the bundle. README.txt in the bundle says more.</p>',
      ...(input.remote
        ? ['<p class="small">The snapshots are on another machine: put its name for <code>HOST</code>.</p>']
        : []),
    ];
  }
  const left = input.bundle === null ? null : leftOutStep({ ...input, bundle: input.bundle }, seen);
  if (left !== null) {
    const { text, step } = left;
    return [`<p>${escape(text)}</p>`, `<ol class="steps"><li>${escape(step.why)}${command(step.command)}</li></ol>`];
  }
  return seen.restorable.files + seen.directoriesRestorable === 0 ? ['<p>There is nothing to restore.</p>'] : [];
}

function listsOf(input: ReportInput, seen: Picture): string[] {
  if (input.lists.length === 0) return [];
  const rows = input.lists.map((each): Cell[] => [
    { html: each.inTarget ? 'the volume itself' : name(each.snapshot) },
    { html: each.inTarget ? 'now' : escape(time(each.asOf)), label: 'taken' },
    { html: each.kind },
    { html: count(each.files), numeric: true, label: 'files' },
    { html: bytes(each.bytes), numeric: true },
    { html: name(each.file) },
  ]);
  const head: Cell[] = [
    { html: 'Snapshot' },
    { html: 'Taken' },
    { html: 'Kind' },
    { html: 'Files', numeric: true },
    { html: 'Bytes', numeric: true },
    { html: 'List' },
  ];
  const hasMore = seen.restorable.files > 0 && input.directories + input.links > 0;
  return [
    table('list lists', head, rows),
    ...(hasMore
      ? [
          `<p class="small dim">Besides: ${plural(input.directories, 'directory', 'directories')} created again, ${plural(input.links, 'name')} hard-linked to a surviving name.</p>`,
        ]
      : []),
  ];
}

function incomplete(assessment: Assessment): string {
  if (assessment.incomplete.length === 0) return '';
  const items = assessment.incomplete.slice(0, INCOMPLETE_MAX).map(escape);
  const more = assessment.incomplete.length - items.length;
  if (more > 0) items.push(`${plural(more, 'more line')} in summary.json`);
  return section('This assessment is incomplete', `<p>It says nothing about files below these:</p>${list(items)}`);
}

function method(assessment: Assessment): string {
  const trusted =
    assessment.bytesTrusted === 0
      ? 'Nothing was taken on trust from an earlier reading.'
      : `${bytes(assessment.bytesTrusted)} were not read again, because the copy is demonstrably the one that was read before (same inode, size, times)${
          assessment.trustedSince === null ? '' : `, the oldest of them ${escape(time(assessment.trustedSince))}`
        }. Rot below an unchanged inode is found by reading again only: <code>--reread</code>.`;
  return section(
    'Method and limits',
    list([
      `${bytes(assessment.bytesRead)} were read. ${trusted}`,
      'Contents are compared by XXH64 and size. That finds corruption and accidents, not tampering: somebody who can write both the files and this page can forge both.',
      'A path counts as gone only where its directory was listed completely and a lookup of the name says that there is nothing. Whatever could not be read is called unreadable, never missing.',
      '\u201cExact\u201d means equal to the last good state that any scan saw, as known at that time. A file that was created and lost between two scans was seen by none, and appears nowhere here.',
      'Names are shown in printable form: <code>\\x0a</code> is a newline, <code>\\\\</code> a backslash. The restore lists hold the real bytes.',
      `Scan ${escape(String(assessment.liveScan.id))} of ${name(assessment.volume)}, as of ${escape(time(assessment.liveScan.asOf))}.`,
    ]),
  );
}
