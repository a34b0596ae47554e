// What the parts of a configuration say of one another: names that nobody bears, places that overlap, and what is
// allowed but worth knowing.
import { pathsOn, shareBrick } from '../../../domain/gluster/brick-places.ts';
import { isWithin } from '../../../domain/path.ts';
import { RollcallError } from '../../../domain/exit.ts';
import { BUILT_IN_SKIPS } from '../../../domain/scope.ts';
import { isPattern, seriesKeyOf, tokensOf } from '../../../domain/snapshot-pattern.ts';
import type { Configuration, WatchedBackup, WatchedVolume } from '../../../domain/watch/configuration.ts';
import { comesTo } from '../../files/pattern-tokens.ts';
import { createScope } from '../../files/scope.ts';
import { type Place, type Problem, suggestion } from './problem.ts';

export function crossProblems(configuration: Configuration): readonly Problem[] {
  return [
    ...nameProblems(configuration),
    ...referenceProblems(configuration),
    ...placeProblems(configuration),
    ...configuration.volumes.flatMap(volumeProblems),
  ];
}

/** Of everything that has a state of its own. */
export function hostsOf({ volumes, backups, bundles }: Configuration): readonly string[] {
  const hosts = [...volumes, ...backups].map(({ host }) => host);
  return [...new Set(bundles === null ? hosts : [...hosts, bundles.host])];
}

/** An incident, a pause and a message name volumes, backups and hosts in one breath. */
function nameProblems(configuration: Configuration): Problem[] {
  const { volumes, backups } = configuration;
  const hosts = new Set(hostsOf(configuration));
  const taken = new Set(volumes.map(({ name }) => name));
  const asHost = [...placed('volumes', volumes), ...placed('backups', backups)]
    .filter(({ one }) => hosts.has(one.name))
    .map(({ place }) => ({ place, isKey: true, message: 'a host has this name; choose another' }));
  const asVolume = placed('backups', backups)
    .filter(({ one }) => taken.has(one.name))
    .map(({ place }) => ({ place, isKey: true, message: 'a volume has this name; choose another' }));
  return [...asHost, ...asVolume];
}

function placed<T extends { readonly name: string }>(
  section: string,
  list: readonly T[],
): readonly { readonly one: T; readonly place: Place }[] {
  return list.map((one) => ({ one, place: [section, one.name] }));
}

function referenceProblems(configuration: Configuration): Problem[] {
  const { volumes, backups, hooks, digest, alarms, maintenance } = configuration;
  const backupNames = backups.map(({ name }) => name);
  const pings = hooks.filter(({ type }) => type === 'ping').map(({ name }) => name);
  const tellers = hooks.filter(({ type }) => type !== 'ping').map(({ name }) => name);
  const subjects = [...volumes.map(({ name }) => name), ...backupNames, ...hostsOf(configuration)];
  const among = (names: readonly string[], known: readonly string[], place: Place, what: string): Problem[] =>
    names.flatMap((name, at) => {
      if (known.includes(name)) return [];
      const kind = what !== 'hook' || known === tellers ? '' : ' of type ping';
      const other = what === 'hook' && hooks.some((hook) => hook.name === name);
      const message = other
        ? known === tellers
          ? 'ping hooks report runs, not incidents: list it under pings'
          : 'only hooks of type ping can be listed here'
        : `there is no ${what}${kind} called ${name}${suggestion(name, known)}`;
      return [{ place: [...place, at], message }];
    });
  return [
    ...volumes.flatMap(({ name, backups }) => among(backups, backupNames, ['volumes', name, 'backups'], 'backup')),
    ...volumes.flatMap((one) => among(one.pings, pings, ['volumes', one.name, 'pings'], 'hook')),
    ...backups.flatMap((one) => among(one.pings, pings, ['backups', one.name, 'pings'], 'hook')),
    ...(digest === null ? [] : among(digest.hooks, tellers, ['digest', 'hooks'], 'hook')),
    ...alarms.flatMap((rule, at) => [
      ...among(rule.hooks, tellers, ['alarms', at, 'hooks'], 'hook'),
      ...among(rule.subjects, subjects, ['alarms', at, 'subjects'], 'volume, backup or host'),
    ]),
    ...maintenance.flatMap((one, at) =>
      among(one.subjects, subjects, ['maintenance', at, 'subjects'], 'volume, backup or host'),
    ),
  ];
}

/** Pieces between and with wildcards: to try them out on a name takes time that grows with each. */
const TOKENS_MAX = 12;

function placeProblems({ volumes, backups, bundles }: Configuration): Problem[] {
  const problems: Problem[] = [];
  for (const [at, one] of volumes.entries()) {
    const same = volumes
      .slice(0, at)
      .find((other) => (other.host === one.host && other.path === one.path) || shareBrick(other, one));
    if (same !== undefined) {
      const [field, what] = one.layout === 'gluster' ? ['bricks', 'one of these bricks'] : ['path', 'this directory'];
      problems.push({ place: ['volumes', one.name, field], message: `${same.name} already has ${what}` });
    }
  }
  for (const [at, one] of backups.entries()) {
    const key = seriesKeyOf(one.pattern).key;
    const same = backups
      .slice(0, at)
      .find(({ host, pattern }) => host === one.host && seriesKeyOf(pattern).key === key);
    if (same !== undefined)
      problems.push({ place: ['backups', one.name, 'pattern'], message: `${same.name} already has this series` });
    if (one.pattern.includes('**'))
      problems.push({
        place: ['backups', one.name, 'pattern'],
        message: "'**' would search the whole backup: write one * for each directory",
      });
    if (one.pattern.split('/').some((part) => tokensOf(part).length > TOKENS_MAX)) {
      problems.push({ place: ['backups', one.name, 'pattern'], message: 'too many wildcards in one name' });
      continue;
    }
    for (const volume of volumes) {
      const message = overlap(volume, one);
      if (message !== null) problems.push({ place: ['backups', one.name, 'pattern'], message });
    }
  }
  if (bundles === null) return problems;
  const inside =
    volumes.find((volume) => pathsOn(volume, bundles.host).some((path) => isWithin(path, bundles.directory))) ??
    backups.find(({ host, pattern }) => host === bundles.host && holds(pattern, bundles.directory));
  if (inside !== undefined)
    problems.push({
      place: ['bundles'],
      message: `inside ${inside.name}, where Rollcall never writes; choose another directory`,
    });
  return problems;
}

const depthOf = (path: string): number => (path === '/' ? 0 : path.split('/').length - 1);

/** Whether a match of the pattern is the path, or holds it. */
function holds(pattern: string, path: string): boolean {
  const depth = depthOf(pattern);
  return (
    depthOf(path) >= depth &&
    comesTo(
      pattern,
      `/${path
        .split('/')
        .slice(1, depth + 1)
        .join('/')}`,
    )
  );
}

/** Neither may hold the other; what is known of symlinks and mounts is said when it is scanned. */
function overlap(volume: WatchedVolume, backup: WatchedBackup): string | null {
  const { pattern } = backup;
  const held = pathsOn(volume, backup.host).find((path) => holds(pattern, path));
  if (held !== undefined)
    return depthOf(pattern) === depthOf(held)
      ? `it matches ${held}, which is the live volume ${volume.name}`
      : `the live volume ${volume.name} (${held}) is inside what it matches`;
  return volume.crossMounts && insideOf(volume, backup) !== null ? insideText(volume) : null;
}

export function insideText({ name }: WatchedVolume): string {
  return `it is inside the live volume ${name}: its snapshots would be audited as live files`;
}

/**
 * The directory before the first wildcard of a series that lies inside a live volume of the same host, where that is
 * not left out; whether another file system is mounted there, the text cannot say. Null for any other.
 */
export function insideOf(volume: WatchedVolume, { host, pattern }: WatchedBackup): string | null {
  const parts = pattern.split('/').slice(1);
  const first = parts.findIndex(isPattern);
  const literal = first < 0 ? parts : parts.slice(0, first);
  const directory = `/${literal.join('/')}`;
  const root = pathsOn(volume, host).find((path) => isWithin(path, directory));
  if (root === undefined) return null;
  const below = literal.slice(depthOf(root));
  if (BUILT_IN_SKIPS.some((skip) => skip === (below[0] ?? parts[depthOf(root)]))) return null;
  const { excluded } = createScope({ excludes: volume.excludes, crossMounts: false });
  return below.length > 0 && excluded(below.join('/'), true) ? null : directory;
}

function volumeProblems(volume: WatchedVolume): Problem[] {
  const place = ['volumes', volume.name];
  const problems: Problem[] = [];
  const { quick, blindAfterMs } = volume;
  if (quick !== null && 'everyMs' in quick && blindAfterMs !== null && blindAfterMs <= quick.everyMs)
    problems.push({
      place: [...place, 'blind_after'],
      message: 'it is not longer than the schedule (quick): the volume would be blind between two audits',
    });
  for (const [at, pattern] of volume.excludes.entries()) {
    try {
      createScope({ excludes: [pattern], crossMounts: false });
    } catch (error) {
      if (!(error instanceof RollcallError)) throw error;
      problems.push({ place: [...place, 'excludes', at], message: 'not a valid line of .gitignore' });
    }
  }
  return problems;
}
