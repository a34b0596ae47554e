// `preflight`: whether every file of a volume has an equal copy in a backup whose bytes were read lately. Asked before
// whatever may cost the volume: a rebalance, a new controller, a migration.
import { EXIT, type ExitCode } from '../domain/exit.ts';
import {
  amissOnBricks,
  type Coverage,
  isIncomplete,
  onBricks,
  type ProtectingBackup,
  type Shortfall,
} from '../domain/exposure.ts';
import { BRICK_VERDICTS } from '../domain/gluster/evidence.ts';
import { spelledOn } from '../domain/gluster/named.ts';
import type { Database } from './catalog/database.ts';
import { type CoverageAsked, coverageOf } from './exposure.ts';
import { operand, shellWord } from './report/wording.ts';
import { DAY_MS } from '../domain/lengths.ts';

export const WITHIN_DAYS = 30;

export interface CoverStep {
  readonly why: string;
  /** To be typed; null where no command of Rollcall does it. */
  readonly command: string | null;
}

export interface Preflight {
  readonly coverage: Coverage;
  readonly withinDays: number;
  /** What would cover what is not covered, in order. */
  readonly steps: readonly CoverStep[];
  readonly exit: ExitCode;
}

export async function preflight(
  db: Database,
  asked: Omit<CoverageAsked, 'readSinceMs'> & {
    readonly withinDays: number;
    readonly nowMs: number;
    readonly program: string;
  },
): Promise<Preflight> {
  const coverage = await coverageOf(db, { ...asked, readSinceMs: asked.nowMs - asked.withinDays * DAY_MS });
  const unlooked = new Set<Shortfall>(['not-looked-at', 'copy-not-looked-at', 'suspect']);
  const isAmiss = amissOnBricks(coverage).length > 0;
  const fallsShort = isAmiss || coverage.short.some(({ shortfall, files }) => files > 0 && !unlooked.has(shortfall));
  const exit = fallsShort ? EXIT.findings : isIncomplete(coverage) ? EXIT.incomplete : EXIT.nothing;
  return { coverage, withinDays: asked.withinDays, steps: stepsFor(coverage, asked), exit };
}

type Place = { readonly host: string; readonly program: string };

function stepsFor(coverage: Coverage, place: Place): CoverStep[] {
  const has = (...wanted: readonly Shortfall[]): boolean =>
    coverage.short.some(({ shortfall, files }) => files > 0 && wanted.includes(shortfall));
  const steps = brickSteps(coverage, place);
  const isUnseen = coverage.unseen.some(({ verdict }) => verdict === null);
  if (isUnseen || (steps.length === 0 && has('not-looked-at')))
    steps.push({
      why: 'make readable what could not be looked at, then scan the volume',
      command: scanOf(coverage, place),
    });
  else if (has('unread')) steps.push({ why: 'read the files that were never read', command: scanOf(coverage, place) });
  if (has('suspect'))
    steps.push(
      {
        why: 'restore or accept what changed under its old size and time',
        command: `${place.program} findings`,
      },
      { why: 'then scan the volume again', command: scanOf(coverage, place) },
    );
  for (const pattern of coverage.neverScanned)
    steps.push({ why: 'scan a backup that was never scanned', command: `${place.program} scan ${shellWord(pattern)}` });
  if (has('none', 'older')) {
    steps.push({ why: 'run the backup, so that it takes what it has not got', command: null });
    for (const backup of coverage.backups)
      steps.push({ why: 'then scan the new snapshot', command: scanBackup(backup, place, '') });
  }
  for (const backup of coverage.backups) {
    const own = coverage.short.filter(({ backup: name, files }) => name === backup.name && files > 0);
    const toRead = own.filter(({ shortfall }) => shortfall === 'read-long-ago' || shortfall === 'copy-unread');
    if (toRead.length === 0) continue;
    const newest = toRead.every(({ inNewest }) => inNewest) ? ' --snapshots 1' : '';
    steps.push({ why: 'read the copies again', command: scanBackup(backup, place, ` --reread${newest}`) });
  }
  if (has('copy-not-looked-at'))
    for (const backup of coverage.backups)
      steps.push({
        why: 'make readable what could not be looked at in the snapshots, then read them',
        command: scanBackup(backup, place, ' --reread'),
      });
  return steps;
}

/** In the order of docs/glusterfs.md. A rebalance over hidden files would destroy them. */
function brickSteps(coverage: Coverage, { host, program }: Place): CoverStep[] {
  const count = (verdict: (typeof BRICK_VERDICTS)[number]): number => onBricks(coverage, verdict).length;
  const steps: CoverStep[] = [];
  if (count('hidden') > 0) {
    const live = coverage.host === host ? coverage.path : spelledOn(coverage.host, coverage.path);
    const backups = coverage.backups.map(
      (one) => ` --backup ${shellWord(one.host === host ? one.pattern : `${one.host}:${one.pattern}`)}`,
    );
    steps.push(
      {
        why: 'start no rebalance, and let nobody look through a mount: files are hidden on the bricks. Write the bundle that rescues them',
        command: `${program} assess --live ${shellWord(live)}${backups.join('')}`,
      },
      { why: 'then copy them off the bricks, before anything else', command: 'sh BUNDLE/rescue/rescue.sh STAGING' },
    );
  }
  if (count('unreachable') > 0)
    steps.push({
      why: 'make reachable what users cannot open, by finishing the rebalance that was broken off',
      command: 'gluster volume rebalance VOLUME start force',
    });
  if (count('misplaced') > 0)
    steps.push({
      why: 'copy off the bricks what conflicts there, and decide which copy is right',
      command: `${program} findings`,
    });
  return steps;
}

function scanOf(coverage: Coverage, { host: here, program }: Place): string {
  return coverage.host === here
    ? `${program} scan ${operand(coverage.path)}`
    : `${program} scan ${shellWord(spelledOn(coverage.host, coverage.path))} --wait`;
}

function scanBackup(
  { host, pattern, exportedMs }: ProtectingBackup,
  { host: here, program }: Place,
  options: string,
): string {
  if (exportedMs !== null)
    return `${program} scan ${shellWord(pattern)}${options} --export FILE    # on ${host}; then here: ${program} assess … --backup FILE`;
  if (host === here) return `${program} scan ${shellWord(pattern)} --role backup${options}`;
  return `${program} scan ${shellWord(`${host}:${pattern}`)} --role backup${options} --wait`;
}
