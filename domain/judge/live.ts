// Rows 0 and 1: what can be said of live now at all, before anything is compared.
import { isAbsent } from '../errno.ts';
import { type BrickEvidence, type BrickVerdict, evidenceOf, isBrickVerdict } from '../gluster/evidence.ts';
import type { Gap } from '../scan.ts';
import { isGap } from '../facts.ts';
import { joinPath } from '../path.ts';
import { type Judging, needRead, readable } from './asking.ts';
import type { History, Sighting } from './sightings.ts';

export type LiveState =
  | {
      readonly kind: 'unreadable';
      readonly errno: string | null;
      readonly below: string | null;
      readonly why: string;
      /** What the bricks that could be asked have of it. */
      readonly bricks?: BrickEvidence;
    }
  | { readonly kind: 'unsettled'; readonly why: string }
  | { readonly kind: 'on bricks'; readonly verdict: BrickVerdict; readonly bricks: BrickEvidence }
  | { readonly kind: 'absent' }
  | { readonly kind: 'present'; readonly sighting: Sighting };

/**
 * What the scan and the second look (facts.readings at live now; 'CHANGED' also for what is no file) say. A file
 * without a digest is asked for once.
 */
export function* liveState(h: History): Judging<LiveState> {
  const sight = h.facts.sights[h.context.live] ?? null;
  const looks = h.facts.readings.filter((reading) => reading.observer === h.context.live);
  const look = looks.at(-1);
  const errno = look?.errno ?? null;
  const changed = { kind: 'unsettled', why: 'It changed while it was checked again.' } as const;
  if (sight !== null && isGap(sight)) {
    const state = gapState(sight, h.facts.path);
    return state.kind === 'on bricks' && errno === 'CHANGED' ? changed : state;
  }
  if (errno === 'CHANGED') return changed;
  if (errno !== null && !isAbsent(errno))
    return { kind: 'unreadable', errno, below: null, why: `Looking at it again failed: ${errno}.` };

  if (sight === null) {
    if (look !== undefined && look.digest !== null)
      return { kind: 'unsettled', why: 'The scan found it gone, and it has come back since.' };
    return { kind: 'absent' };
  }
  if (errno !== null) return { kind: 'unsettled', why: `The scan saw it, and it is gone since: ${errno}.` };
  const moved = looks.some(
    (reading) =>
      reading.digest !== null &&
      (sight.kind !== 'file' ||
        (sight.digest !== null &&
          reading.digest !== sight.digest &&
          (reading.inode !== sight.inode || reading.ctimeNs !== sight.ctimeNs))),
  );
  if (moved) return { kind: 'unsettled', why: 'It was written or replaced since the scan.' };

  const { live } = h;
  if (live === null) throw new Error(`no sighting of ${h.facts.path} live now`);
  if (live.kind === 'file' && live.digest === null && look === undefined && readable(h, live))
    return yield* needRead(h, [live]);
  return { kind: 'present', sighting: live };
}

function gapState(gap: Gap, path: string): LiveState {
  if (gap.status === 'unsettled') return { kind: 'unsettled', why: gap.detail ?? 'It kept changing during the scan.' };
  const at = gapPath(gap);
  const bricks = evidenceOf(gap.detail);
  if (bricks !== null && at === path && isBrickVerdict(gap.status))
    return { kind: 'on bricks', verdict: gap.status, bricks };
  const below = at === path ? null : at;
  const reason = gap.errno ?? gap.status;
  const detail = gap.detail === null || bricks !== null ? '' : ` (${gap.detail})`;
  const why =
    below === null
      ? `It could not be read: ${reason}${detail}.`
      : `It is below ${below === '' ? 'the root' : below}, which could not be read: ${reason}${detail}.`;
  return { kind: 'unreadable', errno: gap.errno, below, why, ...(bricks === null ? {} : { bricks }) };
}

/** Printable path of what could not be read. */
export function gapPath(gap: Gap): string {
  if (gap.name === '') return gap.directory;
  return joinPath(gap.directory, gap.name);
}
