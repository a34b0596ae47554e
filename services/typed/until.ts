// Times to come as people write them: `--until WHEN`.
import { RollcallError } from '../../domain/exit.ts';
import { dateAlone } from '../../domain/snapshot-date.ts';
import { instantsOf } from '../../domain/time-zone.ts';
import { DAY_MS } from '../../domain/lengths.ts';
import { parseDuration, parseMinute } from '../../domain/watch/units.ts';
import { offsetsFor } from '../files/zone.ts';

/** Whoever wants longer says so again: nothing stays silent because somebody forgot it. */
const AHEAD_MAX_MS = 366 * DAY_MS;

/**
 * 2h, "3 days" (from now); 06:00 (the next time that clocks show it); 2026-12-01 (the end of that day),
 * 2026-12-01T08:00 (in tz; Z and offsets are understood).
 * @param options.tz IANA zone; null for the machine's
 * @returns ms since 1970
 * @throws RollcallError for anything else, for times that have passed, and for more than a year
 */
export function parseUntil(
  text: string,
  { nowMs, tz, option = '--until' }: { readonly nowMs: number; readonly tz: string | null; readonly option?: string },
): number {
  const untilMs = readUntil(text.trim(), nowMs, tz);
  const refuse = (why: string, next: string): RollcallError =>
    new RollcallError(`${option} ${JSON.stringify(text)} ${why}.`, { next });
  if (untilMs === null)
    throw refuse(
      'is not understood',
      'Write a length of time (2h, "3 days"), a time of day (06:00), a date (2026-12-01: its end) or a time (2026-12-01T08:00).',
    );
  if (untilMs <= nowMs) throw refuse('has passed', 'Give a time to come.');
  if (untilMs - nowMs > AHEAD_MAX_MS) throw refuse('is more than a year ahead', 'Give a time within a year.');
  return untilMs;
}

function readUntil(text: string, nowMs: number, tz: string | null): number | null {
  const lengthMs = parseDuration(text);
  if (lengthMs !== null) return nowMs + lengthMs;
  const offsetAt = offsetsFor(tz);
  const minute = parseMinute(text);
  if (minute !== null) {
    const localMs = nowMs + offsetAt(nowMs);
    const dayMs = localMs - (((localMs % DAY_MS) + DAY_MS) % DAY_MS);
    const times = [0, 1].map((days) => instantsOf(dayMs + days * DAY_MS + minute * 60_000, offsetAt).toMs);
    return times.find((time) => time > nowMs) ?? null;
  }
  return dateAlone(text, offsetAt)?.toMs ?? null;
}
