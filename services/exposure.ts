// `exposure`: what would be lost if a live volume died now. Only a copy that was read, in a snapshot that still exists,
// of a backup that protects the volume, counts.
import { EXIT, type ExitCode, RollcallError } from '../domain/exit.ts';
import {
  amissOnBricks,
  type Coverage,
  type Unseen,
  exposedOf,
  isIncomplete,
  type ProtectingBackup,
} from '../domain/exposure.ts';
import { pathsOn, type Rooted } from '../domain/gluster/brick-places.ts';
import { spelledOn } from '../domain/gluster/named.ts';
import { isOrphanGap, orphanOf } from '../domain/gluster/orphans.ts';
import { evidenceOf, evidenceSentences, isBrickVerdict } from '../domain/gluster/evidence.ts';
import { joinPath } from '../domain/path.ts';
import type { Gap, Scan } from '../domain/scan.ts';
import type { ScopeRules } from '../domain/scope.ts';
import { leftOutOf } from '../domain/watch/left-out.ts';
import { isoAsOf } from '../domain/window/timeline.ts';
import { lastBackupsOf } from './catalog/assessments.ts';
import { holdingConfiguration } from './catalog/configurations.ts';
import { copiesOf } from './catalog/copies.ts';
import { type Database, inTransaction } from './catalog/database.ts';
import { isListVolume } from './catalog/lists.ts';
import { foundOnBricks } from './catalog/losses.ts';
import { rulesOf } from './catalog/reconciliation.ts';
import { completeScans, newestGaps, type Queryable } from './catalog/scans.ts';
import { listVolumes, seriesVolumeAt, type Volume } from './catalog/volumes.ts';
import { watchedIds } from './catalog/watched.ts';
import { mountByPath } from './files/mounts.ts';
import { whyOf } from './judge/incomplete.ts';
import { volumeNamed } from './typed/volume-named.ts';

export interface CoverageAsked {
  /** A volume's name in the configuration or in the catalog, or its path. */
  readonly volume: string;
  /** Backups by name or pattern; empty: those of the configuration, else of the volume's last assessment. */
  readonly backups: readonly string[];
  /** Only copies whose bytes were read at that time (ms) or later count; null: any. */
  readonly readSinceMs: number | null;
  readonly host: string;
  readonly cwd: string;
}

const LEFT_OUT = 'the last scan left it out, and the configuration does not';

const FOUND = 'found by the last assessment: assess again when it was rescued';

interface Protector {
  readonly name: string;
  readonly pattern: string;
  readonly volume: Pick<Volume, 'id' | 'host' | 'rootId'>;
}

interface Protected {
  readonly live: Volume;
  readonly name: string;
  readonly protectors: readonly Protector[];
  readonly neverScanned: readonly string[];
  /** What the configuration says belongs to the volume; null where it does not name it. */
  readonly rules: ScopeRules | null;
}

export async function exposure(
  db: Database,
  asked: CoverageAsked,
): Promise<{ readonly coverage: Coverage; readonly exit: ExitCode }> {
  const coverage = await coverageOf(db, asked);
  const exposed = exposedOf(coverage).length > 0 || amissOnBricks(coverage).length > 0;
  const exit = exposed ? EXIT.findings : isIncomplete(coverage) ? EXIT.incomplete : EXIT.nothing;
  return { coverage, exit };
}

/** @throws RollcallError where there is no such volume or backup, or the volume was never scanned completely */
export async function coverageOf(db: Database, asked: CoverageAsked): Promise<Coverage> {
  return inTransaction(db, async (client) => {
    // Scans that end meanwhile change what holds: everything is read as of one moment.
    await client.query('set transaction isolation level repeatable read');
    const { live, name, protectors, neverScanned, rules } = await protectedBy(client, asked);
    const newest = (await completeScans(client, live.id)).at(-1);
    if (newest === undefined) {
      throw new RollcallError(`${name} has never been scanned completely: nothing is known of it.`, {
        next: `Scan it first: rollcall scan ${live.host === asked.host ? live.path : spelledOn(live.host, live.path)}`,
      });
    }
    const backups: ProtectingBackup[] = [];
    const held: Scan[] = [];
    const names = new Map<number, string>();
    for (const protector of protectors) {
      const scans = await completeScans(client, protector.volume.id);
      const kept = scans.filter(({ pruned }) => pruned === null);
      held.push(...kept);
      names.set(protector.volume.rootId, protector.name);
      backups.push(backupOf(protector, scans, { live, here: asked.host }));
    }
    const copies = await copiesOf(client, { live: newest, held, readSinceMs: asked.readSinceMs, names });
    const gaps = await newestGaps(client, live.id);
    const scope = (await rulesOf(client, [newest.id])).get(newest.id)?.scope;
    const leftOut = scope === undefined || rules === null ? [] : leftOutOf(scope, rules);
    return {
      volume: name,
      host: live.host,
      path: live.path,
      lookedMs: newest.startedMs,
      backups,
      neverScanned,
      ...copies,
      unseen: [
        ...leftOut.map((path) => ({ path, why: LEFT_OUT, verdict: null })),
        ...(await unseenOn(client, live.id, gaps)),
      ],
      leftOut: [...(scope?.excludes ?? []), ...gaps.filter(({ status }) => status === 'boundary').map(placeOf)],
    };
  });
}

async function protectedBy(client: Queryable, asked: CoverageAsked): Promise<Protected> {
  const configuration = await holdingConfiguration(client);
  const ids = configuration === null ? new Map<string, number>() : await watchedIds(client, configuration);
  const all = await listVolumes(client);
  const byName = (name: string): Volume | null => all.find(({ id }) => id === ids.get(name)) ?? null;
  const watchedTyped = configuration?.volumes.find(({ name }) => name === asked.volume) ?? null;
  if (watchedTyped !== null && byName(watchedTyped.name) === null) {
    throw new RollcallError(`${watchedTyped.name} has never been scanned: nothing is known of it.`, {
      next: 'rollcall serve scans it when its schedule says so; rollcall status shows whether it runs.',
    });
  }
  const live = byName(asked.volume) ?? (await volumeNamed(client, asked.volume, asked));
  if (live.role !== 'live') {
    throw new RollcallError(`${live.name} is a backup; what it protects is a live volume.`, {
      next: 'Name the live volume; rollcall volumes lists them.',
    });
  }
  const watched = configuration?.volumes.find(({ name }) => ids.get(name) === live.id) ?? null;
  const name = watched?.name ?? live.name;
  if (asked.backups.length > 0) {
    const protectors: Protector[] = [];
    for (const typed of asked.backups) {
      const volume = byName(typed) ?? (await volumeNamed(client, typed, asked));
      if (volume.role !== 'backup' || isListVolume(volume)) {
        throw new RollcallError(`${volume.name} is no backup: no file can be restored from it.`, {
          next: 'Name a series of snapshots; rollcall volumes lists them.',
        });
      }
      protectors.push({ name: typed, pattern: patternOf(volume), volume });
    }
    return { live, name, protectors, neverScanned: [], rules: watched };
  }
  if (watched !== null && configuration !== null) {
    const backups = configuration.backups.filter((backup) => watched.backups.includes(backup.name));
    const protectors = backups.flatMap((backup): Protector[] => {
      const volume = byName(backup.name);
      return volume === null ? [] : [{ name: backup.name, pattern: backup.pattern, volume }];
    });
    const neverScanned = backups.filter((backup) => byName(backup.name) === null).map((backup) => backup.name);
    return { live, name, protectors, neverScanned, rules: watched };
  }
  return { live, name, rules: null, ...(await byLastAssessment(client, live, all)) };
}

async function byLastAssessment(
  client: Queryable,
  live: Volume,
  all: readonly Volume[],
): Promise<Pick<Protected, 'protectors' | 'neverScanned'>> {
  const backups = await lastBackupsOf(client, live.id);
  if (backups === null) {
    throw new RollcallError(`Nothing says which backups protect ${live.name}: it was never assessed.`, {
      next: `Name them with --backup, or assess it: rollcall assess --live PATH --backup 'PATTERN'.`,
    });
  }
  const protectors: Protector[] = [];
  const neverScanned: string[] = [];
  for (const { pattern, host } of backups) {
    const found = await seriesVolumeAt(client, host ?? live.host, pattern);
    const volume = all.find(({ id }) => id === found?.id) ?? all.find((one) => one.name === pattern) ?? null;
    if (volume === null) neverScanned.push(pattern);
    else protectors.push({ name: pattern, pattern, volume });
  }
  return { protectors, neverScanned };
}

/** A label is the pattern as it was typed, with more where others have the same one. */
function patternOf({ name, host }: Volume): string {
  const plain = name.endsWith(' (backup)') ? name.slice(0, -' (backup)'.length) : name;
  return plain.endsWith(` on ${host}`) ? plain.slice(0, -` on ${host}`.length) : plain;
}

function backupOf(
  { name, pattern, volume }: Protector,
  scans: readonly Scan[],
  { live, here }: { readonly live: Volume; readonly here: string },
): ProtectingBackup {
  const kept = scans.filter(({ pruned }) => pruned === null);
  const newest = kept.at(-1) ?? null;
  const looked = scans.map(({ startedMs }) => startedMs);
  return {
    name,
    pattern,
    host: volume.host,
    snapshots: kept.length,
    gone: scans.length - kept.length,
    newest: newest === null ? null : isoAsOf(newest.asOf),
    lookedMs: looked.length === 0 ? null : Math.max(...looked),
    exportedMs: newest?.exportedMs ?? null,
    besideVolume: newest !== null && live.host === here && volume.host === here && onOneDevice(live, newest.path),
  };
}

/** By their names alone: nothing is looked up on a mount. A volume on bricks lies on several file systems. */
function onOneDevice(live: Rooted, snapshot: string): boolean {
  const other = mountByPath(snapshot);
  return pathsOn(live, live.host).some((place) => {
    const one = mountByPath(place);
    return one !== null && other !== null && one.fsType === other.fsType && one.source === other.source;
  });
}

function placeOf({ directory, name }: Gap): string {
  // What only speaks of names that stand begins with slashes.
  const its = name.replace(/^\/+/, '');
  return its === '' ? directory : joinPath(directory, its);
}

/** What the scan could not see, or saw on bricks and users do not; and what is open of it since an assessment. */
async function unseenOn(client: Queryable, volumeId: number, gaps: readonly Gap[]): Promise<Unseen[]> {
  const found = await foundOnBricks(client, volumeId);
  const accepted = new Set(found.flatMap(({ path, state }) => (state === 'accepted' ? [path] : [])));
  const unseen = gaps
    .filter((gap) => gap.status !== 'boundary')
    .flatMap((gap) => (isOrphanGap(gap) ? namelessOf(gap).filter(({ path }) => !accepted.has(path)) : [unseenOf(gap)]));
  const told = new Set(unseen.flatMap(({ path, verdict }) => (verdict === null ? [] : [path])));
  const open = found.filter(({ path, state }) => state === 'open' && !told.has(path));
  return [...unseen, ...open.map(({ path, verdict }) => ({ path, verdict, why: FOUND }))];
}

/**
 * Content that has lost its name, under the name that it had. What was deleted while somebody had it open is no loss,
 * unless an assessment has found so; what has no name at all is nobody's.
 */
function namelessOf(gap: Gap): Unseen[] {
  const orphan = orphanOf(gap);
  if (orphan === null) return [unseenOf(gap)];
  const [had] = orphan.isUnlinked ? [] : orphan.names.filter(({ isAbsent }) => isAbsent);
  return had === undefined ? [] : [{ ...unseenOf(gap), path: had.path }];
}

function unseenOf(gap: Gap): Unseen {
  const bricks = evidenceOf(gap.detail);
  return {
    path: placeOf(gap),
    why: bricks === null ? whyOf(gap) : evidenceSentences(bricks).join(' '),
    verdict: isBrickVerdict(gap.status) ? gap.status : null,
  };
}
