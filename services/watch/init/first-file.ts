// The first rollcall.yaml: what was found, with comments that say why each line is as it is.
import { stringify } from 'yaml';
import { placesIn } from '../../../domain/gluster/brick-places.ts';
import { isBricks } from '../../../domain/gluster/named.ts';
import { baseName } from '../../../domain/path.ts';
import { DAY_MS } from '../../../domain/lengths.ts';
import { durationText, rateText } from '../../../domain/watch/units.ts';
import { iso } from '../../../domain/window/timeline.ts';
import { bytes, localTime, plural, visible, wrapped } from '../../report/wording.ts';
import type { LookedAtBackup, Looked, LookedAtLive, Storage } from './look.ts';
import { HOUR_MS } from '../../../domain/lengths.ts';

const LEFT_OUT_MAX = 4;
const SCRUB_DAYS = 30;
/** Of a disk that people work on at the same time. */
const BUDGET = 50_000_000;
const NIGHT = '22:00-06:00';
const NIGHT_S = 8 * 3600;

export interface FileOptions {
  readonly host: string;
  readonly timeZone: string;
  readonly nowMs: number;
  readonly notGluster: boolean;
  readonly bricksRescued: boolean;
}

export function firstFile({ live, backups }: Looked, options: FileOptions): string {
  const name = nameOf(live.instead?.volume ?? live.path, [options.host, live.host, ...backups.map(({ host }) => host)]);
  const names = backups.map((_, at) => `${name.slice(0, 50)}-backup${at === 0 ? '' : `-${at + 1}`}`);
  const lines = [
    `# Written by rollcall init on ${options.host}, ${localTime(iso(options.nowMs))}. Change what does not fit, then:`,
    '#',
    '#   rollcall apply -f FILE --check     what would change',
    '#   rollcall apply -f FILE             apply it',
    '#   rollcall serve                     watch; it runs all the time',
    '#',
    '# All fields: rollcall config --schema, and rollcall.example.yaml.',
    '',
    '# Times of day are of this zone.',
    `time_zone: ${text(options.timeZone)}`,
    '',
    '# Restore bundles of losses, written as the losses are found. Without this line: rollcall bundle.',
    '# bundles: { directory: /var/lib/rollcall/bundles }',
    '',
    'volumes:',
    ...volumeLines(name, live, names, options),
    '',
    ...(backups.length === 0
      ? ['# No backup was named: losses are reported, and nothing can be restored.', 'backups: {}']
      : ['backups:', ...backups.flatMap((one, at) => backupLines(names[at] ?? '', one))]),
    '',
    ...HOOKS,
  ];
  return `${lines.map((line) => visible(line)).join('\n')}\n`;
}

const HOOKS = [
  '# Who is notified. Without hooks, only rollcall status and rollcall incidents show what there is. To use these lines,',
  '# remove "# " from each, and change them. Secrets stay in variables or files; rollcall.example.yaml has more kinds.',
  '# hooks:',
  '#   admins:',
  '#     type: mail',
  '#     from: rollcall@example.org',
  '#     to: [admin@example.org]',
  '#     server: smtp://mail.example.org:587',
  '#     user: rollcall',
  '#     password: file:/etc/rollcall/secrets/mail',
  '#',
  '# One message a day, of everything that was not sent at once.',
  '# digest: { at: 07:00, hooks: [admins] }',
];

function volumeLines(
  name: string,
  { host, path, storage, instead }: LookedAtLive,
  backups: readonly string[],
  { notGluster, bricksRescued }: FileOptions,
): string[] {
  return [
    `  ${text(name)}:`,
    `    host: ${text(host)}`,
    ...comment(storage === null ? `Not looked at: it is on ${host}.` : `On ${storageText(storage)}.`),
    ...(instead === null ? [] : insteadLines(instead)),
    isBricks(path) ? `    bricks: [${placesIn(path).map(text).join(', ')}]` : `    path: ${text(path)}`,
    `    backups: [${backups.map(text).join(', ')}]`,
    '    # excludes: [/scratch/, "*.tmp"]   # as in .gitignore',
    ...(notGluster && !isBricks(path) ? ['    not_gluster: true   # as --not-gluster said'] : []),
    ...(bricksRescued && !isBricks(path)
      ? ['    bricks_rescued: true   # as --bricks-rescued said; take it out before a rebalance']
      : []),
    '    # An audit: metadata of all files, and the bytes of what changed.',
    '    quick: 24h',
    ...comment(
      `Every file is read again within ${SCRUB_DAYS} days, at night, and compared with what it was: finds bit rot.${workText(storage)}`,
    ),
    `    scrub: { within: ${SCRUB_DAYS}d, budget: ${rateText(budgetFor(storage))}, window: ${NIGHT} }`,
    '    # blind_after: 54h   # no complete audit for so long is alarmed (default: twice quick and 6h)',
  ];
}

function insteadLines({ typed, volume, elsewhere }: NonNullable<LookedAtLive['instead']>): string[] {
  return [
    ...comment(
      `Instead of ${typed}: the bricks of the volume ${volume} that are on this host. Looking through a GlusterFS mount can delete files after an interrupted rebalance.`,
    ),
    ...(elsewhere.length === 0
      ? []
      : comment(
          `Not on this host, so what is there stays unknown: ${elsewhere.join(', ')}. Watch those on their own hosts (docs/glusterfs.md).`,
        )),
  ];
}

function backupLines(name: string, { host, pattern, typed, found }: LookedAtBackup): string[] {
  return [
    `  ${text(name)}:`,
    `    host: ${text(host)}`,
    ...(found === null ? comment(`Not looked at: it is on ${host}. Check the pattern there.`) : foundLines(found)),
    ...(typed === null ? [] : comment(`Found for ${typed}.`)),
    `    pattern: ${text(pattern)}`,
    '    # How often to look for new snapshots; each is scanned, and what it protects is assessed.',
    `    look: ${durationText(lookFor(found?.everyMs ?? null))}`,
  ];
}

function foundLines(found: NonNullable<LookedAtBackup['found']>): string[] {
  const { snapshots, firstMs, lastMs, everyMs, storage, isEstimated, besideLive, leftOut } = found;
  const often = everyMs === null ? '' : `, usually ${everyText(everyMs)} apart`;
  const when =
    snapshots === 1
      ? `One copy, of ${localTime(iso(lastMs))}`
      : `${plural(snapshots, 'snapshot')}, ${localTime(iso(firstMs))} to ${localTime(iso(lastMs))}${often}`;
  const more = leftOut.length - LEFT_OUT_MAX;
  return [
    ...comment(`${when}${storage === null ? '' : `; on ${storageText(storage)}`}.`),
    ...(isEstimated ? comment('Their names hold no dates: the times are estimated (docs/snapshots.md).') : []),
    ...(besideLive
      ? comment('On the same file system as the live volume: this helps against deletions, not when the disk dies.')
      : []),
    ...leftOut.slice(0, LEFT_OUT_MAX).flatMap(({ path, reason }) => comment(`Left out: ${path}: ${reason}`)),
    ...(more > 0 ? comment(`… and ${more} more.`) : []),
  ];
}

function storageText({ fsType, source, readOnly, usedBytes }: Storage): string {
  const used = usedBytes === null ? '' : `, ${bytes(usedBytes)} in use`;
  return `${fsType} (${source}${readOnly ? ', read-only' : ''}${used})`;
}

/** What the promise costs, where the file system says how much there can be. */
function workText(storage: Storage | null): string {
  const usedBytes = storage?.usedBytes ?? null;
  if (usedBytes === null) return '';
  const rate = usedBytes / (SCRUB_DAYS * NIGHT_S);
  return ` ${bytes(usedBytes)} take ${bytes(rate)}/s of each night.`;
}

/** Twice what the promise needs, and at least what disturbs nobody. */
function budgetFor(storage: Storage | null): number {
  const needed = ((storage?.usedBytes ?? 0) * 2) / (SCRUB_DAYS * NIGHT_S);
  return Math.max(BUDGET, Math.ceil(needed / 1e6) * 1e6);
}

/** Often enough to see each one soon. */
function lookFor(everyMs: number | null): number {
  return everyMs !== null && everyMs < 3 * HOUR_MS ? HOUR_MS / 4 : HOUR_MS;
}

function everyText(ms: number): string {
  return ms >= 2 * DAY_MS
    ? plural(Math.round(ms / DAY_MS), 'day')
    : plural(Math.max(1, Math.round(ms / HOUR_MS)), 'hour');
}

/** A name that the file may hold, of a path's last part. */
function nameOf(path: string, taken: readonly string[]): string {
  const name = baseName(path)
    .normalize('NFD')
    .replaceAll(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, 50);
  if (name === '') return 'volume';
  return taken.includes(name) ? `${name}-volume` : name;
}

/** As one scalar of YAML on one line. */
function text(value: string): string {
  return stringify(value, { lineWidth: 0, blockQuote: false }).trimEnd();
}

function comment(sentence: string): string[] {
  return wrapped(sentence, { width: 110, indent: '    # ', first: '    # ' });
}
