// Whether a slice of the scrub is to be left now, and what it is told.
import { EXIT } from '../../domain/exit.ts';
import { planSlice } from '../../domain/watch/scrub.ts';
import type { WatchedVolume } from '../../domain/watch/configuration.ts';
import { windowLeftMs } from '../../domain/watch/window-length.ts';
import { holdingConfiguration } from '../catalog/configurations.ts';
import type { Queryable } from '../catalog/scans.ts';
import { lastSlice, scrubFacts } from '../catalog/scrub.ts';
import type { Json } from '../catalog/tasks.ts';

/** After one that could not look, or had nothing to read. */
const AGAIN_MS = 60 * 60_000;
/** Not begun where its window closes before so long. */
const LEAST_MS = 60_000;

/**
 * The reference of a task `scrub` for a volume, in the shape of SliceRequest. Null: nothing to read again now, its
 * window is closed, or a slice is left already.
 */
export async function scrubReference(
  client: Queryable,
  volume: WatchedVolume,
  volumeId: number,
  nowMs: number,
): Promise<Json | null> {
  const { scrub } = volume;
  if (scrub === null) return null;
  const timeZone = (await holdingConfiguration(client))?.timeZone ?? 'UTC';
  const leftMs = windowLeftMs(scrub.window, timeZone, nowMs);
  if (leftMs < LEAST_MS) return null;
  const last = await lastSlice(client, volumeId);
  if (last?.isLeft === true) return null;
  const { hasFound, isInVain } = saidBy(last?.result ?? null);
  if (isInVain && last !== null && Math.abs(nowMs - last.endedMs) < AGAIN_MS) return null;
  const facts = await scrubFacts(client, volumeId, scrub, nowMs);
  if (facts === null || facts.read.length === 0) return null;
  // The neighbours of what is corrupt do not wait for their turn.
  if (!hasFound && !planSlice(scrub, facts, leftMs, nowMs).isWorth) return null;
  const { name, path, excludes, crossMounts, notGluster, bricksRescued } = volume;
  const untilMs = Number.isFinite(leftMs) ? nowMs + leftMs : null;
  return { name, volumeId, path, excludes, crossMounts, notGluster, bricksRescued, scrub, untilMs };
}

function saidBy(result: Json | null): { readonly hasFound: boolean; readonly isInVain: boolean } {
  const said = result?.['said'] as { readonly directories?: number; readonly suspects?: number } | undefined;
  const exit = result?.['exit'];
  return {
    hasFound: (said?.suspects ?? 0) > 0,
    isInVain: exit === EXIT.failure || exit === EXIT.guard || (said?.directories ?? 0) === 0,
  };
}
