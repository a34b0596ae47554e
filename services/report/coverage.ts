// What exposure and preflight say: how far the backups of a volume reach, in words and as JSON. Pure.
import {
  type Amount,
  amissOnBricks,
  byDirectory,
  byOwner,
  type Coverage,
  EXPOSED,
  exposedOf,
  onBricks,
  type ProtectingBackup,
  rolledUp,
  shortBy,
  SHORTFALLS,
  type Shortfall,
  sumOf,
} from '../../domain/exposure.ts';
import { BRICK_VERDICTS } from '../../domain/gluster/evidence.ts';
import { iso } from '../../domain/window/timeline.ts';
import { bytes, count, localTime, operand, percent, plural, visible } from './wording.ts';
import { DAY_MS } from '../../domain/lengths.ts';

const DIRECTORIES_MAX = 12;
const OWNERS_MAX = 8;
const UNSEEN_MAX = 5;

const SAYS: Readonly<Record<Shortfall, string>> = {
  none: 'no snapshot has them',
  older: 'snapshots have other content under that name, such as an earlier version',
  'not-looked-at': 'the last scan could not look at them',
  unread: 'never read, so they equal no copy',
  suspect: 'their content changed under the same size and time',
  'copy-not-looked-at': 'a snapshot could not be read at that place',
  'copy-unread': 'a snapshot has a copy of that size, and nobody has read it',
  'read-long-ago': 'the copy was read too long ago, or in a snapshot that is gone',
};

export function exposureLines(coverage: Coverage, { nowMs, program }: { nowMs: number; program: string }): string[] {
  const exposed = exposedOf(coverage);
  const sum = sumOf(exposed);
  const name = visible(coverage.volume);
  const amiss = amissLines(coverage);
  const lines =
    sum.files === 0
      ? [...amiss, `${name}: no ${amiss.length > 0 ? 'other ' : ''}file is known to be without a copy.`]
      : [
          ...amiss,
          `${name}: if it were lost now, ${plural(sum.files, 'file')} (${bytes(sum.bytes)}) would be lost with it: ${percent(sum.files, coverage.all.files)} of ${count(coverage.all.files)}.`,
        ];
  lines.push(...knowledgeLines(coverage, nowMs), ...coveredLines(coverage));
  for (const shortfall of EXPOSED) lines.push(...shortLine(coverage, shortfall));
  if (coverage.oldest !== null)
    lines.push(
      `  not changed for the longest: ${visible(coverage.oldest.path)}, since ${localTime(iso(coverage.oldest.changedMs))}`,
    );
  if (sum.files > 0) lines.push(...placesLines(exposed));
  lines.push(...unknownLines(coverage));
  // A backup looks through the mount, which may destroy what is hidden.
  if (amiss.length > 0) lines.push(`Next: ${program} preflight ${operand(coverage.volume)} (begins with the rescue)`);
  else if (sum.files > 0) lines.push(`Next: run the backup, then ${program} preflight ${operand(coverage.volume)}`);
  else if (unknownLines(coverage).length > 0)
    lines.push(`Next: ${program} preflight ${operand(coverage.volume)} (names the commands that fill the gaps)`);
  return lines;
}

export function preflightLines(
  coverage: Coverage,
  steps: readonly { readonly why: string; readonly command: string | null }[],
  { nowMs, withinDays }: { readonly nowMs: number; readonly withinDays: number },
): string[] {
  const short = coverage.short.filter(({ files }) => files > 0);
  const sum = sumOf(short);
  const name = visible(coverage.volume);
  const read = `whose bytes were read within ${plural(withinDays, 'day')}`;
  const amiss = amissOnBricks(coverage).length;
  const isWhole = sum.files === 0 && coverage.unseen.length === amiss && coverage.neverScanned.length === 0;
  const lines = [
    ...amissLines(coverage),
    isWhole
      ? `${name}: each of its ${amiss > 0 ? 'other ' : ''}${plural(coverage.all.files, 'file')} has an equal copy ${read}.`
      : sum.files === 0
        ? `${name}: NOT COVERED for certain: something was not looked at.`
        : `${name}: NOT COVERED: ${plural(sum.files, 'file')} (${bytes(sum.bytes)}) of ${count(coverage.all.files)} have no equal copy ${read}.`,
    ...knowledgeLines(coverage, nowMs),
    ...coveredLines(coverage),
    ...SHORTFALLS.flatMap((shortfall) => shortLine(coverage, shortfall)),
  ];
  if (sum.files > 0) lines.push(...placesLines(short));
  lines.push(...unseenLines(coverage));
  for (const { why, command } of steps) lines.push(`Next: ${why}${command === null ? '' : `: ${command}`}`);
  return lines;
}

function amissLines(coverage: Coverage): string[] {
  const { length } = amissOnBricks(coverage);
  if (length === 0) return [];
  return [
    `${visible(coverage.volume)}: NOT SAFE: ${plural(length, 'name is', 'names are')} not as users should see ${length === 1 ? 'it' : 'them'}, though something of ${length === 1 ? 'it' : 'them'} is on the bricks.`,
  ];
}

function knowledgeLines({ lookedMs, host, path, backups, neverScanned, leftOut }: Coverage, nowMs: number): string[] {
  const lines = [`  known from the scan of ${visible(host)}:${visible(path)} of ${ago(lookedMs, nowMs)}`];
  for (const backup of backups) lines.push(`  ${backupText(backup, nowMs)}`);
  for (const name of neverScanned) lines.push(`  INCOMPLETE: backup ${visible(name)} was never scanned`);
  if (backups.length + neverScanned.length === 0) lines.push('  no backup protects it');
  if (leftOut.length > 0)
    lines.push(
      `  not audited, and not counted: ${leftOut.slice(0, UNSEEN_MAX).map(visible).join(', ')}${more(leftOut)}`,
    );
  for (const { name, besideVolume } of backups)
    if (besideVolume)
      lines.push(
        `  WARNING: ${visible(name)} is on the file system of the volume itself: what destroys that file system destroys both`,
      );
  return lines;
}

function backupText(
  { name, host, snapshots, gone, newest, lookedMs, exportedMs }: ProtectingBackup,
  nowMs: number,
): string {
  const kept = `backup ${visible(name)} on ${visible(host)}: ${plural(snapshots, 'snapshot')}`;
  const pruned = gone === 0 ? '' : ` (${count(gone)} more are gone)`;
  const taken = newest === null ? '' : `, the newest of ${localTime(newest)}`;
  const looked = lookedMs === null ? '' : `; last scanned ${ago(lookedMs, nowMs)}`;
  return `${kept}${pruned}${taken}${looked}${exportedMs === null ? '' : `, by an export of ${ago(exportedMs, nowMs)}`}`;
}

function ago(ms: number, nowMs: number): string {
  const days = Math.floor((nowMs - ms) / DAY_MS);
  return `${localTime(iso(ms))}${days < 1 ? '' : ` (${plural(days, 'day')} ago)`}`;
}

function more({ length }: readonly unknown[]): string {
  return length > UNSEEN_MAX ? ` and ${count(length - UNSEEN_MAX)} more` : '';
}

function coveredLines({ covered, elsewhere }: Coverage): string[] {
  const other = elsewhere.files === 0 ? '' : `; ${count(elsewhere.files)} of them under another name only`;
  return [`  with a copy: ${plural(covered.files, 'file')} (${bytes(covered.bytes)})${other}`];
}

function shortLine(coverage: Coverage, shortfall: Shortfall): string[] {
  const { files, bytes: size } = shortBy(coverage, shortfall);
  return files === 0 ? [] : [`  ${plural(files, 'file')} (${bytes(size)}): ${SAYS[shortfall]}`];
}

function unknownLines(coverage: Coverage): string[] {
  const unknown = SHORTFALLS.filter((shortfall) => !EXPOSED.includes(shortfall)).flatMap((shortfall) =>
    shortLine(coverage, shortfall),
  );
  return [
    ...(unknown.length > 0 ? ['INCOMPLETE: nobody can tell whether these have a copy:', ...unknown] : []),
    ...unseenLines(coverage),
  ];
}

const ON_BRICKS = {
  hidden: 'HIDDEN on a brick, and the only copy may be this one',
  unreachable: 'UNREACHABLE: users cannot open its name',
  misplaced: 'MISPLACED: bricks have conflicting copies',
} as const;

function unseenLines(coverage: Coverage): string[] {
  const { unseen } = coverage;
  const other = unseen.filter(({ verdict }) => verdict === null);
  const lines = BRICK_VERDICTS.flatMap((verdict) => {
    const own = onBricks(coverage, verdict);
    return [
      ...own.slice(0, UNSEEN_MAX).map(({ path, why }) => `${ON_BRICKS[verdict]}: ${visible(path)} (${visible(why)})`),
      ...moreLine(own, ON_BRICKS[verdict]),
    ];
  });
  for (const { path, why } of other.slice(0, UNSEEN_MAX))
    lines.push(`INCOMPLETE: ${path === '' ? 'its root' : visible(path)} could not be read (${visible(why)})`);
  return [...lines, ...moreLine(other, 'INCOMPLETE')];
}

function moreLine({ length }: readonly unknown[], what: string): string[] {
  return length > UNSEEN_MAX ? [`${what}: ${count(length - UNSEEN_MAX)} more (--json lists them all)`] : [];
}

function placesLines(short: Coverage['short']): string[] {
  const lines = ['  by directory:'];
  const row = ({ files, bytes: size }: Amount, what: string): string =>
    `    ${count(files).padStart(11)}  ${bytes(size).padStart(8)}  ${what}`;
  for (const one of rolledUp(short, DIRECTORIES_MAX))
    lines.push(row(one, one.directory === '' ? '.' : visible(one.directory)));
  const owners = byOwner(short);
  lines.push('  by owner:', ...owners.slice(0, OWNERS_MAX).map((one) => row(one, `uid ${one.uid}`)));
  if (owners.length > OWNERS_MAX)
    lines.push(row(sumOf(owners.slice(OWNERS_MAX)), `${owners.length - OWNERS_MAX} others`));
  return lines;
}

/** docs/json.md */
export function coverageRecord(coverage: Coverage, listed: Coverage['short']): Record<string, unknown> {
  const time = (ms: number | null): string | null => (ms === null ? null : iso(ms));
  return {
    volume: coverage.volume,
    looked: iso(coverage.lookedMs),
    backups: coverage.backups.map(({ lookedMs, exportedMs, besideVolume, ...backup }) => ({
      ...backup,
      looked: time(lookedMs),
      exported: time(exportedMs),
      beside_volume: besideVolume,
    })),
    never_scanned: coverage.neverScanned,
    all: coverage.all,
    covered: coverage.covered,
    under_another_name: coverage.elsewhere,
    short: Object.fromEntries(
      SHORTFALLS.map((shortfall) => [shortfall.replaceAll('-', '_'), shortBy(coverage, shortfall)]),
    ),
    directories: byDirectory(listed),
    owners: byOwner(listed),
    roots: [{ host: coverage.host, path: coverage.path, ...sumOf(listed) }],
    not_looked_at: coverage.unseen,
    left_out: coverage.leftOut,
  };
}
