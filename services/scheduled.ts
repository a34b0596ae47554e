// Tasks of what is due: what a person would have typed, made of the configuration.
import type { Configuration, WatchedBackup, WatchedVolume } from '../domain/watch/configuration.ts';
import { isOnHosts } from '../domain/gluster/named.ts';
import { joinPath } from '../domain/path.ts';
import type { Json, NewTask } from './catalog/tasks.ts';
import type { Wanted } from './watch/tick.ts';
import type { AssessOptions } from './assess.ts';
import type { DetachedAssess, DetachedScan } from './detach.ts';
import type { JoinedRequest } from './joined-request.ts';

/** What tasks say of the serve that left them. */
export interface Place {
  /** Of the embedded database, which must lie outside of all volumes; null with a server. */
  readonly stateDir: string | null;
  readonly program: string;
}

export function taskFor(place: Place, configuration: Configuration, wanted: Wanted, nowMs: number): NewTask {
  switch (wanted.kind) {
    case 'quick':
      return assessment(place, configuration, wanted.volume, nowMs);
    case 'snapshots':
      return look(place, configuration, wanted.backup);
    case 'scrub':
      return { host: wanted.volume.host, kind: 'scrub', reference: wanted.reference };
  }
}

/** On one host as `assess` does it there; across hosts, or where the bundle is not written there, step by step. */
function assessment(place: Place, configuration: Configuration, volume: WatchedVolume, nowMs: number): NewTask {
  const { host, path } = volume;
  const backups = configuration.backups.filter(({ name }) => volume.backups.includes(name));
  const options = optionsOf(configuration, volume, backups);
  const bundle = bundleOf(configuration, volume, nowMs);
  const isAlike = new Set(backups.map((backup) => JSON.stringify(readAs(configuration, backup)))).size <= 1;
  if (isAlike && !isOnHosts(path) && bundle?.host === host && backups.every((backup) => backup.host === host)) {
    const patterns = backups.map(({ pattern }) => pattern);
    const request = { ...options, live: path, backups: patterns, outDir: bundle.directory };
    const reference: DetachedAssess = { ...place, cwd: '/', volumes: [request], makesParents: true };
    return { host, kind: 'assess', reference: json(reference) };
  }
  const request: JoinedRequest = {
    ...options,
    live: { host, path },
    backups: backups.map((backup) => ({
      host: backup.host,
      pattern: backup.pattern,
      ...readAs(configuration, backup),
    })),
    part: null,
    program: place.program,
    out: bundle,
  };
  return { host: null, kind: 'assess-hosts', reference: json(request) };
}

function look({ stateDir, program }: Place, configuration: Configuration, backup: WatchedBackup): NewTask {
  const { host, pattern } = backup;
  // Looked at with other eyes than by the assessment, every snapshot would be looked at twice.
  const [first] = configuration.volumes.filter((volume) => volume.backups.includes(backup.name));
  const reference: DetachedScan = {
    cwd: '/',
    stateDir,
    program,
    scan: {
      ...scopeOf(first ?? null),
      ...readAs(configuration, backup),
      target: pattern,
      role: 'backup',
      exportFile: null,
      reread: false,
      newState: false,
    },
  };
  return { host, kind: 'scan', reference: json(reference) };
}

type Scope = Pick<AssessOptions, 'excludes' | 'crossMounts' | 'notGluster' | 'bricksRescued'>;

function scopeOf(volume: WatchedVolume | null): Scope {
  const { excludes = [], crossMounts = false, notGluster = false, bricksRescued = false } = volume ?? {};
  return { excludes, crossMounts, notGluster, bricksRescued };
}

function readAs(
  { timeZone }: Configuration,
  { tz, snapshotsMax }: WatchedBackup,
): Pick<AssessOptions, 'tz' | 'snapshotsMax'> {
  return { tz: tz ?? timeZone, snapshotsMax };
}

function optionsOf(
  configuration: Configuration,
  volume: WatchedVolume,
  backups: readonly WatchedBackup[],
): AssessOptions {
  const [first] = backups;
  const as = first === undefined ? { tz: configuration.timeZone, snapshotsMax: null } : readAs(configuration, first);
  return { ...scopeOf(volume), ...as, sinceMs: null, reread: false, side: null, newState: false };
}

/** Named for the volume and the time, in UTC: an autumn has an hour twice. */
function bundleOf({ bundles }: Configuration, { name }: WatchedVolume, nowMs: number): JoinedRequest['out'] {
  if (bundles === null) return null;
  const at = new Date(nowMs).toISOString().replaceAll(/[-:]|\.\d+/g, '');
  const safe = name.replaceAll(/[^A-Za-z0-9._-]/gu, '_').replace(/^[.-]/, '_');
  return { host: bundles.host, directory: joinPath(bundles.directory, `${safe}-${at}`), makesParent: true };
}

function json(value: object): Json {
  return { ...value };
}
