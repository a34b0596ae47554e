// The directories above a path.

/** Shallow first: 'a/b/c' has 'a' and 'a/b'. The root is not among them. */
export function ancestorsOf(path: string): string[] {
  const ancestors: string[] = [];
  for (let at = path.indexOf('/'); at >= 0; at = path.indexOf('/', at + 1)) ancestors.push(path.slice(0, at));
  return ancestors;
}

/** All directories above any of these paths. */
export function ancestorsOfAll(paths: Iterable<string>): Set<string> {
  const ancestors = new Set<string>();
  for (const path of paths) {
    for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1)) {
      const ancestor = path.slice(0, at);
      if (ancestors.has(ancestor)) break;
      ancestors.add(ancestor);
    }
  }
  return ancestors;
}
