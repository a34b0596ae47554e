// Times as people write them: `--since WHEN`, `--as-of WHEN`.
import { RollcallError } from '../../domain/exit.ts';
import { dateAlone } from '../../domain/snapshot-date.ts';
import { offsetsFor } from '../files/zone.ts';

const UNIT_MS: Readonly<Record<string, number>> = {
  minute: 60_000,
  hour: 3_600_000,
  day: 86_400_000,
  week: 7 * 86_400_000,
};

export interface WhenOptions {
  /** The option that was given, for messages. */
  readonly option: string;
  readonly nowMs: number;
  /** IANA zone of times without an offset; null for the machine's. */
  readonly tz: string | null;
}

/** Ms since 1970. A date without a time is the whole day, both ends included; a time is both ends at once. */
export interface When {
  readonly fromMs: number;
  readonly toMs: number;
}

/**
 * 2026-11-21, 2026-11-21T03:00 (in tz; Z and offsets are understood), "3 days ago", "36 hours ago", yesterday.
 * @throws RollcallError for anything else, and for times that are still to come
 */
export function parseWhen(text: string, options: WhenOptions): When {
  const offsetAt = offsetsFor(options.tz);
  const ago = /^(\d+)\s*(minute|hour|day|week)s?(\s+ago)?$/.exec(text.trim());
  const unit = UNIT_MS[ago?.[2] ?? ''];
  const instant = (ms: number): When => ({ fromMs: ms, toMs: ms });
  const when =
    text.trim() === 'yesterday'
      ? instant(options.nowMs - 86_400_000)
      : unit !== undefined
        ? instant(options.nowMs - Number(ago?.[1]) * unit)
        : dateAlone(text.trim(), offsetAt);
  if (when === null) {
    throw new RollcallError(`${options.option} ${JSON.stringify(text)} is not understood.`, {
      next: 'Write a date (2026-11-21), a time (2026-11-21T03:00) or an age ("3 days ago").',
    });
  }
  if (when.fromMs > options.nowMs) {
    throw new RollcallError(`${options.option} ${text} is in the future.`, { next: 'Give a time that has passed.' });
  }
  return { fromMs: when.fromMs, toMs: when.toMs };
}

/** `--since`: a date without a time is its beginning. */
export function parseSince(text: string, options: Omit<WhenOptions, 'option'>): number {
  return parseWhen(text, { ...options, option: '--since' }).fromMs;
}
