// The lists of report.html: what is lost, what comes back from where, what is open, what only looks gone. Bounded, with
// the file that holds the rest.
import { fate, isUncertain, probablyByPerson, sizeOf } from '../../../domain/picture.ts';
import type { Assessment, Finding } from '../../../domain/assessment.ts';
import { listedAs, LOSSES, VERDICT, type Verdict } from '../../../domain/verdicts.ts';
import { FLAG } from '../../../domain/judge/flags.ts';
import { isDisplaced } from '../../../domain/places.ts';
import { moves } from '../present.ts';
import { bytes, count, plural, time } from '../wording.ts';
import { type Cell, escape, name, table } from './html.ts';

/** Lines of one list on paper; the files beside the report hold all. */
export const LIST_MAX = 200;
/** Lines of a list of ordinary change, which is shown as a sample. */
const ORDINARY_MAX = 40;

function between(finding: Finding): string {
  const { lastSeen = null, firstGone = null } = finding.between ?? {};
  if (lastSeen === null && firstGone === null) return '';
  const seen = lastSeen === null ? '' : `last good ${time(lastSeen)}`;
  const word = finding.found === null ? 'gone' : 'otherwise';
  return [seen, firstGone === null ? '' : `${word} by ${time(firstGone)}`].filter((part) => part !== '').join(', ');
}

function source(finding: Finding): string {
  if (finding.linkTo !== null) return `link to ${name(finding.linkTo)}, which has the same content`;
  if (finding.source === null) return finding.recovery === 'none' ? 'no copy anywhere' : '';
  const other = finding.source.path === finding.path ? '' : `, there called ${name(finding.source.path)}`;
  const grade = finding.recovery === 'older' ? 'older version, from' : 'from';
  const proof = finding.source.proof === 'export' ? ' (read on its own host)' : '';
  return `${grade} ${name(finding.source.snapshot)}${other}${proof}`;
}

function why(finding: Finding, withSignals: boolean): string {
  if (finding.cause === null || finding.verdict === 'deleted') return '';
  const cause = finding.cause.cause === 'person' ? 'probably a person' : finding.cause.cause;
  const signals = withSignals ? finding.cause.signals.map(escape).join(', ') : '';
  return `cause: ${cause}${signals === '' ? '' : ` (${signals})`}`;
}

function wentTo({ verdict, path }: Finding, to: string): string {
  if (verdict === 'deleted') return 'now in';
  return isDisplaced(path, to) ? 'a file system repair put it at' : 'may have moved to';
}

function evidence(finding: Finding): string[] {
  const parts: string[] = [];
  if (finding.movedTo !== null) parts.push(`${wentTo(finding, finding.movedTo)} ${name(finding.movedTo)}`);
  if (finding.errno !== null) parts.push(escape(finding.errno));
  if (finding.below !== null) parts.push(`below ${name(finding.below)}`);
  const was = finding.expected?.digest ?? null;
  const is = finding.found?.digest ?? null;
  if (was !== null && is !== null && was !== is) parts.push(`XXH64 was ${name(was)}, is ${name(is)}`);
  if (finding.flags.length > 0) parts.push(escape(finding.flags.join(', ')));
  if (finding.accepted !== null) parts.push(`accepted: ${escape(finding.accepted.reason)}`);
  return parts;
}

/** What is said of a finding besides its path: where from, since when, why. HTML. */
function note(finding: Finding, withSignals: boolean): string {
  return [source(finding), between(finding), why(finding, withSignals), ...evidence(finding)]
    .filter((part) => part !== '')
    .join(' \u00b7 ');
}

/** Findings that share their note stand below it once; fewer than this keep it to themselves. */
const SHARED_MIN = 3;

function entry(finding: Finding, own: string): string {
  const mark = finding.kind === 'directory' ? '/' : '';
  const kind =
    finding.kind === 'file' || finding.kind === 'directory' ? '' : ` <span class="dim">${finding.kind}</span>`;
  const size = finding.kind === 'file' ? bytes(sizeOf(finding)) : '';
  const meta = own === '' ? '' : `<div class="meta">${own}</div>`;
  return `<tr><td>${name(finding.path)}${mark}${kind}${meta}</td><td class="n">${size}</td></tr>`;
}

/**
 * Rows of up to `max` findings, in the order of paths, those that tell the same story together. Signals name
 * directories and differ from one to the next: they are printed where all of a group agree, and stand in findings.jsonl
 * for each.
 */
function rows(findings: readonly Finding[], max: number): string {
  const stories = new Map<string, { total: number; signals: string; agree: boolean; shown: Finding[] }>();
  findings.forEach((finding, index) => {
    const key = note(finding, false);
    const signals = finding.cause?.signals.join('\n') ?? '';
    const story = stories.get(key) ?? { total: 0, signals, agree: true, shown: [] };
    story.total += 1;
    story.agree &&= story.signals === signals;
    if (index < max) story.shown.push(finding);
    stories.set(key, story);
  });
  const groups: string[] = [];
  const single: Finding[] = [];
  for (const [key, story] of stories) {
    const [first] = story.shown;
    if (first === undefined) continue;
    if (key === '' || story.total < SHARED_MIN) {
      single.push(...story.shown);
      continue;
    }
    const text = note(first, story.agree);
    groups.push(`<tr class="sub"><td colspan="2">${plural(story.total, 'entry', 'entries')}: ${text}</td></tr>`);
    groups.push(...story.shown.map((finding) => entry(finding, '')));
  }
  return [...groups, ...single.map((finding) => entry(finding, note(finding, true)))].join('\n');
}

interface Section {
  readonly title: string;
  readonly text: string;
  readonly findings: readonly Finding[];
  readonly file: string;
  readonly max: number;
}

function render(section: Section): string {
  const { findings, max, file } = section;
  if (findings.length === 0) return '';
  const more =
    findings.length > max
      ? `<p class="small">${plural(findings.length - max, 'more line')}, not printed: all of them are in <code>${file}</code>.</p>`
      : '';
  return [
    `<h3>${section.title}: ${count(findings.length)}</h3>`,
    section.text === '' ? '' : `<p class="small dim">${section.text}</p>`,
    `<table class="paths"><tbody>${rows(findings, max)}</tbody></table>`,
    more,
  ].join('\n');
}

function renderMoves(assessment: Assessment): string {
  const all = moves(assessment);
  if (all.length === 0) return '';
  const lines = all
    .slice(0, LIST_MAX)
    .map((move): Cell[] => [
      { html: `${name(move.from)} \u2192 ${name(move.to)}` },
      { html: move.files > 1 ? plural(move.files, 'file') : '', numeric: true },
    ]);
  const more =
    all.length > LIST_MAX
      ? `<p class="small">${plural(all.length - LIST_MAX, 'more line')}, not printed: all of them are in <code>findings.jsonl</code>.</p>`
      : '';
  return [
    `<h3>Moved: ${plural(assessment.verdicts.moved.files, 'file')}</h3>`,
    '<p class="small dim">Not lost: the same content has another name now. Nothing is restored.</p>',
    table('paths', [{ html: 'From \u2192 to' }, { html: 'Files', numeric: true }], lines),
    more,
  ].join('\n');
}

function title(verdict: Verdict): string {
  return `${verdict.charAt(0).toUpperCase()}${verdict.slice(1)}`;
}

/** All lists, as HTML, losses first. Empty where nothing differs. */
export function renderLists(assessment: Assessment): string {
  const { findings } = assessment;
  const first = [...lost(findings), ...undecided(findings), ...others(findings)];
  return [...first.map(render), renderMoves(assessment), ...ordinary(findings).map(render)]
    .filter((html) => html !== '')
    .join('\n');
}

const ofVerdict = (findings: readonly Finding[], verdict: Verdict): Finding[] =>
  findings.filter((finding) => finding.verdict === verdict);

/** A list of findings.jsonl. */
function listed(heading: string, text: string, findings: readonly Finding[]): Section {
  return { title: heading, text, findings, file: 'findings.jsonl', max: LIST_MAX };
}

function lost(findings: readonly Finding[]): Section[] {
  const gone = findings.filter((finding) => fate(finding) === 'lost');
  const back = findings.filter((finding) => fate(finding) === 'restorable');
  const plainly = back.filter((finding) => !probablyByPerson(finding) && !isUncertain(finding));
  return [
    {
      ...listed('Lost for good', 'No copy is left in any snapshot. Everything known of them is in lost.jsonl.', gone),
      file: 'lost.jsonl',
    },
    ...LOSSES.map((verdict) =>
      listed(
        `${title(verdict)}, restorable`,
        `${title(verdict)}: ${VERDICT[verdict].meaning}.`,
        ofVerdict(plainly, verdict),
      ),
    ),
    listed(
      'Probably deleted by a person',
      'Their directory changed at that time, and nothing points to a loss. Not restored unless you add <code>--person-deleted</code>.',
      back.filter(probablyByPerson),
    ),
    listed(
      'Uncertain',
      'They vanished among real losses, and may have been deleted on purpose. Not restored unless you add <code>--uncertain</code>.',
      back.filter((finding) => isUncertain(finding)),
    ),
  ];
}

function undecided(findings: readonly Finding[]): Section[] {
  return [
    listed(
      "Two copies differ, and Rollcall can't tell which is right",
      'Not restored automatically. Look at both by hand; both digests are shown.',
      findings.filter((finding) => fate(finding) === 'open' && finding.flags.includes(FLAG.sideUnknown)),
    ),
    ...listedAs('undecided').map((verdict) =>
      listed(title(verdict), `${title(verdict)}: ${VERDICT[verdict].meaning}.`, ofVerdict(findings, verdict)),
    ),
  ];
}

function others(findings: readonly Finding[]): Section[] {
  return [
    listed(
      'Accepted by a person',
      '',
      findings.filter((finding) => fate(finding) === 'fine' && finding.accepted !== null),
    ),
    ...listedAs('backup').map((verdict) =>
      listed(
        title(verdict),
        `${title(verdict)}: ${VERDICT[verdict].meaning}. The live file is as it should be.`,
        ofVerdict(findings, verdict),
      ),
    ),
  ];
}

function ordinary(findings: readonly Finding[]): Section[] {
  return listedAs('ordinary').map((verdict) => ({
    ...listed(
      title(verdict),
      `${title(verdict)}: ${VERDICT[verdict].meaning}. Nothing is restored.`,
      ofVerdict(findings, verdict),
    ),
    max: verdict === 'deleted' ? LIST_MAX : ORDINARY_MAX,
  }));
}
