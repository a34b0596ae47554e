// What report, README.txt and terminal say of a bundle: its lists, what is needed and free for them, and what is left
// out.
import type { Assessment } from '../../domain/assessment.ts';
import { isLeftByDefault } from '../../domain/restore/needs.ts';
import { parentOf } from '../../domain/path.ts';
import type { RestorePlan } from '../../domain/restore/plan.ts';
import type { Chosen, Selection } from '../../domain/restore/selection.ts';
import { isBricks } from '../../domain/gluster/named.ts';
import { mountedBy } from '../files/bricks-mount.ts';
import { assessAgain, MOUNT } from '../report/commands.ts';
import { leftOutGroups } from '../report/left-out.ts';
import type { ListSummary, ReportInput } from '../report/present.ts';
import type { ListLine } from './list-records.ts';
import type { Lists } from './lists.ts';
import { partSummary } from './part.ts';
import type { Room } from './asks.ts';
import { rescueSummary } from './rescue.ts';
import { BLOCK_BYTES, freeAt } from './target.ts';

/** Of what a bundle is written from (services/bundle/write.ts). */
interface Reported {
  readonly assessment: Assessment;
  readonly outDir: string;
  /** Where it is written. */
  readonly host: string;
  readonly program: string;
  readonly owners: ReadonlyMap<number, string>;
  readonly selection?: Selection;
  /** Of the volume's file system; null where it could not be asked. */
  readonly room: Room | null;
}

export function listOf(line: ListLine): ListSummary {
  const extension = line.type === 'replace' ? 'files' : line.type;
  return {
    file: `lists/${line.source.nn}-${line.list}.${extension}0`,
    kind: line.needs.includes('older') ? 'older' : line.needs.includes('damaged') ? 'damaged' : 'missing',
    needs: line.needs,
    snapshot: line.source.snapshot,
    inTarget: line.source.inTarget,
    asOf: line.source.asOf,
    files: line.entries.length,
    bytes: line.bytes,
  };
}

export function reportInput(input: Reported, chosen: Chosen, plan: RestorePlan, lists: Lists): ReportInput {
  const asked = lists.lines.filter((line) => !isLeftByDefault(line.needs));
  const unasked = plan.entries.filter(({ needs }) => !isLeftByDefault(needs));
  const { block, ...free } = input.room ?? { block: BLOCK_BYTES, bytes: null };
  const inBlocks = (size: number): number => Math.ceil(size / block) * block;
  const replaced = asked.flatMap(({ type, entries }) => (type === 'replace' ? entries : []));
  return {
    bundle: input.outDir,
    target: isBricks(input.assessment.livePath) ? MOUNT : input.assessment.livePath,
    targetHost: input.assessment.liveHost === input.host ? null : input.assessment.liveHost,
    program: input.program,
    lists: asked.filter((line) => line.type !== 'links').map(listOf),
    directories: unasked.filter(({ action }) => action === 'directory').length,
    links: unasked.filter(({ action }) => action === 'link').length,
    needed: {
      bytes: asked
        .flatMap(({ type, entries }) => (type === 'links' ? [] : entries))
        .reduce((total, { state }) => total + inBlocks(state.size ?? 0), 0),
      inodes: unasked.filter(({ action }) => action === 'copy' || action === 'directory').length,
    },
    free: free.bytes === null ? null : free,
    evidence: {
      bytes: replaced.reduce((total, { obstacle }) => total + inBlocks(obstacle?.state.size ?? 0), 0),
      free: freeAt(parentOf(input.outDir))?.bytes ?? null,
    },
    remote: plan.sources.some(({ proof }) => proof === 'export'),
    leftOut: leftOutGroups(plan, assessAgain(input.program, input.assessment)),
    fallenBack: plan.entries.filter(({ insteadOf }) => insteadOf !== null).length,
    owners: input.owners,
    onBricks: isBricks(input.assessment.livePath),
    mountedBy: input.assessment.liveHost === input.host ? mountedBy(input.assessment.livePath) : null,
    rescue: rescueSummary(input.assessment),
    part: input.selection === undefined ? null : partSummary(input, input.selection, chosen, lists),
  };
}
