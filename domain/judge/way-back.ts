// The way back to last known good: whether its copies confirm it, the best source, and what is to be said of both.
import { same } from '../version.ts';
import type { Judging } from './asking.ts';
import { borneOut } from './borne-out.ts';
import { FLAG } from './flags.ts';
import { hexDigest } from './keys.ts';
import type { Recovered } from './recovery.ts';
import { recover } from './recovery.ts';
import type { History, Sighting } from './sightings.ts';
import { nameOf, orderIsDoubtful, volumeOf } from './sightings.ts';

/** The way back, with what is to be said of it. */
export interface WayBack {
  readonly lkg: Sighting | null;
  readonly recovered: Recovered;
  readonly flags: readonly string[];
  readonly evidence: readonly string[];
}

/** The copies of last known good are compared before one is called exact; then the best source is looked for. */
export function* wayBack(h: History, newest: Sighting | null, damaged: Sighting | null): Judging<WayBack> {
  const borne = newest === null ? null : yield* borneOut(h, newest, damaged);
  const lkg = borne === null ? null : borne.lkg;
  const recovered = yield* recover(h, lkg, damaged);
  const flags: string[] = recovered.unread === true ? [FLAG.sourceUnreadable] : [];
  const evidence = sourceEvidence(h, recovered);
  if (recovered.source !== null && orderMatters(h, recovered.source.observer))
    evidence.push('The order of these snapshots is estimated.');
  if (recovered.recovery !== 'exact' || borne === null) return { lkg, recovered, flags, evidence };
  if (borne.against !== null) {
    flags.push(h.context.side === 'backup' ? FLAG.sideBackup : FLAG.sideUnknown);
    evidence.push(differentBytes(h, borne.lkg, borne.against), "One copy against one: can't tell which copy is right.");
  } else if (borne.second !== null)
    evidence.push(`Another copy of it, in ${nameOf(h.context, borne.second.observer)}, has the same bytes.`);
  return { lkg, recovered, flags, evidence };
}

/** Another state of the path is in a snapshot that may as well be the newer one. */
function orderMatters(h: History, observer: number): boolean {
  const source = h.byObserver.get(observer);
  if (source === undefined) return false;
  return h.earlier.some(
    (one) =>
      one.version !== source.version &&
      volumeOf(h, one) === volumeOf(h, source) &&
      !same(one, source) &&
      orderIsDoubtful(h.context, one, source),
  );
}

function differentBytes(h: History, a: Sighting, b: Sighting): string {
  const said = ({ digest, observer }: Sighting): string =>
    `${digest === null ? 'unread' : hexDigest(digest)} in ${nameOf(h.context, observer)}`;
  return `Same size and mtime, other content: ${said(a)}, ${said(b)}.`;
}

function sourceEvidence(h: History, recovered: Recovered): string[] {
  const { source } = recovered;
  if (source === null && recovered.unread === true)
    return [
      'A snapshot has it, but no copy of it could be read: run this as a user who may read it, or check the disk.',
    ];
  if (source === null) return recovered.recovery === 'none' ? ['No copy of it is left that can be read.'] : [];
  const from = `${nameOf(h.context, source.observer)}${source.path === h.facts.path ? '' : `, as ${source.path}`}`;
  return [recovered.recovery === 'exact' ? `Identical copy in ${from}.` : `Only an older version is left, in ${from}.`];
}
