// Why a path is gone or damaged: the signals that fired, and what they add up to (docs/design.md#cause).
import type { Absence } from '../absence/witness.ts';
import type { Cause } from '../assessment.ts';
import { parentOf } from '../path.ts';
import { sameMtime } from '../version.ts';
import type { Place } from './context.ts';
import type { History, Sighting } from './sightings.ts';
import { nameOf } from './sightings.ts';

/** So many scattered names of one directory, of several owners, are no person's doing. */
const SCATTERED_GONE_MIN = 10;
const SCATTERED_DIVISOR = 10;

/**
 * Why a name is gone. Silent: its directory says that nobody deleted it. Person: its directory was changed and no
 * signal of loss fired, now or when an earlier assessment found the same loss (an interval that ends with live now
 * grows, and with it a burst fades). Else unknown.
 */
export function causeOfAbsence(h: History, absence: Absence, place: Place): Cause {
  const cause = causeNow(h, absence, place);
  const recorded = h.context.openFindings.get(h.facts.path);
  const before = recorded?.cause ?? null;
  if (cause.cause !== 'person' || before === null || before.cause === 'person') return cause;
  const seenMs = h.context.observers[absence.seen ?? -1]?.scan.asOf.fromMs ?? 0;
  if (seenMs > (recorded?.goneMs ?? Infinity)) return cause;
  return { cause: before.cause, signals: [...new Set([...cause.signals, ...before.signals])] };
}

function causeNow(h: History, { seen, how, signals }: Absence, place: Place): Cause {
  // A list has neither directories nor owners, and nothing dates what became of its names since.
  if (seen !== null && h.context.observers[seen]?.role === 'list')
    return { cause: 'unknown', signals: ['only a list made by another tool saw it last'] };
  if (how === 'silent') return { cause: 'silent', signals };
  const loss: string[] = [];
  if (['burst', 'sensitive', 'damage'].some((rule) => (place.rules as ReadonlySet<string>).has(rule)))
    loss.push('far more files than usual were lost at that time');
  if (place.rules.has('silent')) loss.push('other files were lost silently at that time');
  const siblings = h.facts.surroundings?.siblings ?? null;
  if (
    siblings !== null &&
    siblings.gone >= SCATTERED_GONE_MIN &&
    siblings.left > 0 &&
    siblings.owners > 1 &&
    siblings.gone * SCATTERED_DIVISOR >= siblings.gone + siblings.left
  )
    loss.push(
      `${siblings.gone} of ${siblings.gone + siblings.left} files of its directory, of ${siblings.owners} owners, vanished with it`,
    );
  if (h.context.displacedFrom.has(parentOf(h.facts.path)))
    loss.push('a file system repair put files of its directory into lost+found');
  return { cause: how === 'touched' && loss.length === 0 ? 'person' : 'unknown', signals: [...signals, ...loss] };
}

/** Why a path that is there is damaged. A damage that left the mtime alone came below the file system's own writes. */
export function causeOfDamage(h: History, found: Sighting, lkg: Sighting | null, what: string): Cause {
  if (lkg !== null && found.kind === lkg.kind && found.kind === 'file' && sameMtime(found.mtimeNs, lkg.mtimeNs))
    return { cause: 'silent', signals: [what, `its mtime is that of ${nameOf(h.context, lkg.observer)}`] };
  return { cause: 'unknown', signals: [what] };
}
