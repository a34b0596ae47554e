// Content on the bricks that has no name: what judging holds against names that are gone, and what is left when it has.
import type { Assessment, Condition, Finding } from '../../domain/assessment.ts';
import type { Observer } from '../../domain/facts.ts';
import type { CopyOnBrick } from '../../domain/gluster/evidence.ts';
import { contentKey, type Orphan, orphanOf, placeKey } from '../../domain/gluster/orphans.ts';
import type { StoredGap } from '../catalog/reconciliation.ts';
import { brickConditions } from './brick-conditions.ts';

interface Scanned {
  readonly observers: readonly Observer[];
  readonly gaps: readonly StoredGap[];
}

/** Those of the newest live scan, and where others were seen before it. */
function orphansOf({ observers, gaps }: Scanned): { now: Orphan[]; before: ReadonlySet<string> } {
  const live = observers.at(-1)?.scan.id;
  const now: Orphan[] = [];
  const before = new Set<string>();
  for (const gap of gaps) {
    const orphan = orphanOf(gap);
    if (orphan === null) continue;
    if (gap.scan === live) now.push(orphan);
    else before.add(placeKey(orphan.copy));
  }
  return { now, before };
}

/** By contentKey(): for names that are gone, and whose content may be among it. None for a volume of no bricks. */
export function orphansByContent(scanned: Scanned): { orphans?: ReadonlyMap<string, readonly CopyOnBrick[]> } {
  const byContent = new Map<string, CopyOnBrick[]>();
  for (const { copy } of orphansOf(scanned).now) {
    const key = contentKey(copy.size, copy.xxh64);
    if (key === null) continue;
    const others = byContent.get(key);
    if (others === undefined) byContent.set(key, [copy]);
    else others.push(copy);
  }
  return byContent.size === 0 ? {} : { orphans: byContent };
}

type Left = Pick<Assessment, 'orphans' | 'conditions' | 'incomplete'>;

/**
 * What a person must know of the bricks, and the content there that no name which is gone was found to be. What was
 * deleted while it was open is listed, and nothing more. The rest is worth a sentence; what has no name at all, and was
 * not there at an earlier look, nobody can say is no loss.
 */
export function saidOfBricks(scanned: Scanned, findings: readonly Finding[]): Left {
  const { now, before } = orphansOf(scanned);
  const conditions = brickConditions(findings);
  if (now.length === 0) return { conditions, incomplete: [] };
  const matched = new Set(findings.flatMap(({ bricks }) => (bricks?.copies ?? []).map(placeKey)));
  const orphans = now.filter(({ copy }) => !matched.has(placeKey(copy)));
  const lost = orphans.filter(({ isUnlinked }) => !isUnlinked);
  const unknown = lost.filter(({ copy, names }) => names.length === 0 && !before.has(placeKey(copy)));
  return { orphans, conditions: [...conditions, ...conditionsOf(lost)], incomplete: incompleteOf(unknown) };
}

function conditionsOf(lost: readonly Orphan[]): Condition[] {
  const [first] = lost;
  if (first === undefined) return [];
  const many = lost.length > 1;
  const { brick, handle = '' } = first.copy;
  const text = `${many ? `${lost.length} files` : 'A file'} on the bricks ${many ? 'have' : 'has'} no name (${many ? 'one is ' : ''}${handle} on ${brick}), and no file that is missing is known to be ${many ? 'among them' : 'it'}. A bundle lists them in rescue/orphans.jsonl, and its rescue.sh copies them off the bricks as well.`;
  return [{ code: 'orphans', text }];
}

function incompleteOf(unknown: readonly Orphan[]): string[] {
  if (unknown.length === 0) return [];
  const many = unknown.length > 1;
  return [
    `live: ${many ? `${unknown.length} files` : 'a file'} on the bricks ${many ? 'have' : 'has'} lost ${many ? 'their names' : 'its name'}, and nothing tells which files ${many ? 'they were' : 'it was'}: whether ${many ? 'they are' : 'it is'} missed is unknown. rescue/orphans.jsonl in the bundle lists ${many ? 'them' : 'it'}.`,
  ];
}
