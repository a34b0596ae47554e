// README.txt of a bundle: what it is, what to stop, what lies in it, how to apply it in order, what stays away and why.
// Pure.
import { needsHistory, type Picture, picture } from '../../domain/picture.ts';
import type { Assessment } from '../../domain/assessment.ts';
import { leftOutStep, rescueScript, restoreSteps, STOP_STEPS } from './commands.ts';
import { askedText, leftTexts } from './part.ts';
import { type ListSummary, type ReportInput, restoredText } from './present.ts';
import { roomText, tooLittleRoom } from './room.ts';
import { bytes, count, leftOut, plural, since, time, wrapped } from './wording.ts';

const WIDTH = 78;
const LEFT_OUT_MAX = 10;

/** Paragraph of at most 78 columns; a word that is longer stands alone and whole, because it may be a path to copy. */
function wrap(text: string, indent = '', first = indent): string[] {
  return wrapped(text, { width: WIDTH, indent, first });
}

function heading(text: string): string[] {
  return ['', text, '-'.repeat(text.length)];
}

function item(term: string, text: string): string[] {
  return wrap(text, ' '.repeat(24), `  ${term}${' '.repeat(Math.max(2, 22 - term.length))}`);
}

function contents(input: ReportInput): string[] {
  return [
    ...item('report.html', 'the same for a browser and for paper, with the timeline and the lists'),
    ...item('summary.json', 'all counts, for programs'),
    ...item('restore.sh', 'restores the files; a dry run unless --apply is given'),
    ...item(
      'manifest.jsonl',
      'every file to restore: path, size, digest, times, owner, mode, source, one JSON object a line',
    ),
    ...item('findings.jsonl', 'every path that is not intact, with its verdict and the evidence'),
    ...item('lost.jsonl', 'files of which no copy is left, with everything that is known about them'),
    ...item(
      'by-owner/UID.txt, .csv',
      'what each owner lost and gets back, to send on; owners.csv lists them all (in a spreadsheet, an apostrophe before = + - @ was put there by Rollcall)',
    ),
    ...(input.rescue === null
      ? []
      : [
          ...item(
            'rescue/rescue.sh',
            input.rescue.hosts.length === 0
              ? 'copies hidden files off the bricks, and back through the mount; its lists are beside it'
              : 'puts back through the mount what was copied off the bricks; its lists are beside it',
          ),
          ...input.rescue.hosts.flatMap((host) =>
            item(
              `rescue/${rescueScript(host)}`,
              `copies hidden files off the bricks of ${host}: run it there, as root`,
            ),
          ),
        ]),
    ...item('SHA256SUMS', 'digests of everything here; restore.sh holds its lists against it before it starts'),
    ...item('lists/NN-*.files0', 'names to copy from one snapshot, each ended by NUL, for rsync -0 --files-from'),
    ...item('lists/NN-*.pairs0', 'files that come from another name in the snapshot or the volume'),
    ...item('lists/NN-*.links0', 'names to be hard-linked to a surviving name with the same content'),
    ...item('lists/NN.dirs0', 'missing directories, shallow first'),
    ...item(
      'lists/NN.xxh64',
      'digests for xxhsum -c; names with a line break are left out (old xxhsum cannot read them)',
    ),
    ...(input.lists.length === 0
      ? []
      : [
          '',
          ...input.lists.flatMap((list) =>
            item(list.file, `${plural(list.files, 'file')}, ${bytes(list.bytes)}, ${fromText(list)}`),
          ),
        ]),
  ];
}

function fromText({ inTarget, snapshot, asOf }: ListSummary): string {
  return inTarget ? 'from the volume itself (lost+found, or a copy)' : `from ${snapshot} (taken ${time(asOf)} UTC)`;
}

function apply(input: ReportInput, seen: Picture): string[] {
  // From within the bundle: it may have been moved since it was written.
  const steps = restoreSteps({ ...input, targetHost: null, bundle: input.bundle === null ? null : '.' });
  const left = leftOutStep({ ...input, bundle: '.' }, seen);
  if (steps.length === 0 && left !== null) return [...wrap(left.text), '', `     ${left.step.command}`];
  if (steps.length === 0) return wrap('There is nothing to put back in this bundle.');
  return [
    ...wrap(
      input.targetHost === null
        ? 'In this directory, as root (else owners cannot be set):'
        : `On ${input.targetHost}, where the volume is, in this directory (rsync -a takes it there), as root (else owners cannot be set):`,
    ),
    ...steps.flatMap((step, index) => ['', ...wrap(`${index + 1}. ${step.why}`), '', `     ${step.command}`]),
    '',
    ...wrap(
      'restore.sh needs rsync 3.2.4 or newer, GNU xargs and sha256sum, and looks for them first. It creates what is missing and nothing else: ' +
        'a name that exists in the target is left alone and listed. --damaged replaces a file only if it still is what was assessed, and keeps the ' +
        'replaced one in evidence/ here. --older takes the newest copy that is left where something newer is known to have existed. ' +
        'A name that somebody creates while rsync transfers that very file is replaced: stop everything that writes until the end.',
    ),
    ...(input.remote
      ? ['', ...wrap('The snapshots are on another machine: put its name for HOST. The copy goes over ssh.')]
      : []),
    '',
    ...wrap(
      'It refuses to run when somebody else can write to this bundle, or when a list was changed. Keep it where only root can write.',
    ),
    '',
    ...wrap(
      'On GlusterFS: bricks before mounts. Looking a name up through a client mount, read-only or not, can delete the last copy of a file after an interrupted rebalance. ' +
        'Stop all writing, scan the bricks, rescue what is hidden on them, then restore with --bricks-rescued, and verify with --bricks-rescued. Never restore onto a brick. ' +
        'A target on another FUSE, NFS or SMB mount needs --not-gluster.',
    ),
  ];
}

function away(assessment: Assessment, input: ReportInput): string[] {
  const seen = picture(assessment);
  const lines: string[] = [];
  const tell = (files: number, text: string): void => {
    if (files > 0) lines.push(...wrap(`${plural(files, 'file')} ${text}`, '    ', '  - '));
  };
  tell(seen.lost.files, '(lost.jsonl): no snapshot holds a copy.');
  tell(
    seen.personDeleted.files,
    'probably deleted by a person: the directory changed at that time, and nothing points to a loss. Add --person-deleted to restore them.',
  );
  tell(
    seen.uncertain.files,
    'that may have been deleted on purpose: they vanished among real losses, and nothing more is known. Add --uncertain to restore them.',
  );
  tell(
    seen.sideUnknown.files,
    "that differ from the only copy: Rollcall can't tell which copy is right. Compare both, then assess again with --side backup, or accept.",
  );
  tell(
    seen.open.files - seen.sideUnknown.files,
    'that could not be judged (unreadable, changing, or a copy could not be read).',
  );
  tell(
    seen.quiet.files,
    `treated as ordinary deletions.${seen.sinceAll === null ? '' : ` Assess again with --since ${since(seen.sinceAll)} to count them as losses.`}`,
  );
  tell(assessment.verdicts.moved.files, 'moved: the same content has another name now.');
  tell(
    input.fallenBack,
    'restored from the next best copy, because the best one could not be read any more: insteadOf in manifest.jsonl.',
  );
  for (const group of input.leftOut.slice(0, LEFT_OUT_MAX))
    lines.push(...wrap(`${leftOut(group)}${group.remedy === null ? '' : ` ${group.remedy}`}`, '    ', '  - '));
  if (input.leftOut.length > LEFT_OUT_MAX)
    lines.push(`  - more for ${count(input.leftOut.length - LEFT_OUT_MAX)} other reasons; findings.jsonl has all`);
  return lines.length === 0 ? ['  - nothing was left out'] : lines;
}

function room(input: ReportInput): string[] {
  const short = tooLittleRoom(input);
  return short === null ? [] : ['', ...wrap(short.text), '', `     ${short.next}`];
}

function part({ part: its }: ReportInput): string[] {
  if (its === null) return [];
  const { selection, held, next } = its;
  const asked = askedText(selection);
  return [
    '',
    ...wrap(
      `THIS BUNDLE HOLDS A PART${asked === '' ? '' : ` (${asked})`}: its lists have ${plural(held.files, 'file')}, ${bytes(held.bytes)}. The counts below are of the whole volume.`,
    ),
    ...leftTexts(its).flatMap((text) => wrap(text, '    ', '  - ')),
    ...(next === null
      ? []
      : ['', ...wrap('This command writes the next part, without another scan:'), '', `     ${next}`]),
  ];
}

/** How the lost went, as far as that is known; each is a part of the losses. */
function waysText({ silent, uncertain, personDeleted }: Picture): string[] {
  return [
    ...(silent.files > 0
      ? [`silently lost or damaged, not through the file system: ${plural(silent.files, 'file')}`]
      : []),
    ...(uncertain.files > 0
      ? [`perhaps deleted on purpose: ${plural(uncertain.files, 'file')} (restored only with --uncertain)`]
      : []),
    ...(personDeleted.files > 0
      ? [`probably deleted by a person: ${plural(personDeleted.files, 'file')} (restored only with --person-deleted)`]
      : []),
  ];
}

function stop(): string[] {
  return [
    ...heading('First stop'),
    ...wrap(
      'Stop the nightly backup job and the pruning of snapshots, on the backup server, before anything else. Each night that they run destroys history.',
    ),
    ...STOP_STEPS.flatMap((step) => ['', ...wrap(`${step.why}:`), '', `     ${step.command}`]),
    '',
    ...wrap(
      'If the storage is still moving data (a rebalance, a rebuild), stop that first. Then keep people from writing.',
    ),
  ];
}

/** The whole text, lines ended by newline. Own words are ASCII; names stand in printable form, never raw. */
export function renderReadme(assessment: Assessment, input: ReportInput): string {
  const seen = picture(assessment);
  const restored = restoredText(assessment);
  const lines = [
    'Rollcall restore bundle',
    '=======================',
    '',
    ...wrap(
      `What was lost on ${assessment.livePath}, assessed ${time(new Date(assessment.createdMs).toISOString())} UTC, and how to put it back. ` +
        'This directory is complete in itself: only the check at the end needs Rollcall. Names are printed in a form of their own: \\x0a is a newline, \\\\ a backslash.',
    ),
    ...(assessment.incomplete.length === 0
      ? []
      : [
          '',
          ...wrap('THE ASSESSMENT IS INCOMPLETE. It says nothing about files below these:'),
          ...assessment.incomplete.slice(0, 20).flatMap((text) => wrap(text, '    ', '  - ')),
          ...(assessment.incomplete.length > 20
            ? [`  - ${count(assessment.incomplete.length - 20)} more in summary.json`]
            : []),
        ]),
    ...room(input),
    ...part(input),
    ...(needsHistory(seen) ? stop() : []),
    ...heading('What is lost, what comes back'),
    `  lost for good   ${count(seen.lost.files).padStart(12)} files  ${bytes(seen.lost.bytes).padStart(9)}`,
    `  restorable      ${count(seen.restorable.files).padStart(12)} files  ${bytes(seen.restorable.bytes).padStart(9)}`,
    `  still fine      ${count(seen.fine.files).padStart(12)} files  ${bytes(seen.fine.bytes).padStart(9)}`,
    '',
    ...waysText(seen).flatMap((text) => wrap(text, '    ', '  - ')),
    ...(restored === null ? [] : wrap(restored)),
    ...wrap(`The restore needs ${roomText(input)}.`),
    ...heading('How to apply it, in this order'),
    ...apply(input, seen),
    ...heading('What is not restored, and why'),
    ...away(assessment, input),
    ...heading('What is in this directory'),
    ...contents(input),
    ...heading('How far to trust it'),
    ...wrap(
      'Contents are compared by XXH64 and size: that finds corruption, not tampering. "Exact" means equal to the last good state that any scan saw. ' +
        'A file that was created and lost between two scans was seen by none and appears nowhere here.',
    ),
  ];
  return `${lines.map((line) => line.trimEnd()).join('\n')}\n`;
}
