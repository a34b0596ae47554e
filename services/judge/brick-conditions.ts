// What a person must do about names on bricks, before anything else looks at the volume.
import type { Condition, Finding } from '../../domain/assessment.ts';
import { heals } from '../../domain/gluster/evidence.ts';
import type { Verdict } from '../../domain/verdicts.ts';

function plural(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}

export function brickConditions(findings: readonly Finding[]): Condition[] {
  const open = findings.filter(({ accepted, bricks }) => accepted === null && bricks !== undefined);
  const count = (verdict: Verdict): number => open.filter((finding) => finding.verdict === verdict).length;
  const rescue = open.filter(({ bricks }) => bricks?.copies.some((copy) => copy.rescue) === true).length;
  const conditions: Condition[] = [];
  if (rescue > 0) {
    const text = `${plural(rescue, 'file is', 'files are')} hidden on the bricks: users do not see them, and whoever looks at their names through a mount, read-only or not, can delete the last copy. Keep everybody and every program off the mount, and copy them off the bricks first (rescue/rescue.sh in the bundle).`;
    conditions.push({ code: 'hidden', text });
  }
  if (count('unreachable') > 0) {
    const text = `${plural(count('unreachable'), 'file is', 'files are')} whole on a brick, and users cannot open them by name. Do not restore them: that would make a second copy. After the rescue, finish the rebalance (gluster volume rebalance VOLUME start force), or set cluster.lookup-optimize off for the volume.`;
    conditions.push({ code: 'unreachable', text });
  }
  const behind = open.filter(({ verdict, bricks }) => verdict === 'misplaced' && heals(bricks?.why ?? [])).length;
  if (behind > 0) {
    const text = `${plural(behind, 'name has', 'names have')} a replica that is behind, as after a server was away. What its marks blame is not believed, and users see the rest. Copy nothing by hand: rescue what is hidden, then let GlusterFS bring the replica up to date (gluster volume heal VOLUME; gluster volume heal VOLUME info).`;
    conditions.push({ code: 'replica-behind', text });
  }
  const conflicting = count('misplaced') - behind;
  if (conflicting > 0) {
    const text = `${plural(conflicting, 'name has', 'names have')} conflicting copies on the bricks. Copy all of them off the bricks and compare them before anything decides between them; the findings say what each brick has.`;
    conditions.push({ code: 'misplaced', text });
  }
  return conditions;
}
