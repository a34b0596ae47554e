// A directory that somebody names as a backup may hold the snapshots, or be one, and the live files' own names may
// stand some levels below: found by looking at names only, never where a listing may destroy.
import { joinPath, plain } from '../../../domain/path.ts';
import { dateInName } from '../../../domain/snapshot-date.ts';
import { orderKeyOf } from '../../../domain/snapshot-order.ts';
import type { OffsetAt } from '../../../domain/time-zone.ts';
import { weekdayIn } from '../../../domain/weekday-order.ts';
import { directoryTimes, namesIn } from '../../files/glance.ts';
import { glusterBelow } from '../../files/gluster.ts';
import type { Mount } from '../../files/mounts.ts';
import { isContent } from '../../typed/refused.ts';

/** Levels below a snapshot at which the live files' names are looked for: localhost/srv/data. */
const LEVELS_MAX = 4;
const LISTINGS_MAX = 500;

/** A path as the literal beginning of a pattern. Null for a name that no pattern can hold. */
export function literalPattern(path: string): string | null {
  return plain(path)?.replaceAll(/[\\*?[\]{}]/g, String.raw`\$&`) ?? null;
}

/**
 * The pattern of the snapshots that a directory holds, without what stands below each: '/backup/*', or '/backup/20*'
 * where other directories lie beside them. Null where it holds none.
 */
export function seriesIn(directory: string, offsetAt: OffsetAt): string | null {
  const names = [...directoryTimes(directory).keys()].filter((name) => name !== '' && !name.startsWith('.'));
  const series = names.filter((name) => isOfSeries(name, offsetAt));
  const above = literalPattern(directory);
  if (series.length < 2 || above === null) return null;
  const others = names.filter((name) => !series.includes(name) && isContent(name));
  const beginning = others.length === 0 ? '' : beginningOf(series);
  return `${above === '/' ? '' : above}/${beginning.replaceAll(/[\\*?[\]{}]/g, String.raw`\$&`)}*`;
}

/** Whether a name says when, or which of several. */
export function isOfSeries(name: string, offsetAt: OffsetAt): boolean {
  return dateInName(name, offsetAt) !== null || orderKeyOf(name) !== null || weekdayIn(name) !== null;
}

/** What all the names begin with, up to what time changes: '20' of years, nothing of months. */
function beginningOf(names: readonly string[]): string {
  const [first = ''] = names;
  let length = 0;
  while (length < first.length && names.every((name) => name[length] === first[length])) length++;
  const common = first.slice(0, length);
  const digits = common.search(/[0-9]/);
  if (digits < 0) return common;
  return common.slice(0, common.startsWith('20', digits) ? digits + 2 : digits);
}

/**
 * Where below a snapshot the names at the top of the live volume stand: '' at its own top, 'srv/data' below. Null where
 * they are nowhere near.
 */
export function levelOf(snapshot: string, live: ReadonlySet<string>, mounts: readonly Mount[]): string | null {
  const closed = glusterBelow(snapshot, mounts);
  const level = [{ path: snapshot, below: '' }];
  let listings = 0;
  for (let depth = 0; depth <= LEVELS_MAX && level.length > 0; depth++) {
    const next: { readonly path: string; readonly below: string }[] = [];
    let best: { readonly below: string; readonly common: number } | null = null;
    for (const { path, below } of level.splice(0)) {
      if (closed.has(path) || ++listings > LISTINGS_MAX) continue;
      const names = namesIn(path)?.filter(isContent) ?? [];
      const common = names.filter((name) => live.has(name)).length;
      if (common > (best?.common ?? 0)) best = { below, common };
      // Directories alone: a symlink may lead to where a listing destroys.
      for (const name of directoryTimes(path).keys())
        if (name !== '' && isContent(name)) next.push({ path: joinPath(path, name), below: joinPath(below, name) });
    }
    if (best !== null) return best.below;
    level.push(...next);
  }
  return null;
}
