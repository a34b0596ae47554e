// Excludes in the syntax of .gitignore, read by the `ignore` library.
import ignore from 'ignore';
import { RollcallError } from '../../domain/exit.ts';
import type { Scope, ScopeRules } from '../../domain/scope.ts';

/**
 * The library remembers every path it was asked for; a fresh one after this many keeps a scan of millions in bounded
 * memory.
 */
const REMEMBERED_PATHS_MAX = 20_000;

const compiled = new WeakMap<ScopeRules, Scope>();

/** As createScope(), once for the same rules: a thread does many shards of one scan. */
export function scopeOf(rules: ScopeRules): Scope {
  const known = compiled.get(rules);
  if (known !== undefined) return known;
  const scope = createScope(rules);
  compiled.set(rules, scope);
  return scope;
}

/**
 * The scope of a volume. Patterns are those of .gitignore, case-sensitive, and are held against the *printable* path
 * below the volume's root: a name with bytes that are not UTF-8 or with a newline is plain text there (`\xff`, `\x0a`)
 * and cannot upset a pattern; a backslash in a name is two. A directory that is excluded takes all below it along, also
 * against a later `!`. Throws RollcallError for a pattern that cannot be read.
 */
export function createScope(rules: ScopeRules): Scope {
  const excludes = [...rules.excludes];
  const kept: ScopeRules = Object.freeze({ excludes: Object.freeze(excludes), crossMounts: rules.crossMounts });
  const build = (): ignore.Ignore =>
    // allowRelativePaths turns off a check that throws for names such as '..' pasted into a path; nothing here is
    // relative.
    ignore({ ignorecase: false, allowRelativePaths: true }).add(excludes.map((pattern) => ({ pattern })));
  for (const pattern of excludes) {
    try {
      ignore({ ignorecase: false, allowRelativePaths: true }).add({ pattern }).ignores('a/b');
    } catch (cause) {
      throw new RollcallError(`The exclude pattern ${JSON.stringify(pattern)} cannot be read.`, {
        next: 'Write it as a line of .gitignore, for instance --exclude "/cache/" or --exclude "*.tmp".',
        cause,
      });
    }
  }
  let matcher = build();
  let asked = 0;
  return {
    rules: kept,
    excluded: (path, isDirectory) => {
      if (excludes.length === 0 || path === '') return false;
      if (++asked > REMEMBERED_PATHS_MAX) {
        matcher = build();
        asked = 0;
      }
      return matcher.ignores(isDirectory ? `${path}/` : path);
    },
  };
}
