// Whether a scan left out what is watched: it was made by hand with more excludes, or the configuration had more then.
import type { ScopeRules } from '../scope.ts';

/** What it left out, for a person; empty where that is nothing which is watched. */
export function leftOutOf(scanned: ScopeRules, watched: ScopeRules): readonly string[] {
  const left = !scanned.crossMounts && watched.crossMounts ? ['other file systems below the root'] : [];
  if (scanned.excludes.length === 0) return left;
  // The last pattern that matches decides, so their order counts.
  let next = 0;
  for (const pattern of scanned.excludes) {
    const at = watched.excludes.indexOf(pattern, next);
    if (at === -1) left.push(pattern);
    else next = at + 1;
  }
  // What a later pattern brings back now was left out then.
  const back = watched.excludes.filter((pattern) => pattern.startsWith('!') && !scanned.excludes.includes(pattern));
  return [...left, ...back.map((pattern) => `what ${pattern} brings back`)];
}
