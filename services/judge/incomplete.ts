// What could not be read, in sentences: live, and in the newest snapshot of each series.
import { grouped } from '../../domain/grouped.ts';
import type { Finding } from '../../domain/assessment.ts';
import { detailSaysMore, errnoText } from '../../domain/errno.ts';
import type { Observer } from '../../domain/facts.ts';
import { isBrickVerdict, reasonOf } from '../../domain/gluster/evidence.ts';
import { joinPath } from '../../domain/path.ts';
import { hidesNothing, NAMES_UNSEEN } from '../../domain/scan.ts';
import type { StoredGap } from '../catalog/reconciliation.ts';
import type { Unanswered } from './hosts.ts';

/** Live now, and of each series the newest snapshot that is on disk. */
export function newestOf(observers: readonly Observer[]): Map<string, Observer> {
  const newest = new Map<string, Observer>();
  observers.forEach((observer, index) => {
    if (index === observers.length - 1 || (observer.role === 'backup' && observer.scan.pruned === null))
      newest.set(observer.volume, observer);
  });
  return newest;
}

/**
 * One sentence per thing that could not be read, live and in the newest snapshot of each series, and a count of what
 * stayed undecided. A gap that a person accepted is a standing one, and left out.
 */
export function incompleteOf(
  observers: readonly Observer[],
  gaps: readonly StoredGap[],
  findings: readonly Finding[],
  { unmoved, unanswered }: { readonly unmoved: number; readonly unanswered: readonly Unanswered[] },
): string[] {
  const incomplete = unanswered.map(unansweredText);
  const live = observers.length - 1;
  const accepted = new Set(findings.flatMap((finding) => (finding.accepted === null ? [] : [finding.path])));
  for (const observer of newestOf(observers).values()) {
    const isLive = observer.scan.id === observers[live]?.scan.id;
    const where = isLive ? 'live' : `${observer.volume} (${observer.scan.snapshot ?? observer.scan.path})`;
    const own = gaps.filter(
      (gap) =>
        gap.scan === observer.scan.id &&
        gap.status !== 'boundary' &&
        !isBrickVerdict(gap.status) &&
        !(isLive && accepted.has(gapPath(gap))),
    );
    const [unseen, others] = [own.filter(hidesNothing), own.filter((gap) => !hidesNothing(gap))];
    incomplete.push(...unseenSentences(unseen).map((text) => `${where}: ${text}`));
    incomplete.push(...gapSentences(others).map((text) => `${where}: ${text}`));
  }
  const count = (verdict: Finding['verdict'], text: (n: number) => string): void => {
    const n = findings.filter((finding) => finding.verdict === verdict && finding.accepted === null).length;
    if (n > 0) incomplete.push(text(n));
  };
  count('unverified', (n) => `${n} ${n === 1 ? 'path is' : 'paths are'} unverified: a copy could not be read.`);
  count(
    'unsettled',
    (n) => `${n} ${n === 1 ? 'path' : 'paths'} changed during the scan: run again when the volume is quiet.`,
  );
  if (unmoved > 0)
    incomplete.push(
      `${unmoved} ${unmoved === 1 ? 'loss that was found before remains open: this run did not check it' : 'losses that were found before remain open: this run did not check them'}. ` +
        'Name every --backup again; rollcall findings lists them.',
    );
  return incomplete;
}

function unansweredText({ host, copies, looks }: Unanswered): string {
  const parts = [
    ...(copies === 0 ? [] : [`${copies} ${copies === 1 ? 'copy there was' : 'copies there were'} not read`]),
    ...(looks === 0 ? [] : [`${looks} ${looks === 1 ? 'path was' : 'paths were'} not looked at again`]),
  ];
  return `No answer from ${host}: ${parts.join(', and ')}. Check that a worker runs there (rollcall status), then run again.`;
}

/** One sentence for each reason: a brick that is away is one for every directory. */
function unseenSentences(unseen: readonly StoredGap[]): string[] {
  return [...grouped(unseen, whyOf).values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const where =
      group.length === 1 ? (first.directory === '' ? 'its root' : first.directory) : `${group.length} directories`;
    return first.name === NAMES_UNSEEN
      ? [`${whyOf(first)}. What was not seen in ${where} is unknown, and never called missing.`]
      : [`In ${where}: ${whyOf(first)}.`];
  });
}

/**
 * More names than this of one directory with one reason are one sentence: a disk that dies takes thousands, and the
 * findings name each.
 */
const NAMES_IN_FULL_MAX = 3;

/** Whole directories first: each speaks for everything below it. Then what most names share. */
function gapSentences(gaps: readonly StoredGap[]): string[] {
  const groups = grouped(gaps, (gap) =>
    gap.name === '' ? gap.directory : `${gap.directory}\0${gap.status}\0${whyOf(gap)}`,
  );
  const weight = (group: readonly StoredGap[]): number =>
    group[0]?.name === '' ? Number.MAX_SAFE_INTEGER : group.length;
  const sorted = [...groups.values()].toSorted((a, b) => weight(b) - weight(a));
  return sorted.flatMap((group) => {
    const [first] = group;
    if (first === undefined || group.length <= NAMES_IN_FULL_MAX) return group.map(gapSentence);
    const where = first.directory === '' ? 'of its root' : `in ${first.directory}`;
    const what = `${group.length} names ${where}`;
    return first.status === 'unsettled'
      ? [`${what} changed while they were read (${whyOf(first)}).`]
      : [`${what} could not be read (${whyOf(first)}); the findings name each.`];
  });
}

function gapSentence(gap: StoredGap): string {
  const path = gapPath(gap);
  const what = path === '' ? 'its root' : path;
  return gap.status === 'unsettled'
    ? `${what} changed while it was read (${whyOf(gap)}).`
    : `${what} could not be read (${whyOf(gap)})${gap.name === '' ? '; everything below it is unknown' : ''}.`;
}

/** Why something could not be looked at or read, for a person. */
export function whyOf({ errno, detail, status }: Pick<StoredGap, 'errno' | 'detail' | 'status'>): string {
  const says = errno === null ? null : errnoText(errno);
  const reason = reasonOf(detail);
  return (errno !== null && detailSaysMore(errno) ? (reason ?? says) : (says ?? reason)) ?? status;
}

/** Printable path of what could not be looked at. */
export function gapPath(gap: StoredGap): string {
  return gap.name === '' ? gap.directory : joinPath(gap.directory, gap.name);
}
