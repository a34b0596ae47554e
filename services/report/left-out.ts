// What the assessment calls restorable and yet stands in no list, by reason, and what a person can do about it. Pure.
import { fate } from '../../domain/picture.ts';
import { TOO_LONG } from '../../domain/restore/entry.ts';
import { BESIDE_ALREADY, type RestorePlan } from '../../domain/restore/plan.ts';
import type { LeftOutGroup } from './present.ts';

/**
 * `assess` is the command that looks for other copies. What nobody has decided on (a side unknown, a path that cannot
 * be read) is told apart, as not decided.
 */
export function leftOutGroups(plan: RestorePlan, assess: string): LeftOutGroup[] {
  const groups = new Map<string, LeftOutGroup>();
  for (const { finding, why, sourceFailed } of plan.leftOut) {
    if (fate(finding) !== 'restorable') continue;
    const isDone = why === BESIDE_ALREADY;
    const remedy = remedyOf(why, sourceFailed, assess);
    const group = groups.get(why) ?? { why, files: 0, directories: 0, remedy, isDone };
    const isDirectory = finding.kind === 'directory';
    groups.set(why, {
      ...group,
      files: group.files + (isDirectory ? 0 : 1),
      directories: group.directories + (isDirectory ? 1 : 0),
    });
  }
  return [...groups.values()];
}

function remedyOf(why: string, sourceFailed: boolean, assess: string): string | null {
  if (why === TOO_LONG)
    return 'Copy these by hand: enter the directory in the snapshot and the one at the target in several steps (cd A; cd B), and copy from there.';
  if (why === BESIDE_ALREADY) return 'Compare the two, keep what you need, then accept the finding.';
  return sourceFailed ? `They are not given up: ${assess} looks for other copies.` : null;
}
