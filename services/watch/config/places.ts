// What this machine says of the places that a configuration gives it: only those of its own name are looked at, and
// nothing where looking may destroy.
import { pathsOn } from '../../../domain/gluster/brick-places.ts';
import type { Configuration, WatchedVolume } from '../../../domain/watch/configuration.ts';
import { bricksOfVolume, volumeAt } from '../../files/brick-at.ts';
import { mayDestroy, wayTo } from '../../files/gluster.ts';
import { type Mount, mountByPath, readMounts } from '../../files/mounts.ts';
import { exists } from '../../files/snapshots.ts';
import { insideOf, insideText } from './cross.ts';
import type { Problem } from './problem.ts';

export interface PlacesHere {
  readonly problems: readonly Problem[];
  /** Sentences. */
  readonly notes: readonly string[];
}

export function placesHere({ volumes, backups }: Configuration, host: string): PlacesHere {
  const mounts = readMounts();
  const problems: Problem[] = [];
  const notes: string[] = [];
  for (const one of volumes) {
    const its =
      one.layout === 'gluster'
        ? bricksHere(one, host, mounts)
        : one.host === host
          ? directoryHere(one, mounts)
          : NOTHING;
    problems.push(...its.problems);
    notes.push(...its.notes);
  }
  for (const one of backups) {
    if (one.host !== host) continue;
    const prefix = one.pattern.slice(0, one.pattern.search(/[*?[{\\]|$/));
    const directory = prefix.slice(0, Math.max(1, prefix.lastIndexOf('/')));
    const { met, leads } = wayTo(directory, mayDestroy, mounts);
    if (met === null && !exists(leads)) notes.push(`${one.name}: ${directory} does not exist on ${host} now.`);
    for (const volume of volumes) {
      const inside = insideOf(volume, one);
      // A file system that is mounted inside a volume is no part of it.
      const own = pathsOn(volume, host).map((path) => mountByPath(path, mounts)?.id);
      if (inside !== null && own.includes(mountByPath(leads, mounts)?.id))
        problems.push({ place: ['backups', one.name, 'pattern'], message: insideText(volume) });
    }
  }
  return { problems, notes };
}

function directoryHere(one: WatchedVolume, mounts: readonly Mount[]): PlacesHere {
  const { name, path, host } = one;
  const { met, leads } = wayTo(path, mayDestroy, mounts);
  const said = (note: string): PlacesHere => ({ problems: [], notes: [note] });
  if (met !== null && one.bricksRescued) return NOTHING;
  if (met !== null)
    return said(
      `${name}: ${path} is on a GlusterFS mount; every audit of it is refused until its bricks are rescued. On a server that has them, name its bricks instead: rollcall init ${path} writes the lines.`,
    );
  if (leads !== path) return { problems: [{ place: ['volumes', name, 'path'], message: linkText(leads) }], notes: [] };
  return exists(leads) ? NOTHING : said(`${name}: ${path} does not exist on ${host} now.`);
}

const NOTHING: PlacesHere = { problems: [], notes: [] };

function linkText(leads: string): string {
  return `a symbolic link is on the way; write where it leads: ${leads}`;
}

/** A brick that is away now is told, and so is one that the volume has on this host and nobody named. */
function bricksHere(volume: WatchedVolume, host: string, mounts: readonly Mount[]): PlacesHere {
  const { name } = volume;
  const problems: Problem[] = [];
  const notes: string[] = [];
  const named = pathsOn(volume, host);
  const unnamed = new Set<string>();
  for (const path of named) {
    const { met, leads } = wayTo(path, mayDestroy, mounts);
    const place = ['volumes', name, 'bricks'];
    if (met !== null) problems.push({ place, message: `${path} is on a GlusterFS mount, and is no brick` });
    else if (leads !== path) problems.push({ place, message: `${path}: ${linkText(leads)}` });
    else if (!exists(path)) notes.push(`${name}: the brick ${path} does not exist on ${host} now.`);
    else {
      const known = volumeAt(path);
      if (known !== null) for (const one of bricksOfVolume(known).here) if (!named.includes(one)) unnamed.add(one);
    }
  }
  for (const path of unnamed)
    notes.push(
      `${name}: ${path} is a brick of the same volume on ${host} and is not named: what is on it stays unknown.`,
    );
  return { problems, notes };
}
