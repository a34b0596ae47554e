// Lengths of time, times of day and rates as rollcall.yaml writes them, read and written. A number without a unit is
// refused: nobody knows what it means.
import type { Window } from './configuration.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS, WEEK_MS } from '../lengths.ts';

/** Longer than anybody plans. */
const DURATION_MAX_MS = 10 * 366 * DAY_MS;

const UNITS: readonly (readonly [letter: string, ms: number])[] = [
  ['w', WEEK_MS],
  ['d', DAY_MS],
  ['h', HOUR_MS],
  ['m', MINUTE_MS],
];

/** In the schema, too. */
export const DURATION = String.raw`^[0-9]{1,8}(?:\.[0-9]{1,3})? ?(?:m|min|minutes?|h|hours?|d|days?|w|weeks?)$`;
const DURATION_PARTS = new RegExp(DURATION);

/** Ms; null for what is none, is zero, or is longer than ten years. A day is 24 hours, whatever clocks do. */
export function parseDuration(text: string): number | null {
  if (!DURATION_PARTS.test(text)) return null;
  const letter = /[a-z]/.exec(text)?.[0];
  const unitMs = UNITS.find(([one]) => one === letter)?.[1] ?? 0;
  const ms = Math.round(Number.parseFloat(text) * unitMs);
  return ms >= MINUTE_MS && ms <= DURATION_MAX_MS ? ms : null;
}

/** '36h', '7d', '90m': the largest unit that divides it; weeks are days, and one day is 24 hours. */
export function durationText(ms: number): string {
  if (ms >= 2 * DAY_MS && ms % DAY_MS === 0) return `${ms / DAY_MS}d`;
  if (ms % HOUR_MS === 0) return `${ms / HOUR_MS}h`;
  return `${Number((ms / MINUTE_MS).toFixed(3))}m`;
}

/** '7:05' and '07:05' are minutes since midnight; '24:00' is the end of the day. Null for what is no time of day. */
export function parseMinute(text: string): number | null {
  const [, hours, minutes] = /^([01]?[0-9]|2[0-4]):([0-5][0-9])$/.exec(text) ?? [];
  const minute = Number(hours) * 60 + Number(minutes);
  return hours === undefined || minute > 24 * 60 ? null : minute;
}

export function minuteText(minute: number): string {
  const pad = (value: number): string => String(value).padStart(2, '0');
  return `${pad(Math.floor(minute / 60))}:${pad(minute % 60)}`;
}

/** '22:00-06:00', also with a dash that a word processor made. Null for what is none, and for one without a length. */
export function parseWindow(text: string): Window | null {
  const [, from = '', until = ''] = /^([0-9:]+) ?[-–—] ?([0-9:]+)$/.exec(text) ?? [];
  const [fromMinute, untilMinute] = [parseMinute(from), parseMinute(until)];
  if (fromMinute === null || untilMinute === null || fromMinute === 24 * 60) return null;
  // The end of one day is the beginning of the next.
  const ends = untilMinute % (24 * 60);
  return ends === fromMinute ? null : { fromMinute, untilMinute: ends };
}

export function windowText({ fromMinute, untilMinute }: Window): string {
  return `${minuteText(fromMinute)}-${untilMinute === 0 ? '24:00' : minuteText(untilMinute)}`;
}

const POWERS = 'KMGT';

/** In the schema, too. */
export const RATE = String.raw`^[0-9]{1,12}(?:\.[0-9]{1,3})? ?[KMGT]?(?:i?B)/s$`;
const RATE_PARTS = /^([0-9.]+) ?([KMGT]?)(i?)B\/s$/;

/** Bytes a second of '50MB/s' (powers of 1,000) or '50MiB/s' (of 1,024). Null for what is none, and for none at all. */
export function parseRate(text: string): number | null {
  if (!new RegExp(RATE).test(text)) return null;
  const [, digits = '', letter = '', binary = ''] = RATE_PARTS.exec(text) ?? [];
  const power = letter === '' ? 0 : POWERS.indexOf(letter) + 1;
  const bytes = Math.round(Number(digits) * (binary === 'i' ? 1024 : 1000) ** power);
  return bytes > 0 && Number.isSafeInteger(bytes) ? bytes : null;
}

/** The shortest that is exact. */
export function rateText(bytesPerSecond: number): string {
  for (const [base, mark] of [
    [1000, ''],
    [1024, 'i'],
  ] as const) {
    for (let power = POWERS.length; power > 0; power--) {
      const scaled = bytesPerSecond / base ** power;
      if (scaled >= 1 && Number(scaled.toFixed(3)) === scaled) return `${scaled}${POWERS.charAt(power - 1)}${mark}B/s`;
    }
  }
  return `${bytesPerSecond}B/s`;
}

export const WEEKDAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;
