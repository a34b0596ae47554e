// `scrub`: one slice of the promise that every file of a live volume is read again within so many days. A slice is a
// scan that besides reads the directories whose turn it is; what it finds changed in silence is judged by the next
// assessment.
import { orphanOf } from '../domain/gluster/orphans.ts';
import { planSlice } from '../domain/watch/scrub.ts';
import type { Scrub, WatchedVolume } from '../domain/watch/configuration.ts';
import { newestGaps } from './catalog/scans.ts';
import { type ChosenFiles, chooseFiles, scrubFacts, suspectsOf } from './catalog/scrub.ts';
import { checkLive } from './typed/inputs.ts';
import { askingHosts } from './scan/asking-hosts.ts';
import { scanSlice } from './scan/scan-tree.ts';
import { type ScanTools, totalsOf } from './scan/scan-volume.ts';

/** Plain JSON: a task keeps it. */
export interface SliceRequest
  extends Pick<WatchedVolume, 'path' | 'excludes' | 'crossMounts' | 'notGluster' | 'bricksRescued'> {
  /** The volume's name in the configuration. */
  readonly name: string;
  readonly volumeId: number;
  readonly scrub: Scrub;
  /** When its window closes (ms); null: never. */
  readonly untilMs: number | null;
}

export interface SliceResult {
  /** What was chosen; all 0 where nothing was to be read now. */
  readonly directories: number;
  readonly bytes: number;
  /** Files whose content changed in silence. */
  readonly suspects: number;
  /** The scan could not look at all of the volume. */
  readonly isIncomplete: boolean;
}

const NOTHING: SliceResult = { directories: 0, bytes: 0, suspects: 0, isIncomplete: false };

/**
 * What stopped the last audit of the volume stays on record: a slice is none.
 * @throws RollcallError as scan does
 */
export async function scrubSlice(tools: ScanTools, request: SliceRequest): Promise<SliceResult> {
  const checks = { ...request, cwd: '/', newState: false };
  const { live } = await askingHosts(tools, request.path, () => checkLive(request.path, checks));
  const scope = { excludes: request.excludes, crossMounts: request.crossMounts };
  let chosen = { directories: 0, bytes: 0 };
  const { volume, run } = await scanSlice(tools, { path: live, scope }, async () => {
    const choice = await choose(tools, request);
    chosen = { directories: choice.directories.length, bytes: choice.bytes };
    return choice.directories.length === 0 ? null : { ...choice, bytesPerSecond: request.scrub.bytesPerSecond };
  });
  if (run === null) return NOTHING;
  const gaps = await newestGaps(tools.db.pool, volume.id);
  return {
    // One that another worker began is continued here: what it had chosen is known to its scan.
    directories: Math.max(1, chosen.directories),
    bytes: Math.max(chosen.bytes, totalsOf(run)?.bytesRead ?? 0),
    suspects: await suspectsOf(tools.db.pool, run.scanId),
    isIncomplete: gaps.some((gap) => gap.status !== 'boundary' && orphanOf(gap) === null),
  };
}

async function choose({ db, nowMs }: ScanTools, { volumeId, scrub, untilMs }: SliceRequest): Promise<ChosenFiles> {
  const atMs = nowMs();
  const leftMs = untilMs === null ? Number.POSITIVE_INFINITY : untilMs - atMs;
  const facts = await scrubFacts(db.pool, volumeId, scrub, atMs);
  if (facts === null || leftMs <= 0) return { directories: [], bytes: 0 };
  return chooseFiles(db.pool, volumeId, planSlice(scrub, facts, leftMs, atMs), atMs);
}
