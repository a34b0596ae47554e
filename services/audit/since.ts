// `--since WHEN`, as people write times.
import { RollcallError } from '../../domain/exit.ts';
import { dateInName, offsetsOf } from '../../domain/snapshot-date.ts';

const UNIT_MS: Readonly<Record<string, number>> = {
  minute: 60_000,
  hour: 3_600_000,
  day: 86_400_000,
  week: 7 * 86_400_000,
};

/**
 * 2026-11-21, 2026-11-21T03:00 (in tz; Z and offsets are understood), "3 days ago", "36 hours ago", yesterday.
 * @returns ms since 1970; a date without a time is its beginning
 * @throws RollcallError for anything else, and for times that are still to come
 */
export function parseSince(text: string, options: { readonly nowMs: number; readonly tz: string | null }): number {
  const offsetAt = offsetsOf(options.tz ?? new Intl.DateTimeFormat().resolvedOptions().timeZone);
  const ago = /^(\d+)\s*(minute|hour|day|week)s?(\s+ago)?$/.exec(text.trim());
  const unit = UNIT_MS[ago?.[2] ?? ''];
  const sinceMs =
    text.trim() === 'yesterday'
      ? options.nowMs - 86_400_000
      : unit !== undefined
        ? options.nowMs - Number(ago?.[1]) * unit
        : dateInName(text.trim(), offsetAt)?.fromMs;
  if (sinceMs === undefined) {
    throw new RollcallError(`--since ${JSON.stringify(text)} is not understood.`, {
      next: 'Write a date (2026-11-21), a time (2026-11-21T03:00) or an age ("3 days ago").',
    });
  }
  if (sinceMs > options.nowMs) {
    throw new RollcallError(`--since ${text} is still to come.`, {
      next: 'Give the time when the loss may have begun.',
    });
  }
  return sinceMs;
}
