// What is said of a name that is gone and whose content, or inode, is somewhere else now.
import type { Cause } from '../assessment.ts';
import type { Verdict } from '../verdicts.ts';
import type { History } from './sightings.ts';

/** What its content or its inode shows of a name that is gone. */
export function whereItWent(h: History, verdict: Verdict, movedTo: string | null): string[] {
  const { moves } = h.context;
  const { path } = h.facts;
  const rewritten = moves.rewritten.get(path);
  const copy = moves.copies.get(path);
  const evidence: string[] = [];
  if (verdict === 'moved')
    evidence.push(
      moves.later.has(path) ? `It was renamed to ${movedTo}, which is gone as well.` : `It is at ${movedTo} now.`,
    );
  else if (moves.trashed.has(path))
    evidence.push(`It was deleted to ${moves.trashed.get(path)}, where it can be taken from.`);
  else if (moves.displaced.has(path)) evidence.push(`A file system repair put it at ${moves.displaced.get(path)}.`);
  else if (rewritten !== undefined)
    evidence.push(`Its file is ${rewritten} now, with other content, like many others that were renamed at that time.`);
  else if (movedTo !== null) evidence.push(`It may have moved to ${movedTo}.`);
  if (copy !== undefined) evidence.push(`Its content stood at ${copy} before.`);
  return evidence;
}

/** Nobody deletes by having a file system repaired or by rewriting files; using the trash is a deletion. */
export function causeOfLeaving(h: History, cause: Cause): Cause {
  const { moves } = h.context;
  const { path } = h.facts;
  if (moves.trashed.has(path)) return { cause: 'person', signals: ['it was put into the trash'] };
  const odd = moves.displaced.has(path)
    ? 'a file system repair put it into lost+found'
    : moves.rewritten.has(path)
      ? 'it was renamed and rewritten together with many others'
      : null;
  if (odd === null) return cause;
  return { cause: cause.cause === 'person' ? 'unknown' : cause.cause, signals: [odd, ...cause.signals] };
}
