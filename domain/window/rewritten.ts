// Files that were renamed and rewritten by the dozen: an edit and a rename are ordinary, hundreds of them that look
// alike are not.
import { baseName } from '../path.ts';
import { sameMtime } from '../version.ts';
import { group, type Pair } from './pairs.ts';

/** From so many renamed files with other content in one interval on. */
const REWRITTEN_MIN = 10;

/**
 * What logrotate and the like add is a number or a date: it is new to the volume each time, and says nothing of what
 * became of the content.
 */
const OF_A_ROTATION = /^[.\-_]?\d[\d.\-_T]*$/;

/**
 * Vanished names whose files bear other names and other content now, where at least half of those that were renamed in
 * the same interval do, and most of these got one same ending that is new to the volume, look damaged (empty, or
 * nothing but zeros), or kept their mtime. Answers with where their inodes are.
 */
export function rewrittenInBurst(pairs: readonly Pair[], knownSuffixes: ReadonlySet<string>): Map<string, string> {
  const rewritten = new Map<string, string>();
  for (const changed of burstsOf(pairs)) {
    const suffix = commonSuffix(changed);
    const isNew = suffix !== null && !knownSuffixes.has(suffix);
    const odd = changed.filter((pair) => (isNew && suffixOf(pair) === suffix) || looksDamaged(pair) || keptTime(pair));
    if (odd.length * 2 <= changed.length) continue;
    for (const { v, a } of changed) rewritten.set(v.path, a.path);
  }
  return rewritten;
}

/** An ending that would make a burst, unless the volume had it before. */
export interface SuffixInQuestion {
  readonly suffix: string;
  /** The point (ms) before which it would have to be found. */
  readonly beforeMs: number;
  /**
   * The names that bear it since: where dates are uncertain, a snapshot that shows them may seem to be an older one.
   */
  readonly names: readonly string[];
}

export function suffixesToAskFor(pairs: readonly Pair[]): SuffixInQuestion[] {
  return burstsOf(pairs).flatMap((changed) => {
    const suffix = commonSuffix(changed);
    const beforeMs = changed[0]?.v.lastSeenMs;
    if (suffix === null || beforeMs === undefined) return [];
    return [{ suffix, beforeMs, names: changed.map(({ a }) => baseName(a.path)) }];
  });
}

/**
 * By interval, from the last sighting of the old name to the first of the new one: the files that were renamed and
 * changed in it.
 */
function burstsOf(pairs: readonly Pair[]): Pair[][] {
  const renamed = pairs.filter(({ v, by }) => v.kind === 'file' && by === 'identity');
  const intervals = group(renamed, ({ v, a }) => `${v.lastSeenMs} ${a.firstSeenMs}`);
  return [...intervals.values()].flatMap((interval) => {
    const changed = interval.filter((pair) => pair.changed && pair.v.size !== 0);
    return changed.length >= REWRITTEN_MIN && changed.length * 2 >= interval.length ? [changed] : [];
  });
}

/** The ending that most of them got. */
function commonSuffix(changed: readonly Pair[]): string | null {
  for (const [suffix, having] of group(changed, suffixOf)) if (having.length * 2 > changed.length) return suffix;
  return null;
}

/** What was added to the name, or the extension where the whole name is another one. */
function suffixOf({ v, a }: Pair): string | null {
  const [before, after] = [baseName(v.path), baseName(a.path)];
  const dot = after.lastIndexOf('.');
  const suffix = after.startsWith(before) ? after.slice(before.length) : dot > 0 ? after.slice(dot) : '';
  return suffix === '' || OF_A_ROTATION.test(suffix) || before.endsWith(suffix) ? null : suffix;
}

function looksDamaged({ a }: Pair): boolean {
  return a.size === 0 || a.zeroFrom === 0;
}

function keptTime({ v, a }: Pair): boolean {
  return sameMtime(v.mtimeNs, a.mtimeNs);
}
