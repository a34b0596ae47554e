// How numbers, times, verdicts and commands are put into words: the one wording of report, README, terminal and demo.
// Pure.
import { DAY_MS, HOUR_MS } from '../../domain/lengths.ts';

/** Groups of three digits, so that a count is read at a glance. */
export function count(value: number): string {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** '1 file', '215 files'. */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** '1 file and 10 directories are not restored automatically (its path is too long for rsync).' */
export function leftOut(group: { readonly why: string; readonly files: number; readonly directories: number }): string {
  const { files, directories } = group;
  const who = [
    ...(files > 0 ? [plural(files, 'file')] : []),
    ...(directories > 0 ? [plural(directories, 'directory', 'directories')] : []),
  ].join(' and ');
  return `${who} ${files + directories === 1 ? 'is' : 'are'} not restored automatically (${group.why}).`;
}

const UNITS = ['kB', 'MB', 'GB', 'TB', 'PB'] as const;

/** Decimal units with three significant digits: 999 B, 12.3 kB, 1.45 GB. */
export function bytes(value: number): string {
  if (value < 1000) return `${Math.round(value)} B`;
  let scaled = value;
  let unit = 'B';
  for (const next of UNITS) {
    if (scaled < 999.5) break;
    scaled /= 1000;
    unit = next;
  }
  const digits = scaled < 9.995 ? 2 : scaled < 99.95 ? 1 : 0;
  return `${scaled.toFixed(digits)} ${unit}`;
}

/** The share of a part in percent; never '0 %' for something, never '100 %' for less than all. */
export function percent(part: number, whole: number): string {
  if (whole <= 0 || part <= 0) return '0 %';
  if (part >= whole) return '100 %';
  const value = (part / whole) * 100;
  if (value < 0.1) return '< 0.1 %';
  if (value > 99.9) return '> 99.9 %';
  return `${value < 10 || value > 90 ? value.toFixed(1) : Math.round(value)} %`;
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const;

function pad(value: number): string {
  return String(value).padStart(2, '0');
}

/** First instant of an ISO 8601 time or of an interval `from/to`, in ms; null when it is neither. */
export function startMs(iso: string): number | null {
  const ms = Date.parse(iso.split('/')[0] ?? '');
  return Number.isNaN(ms) ? null : ms;
}

/** `2025-11-21 03:00` in UTC; an interval that covers exactly one day is that day; another interval is `from to to`. */
export function time(iso: string): string {
  const [from = '', to] = iso.split('/');
  const start = Date.parse(from);
  if (Number.isNaN(start)) return iso;
  const end = to === undefined ? start : Date.parse(to);
  if (Number.isNaN(end) || end - start <= 1000) return minute(start);
  if (start % DAY_MS === 0 && end - start <= DAY_MS && end - start > DAY_MS - 2000) return day(start);
  return `${minute(start)} to ${minute(end)}`;
}

function day(ms: number): string {
  const d = new Date(ms);
  return `${d.getUTCFullYear()}-${pad(d.getUTCMonth() + 1)}-${pad(d.getUTCDate())}`;
}

function minute(ms: number): string {
  const d = new Date(ms);
  return `${day(ms)} ${pad(d.getUTCHours())}:${pad(d.getUTCMinutes())}`;
}

/**
 * As `time`, for a terminal: in the time of this machine, with its offset, `2025-11-21 04:00 +01:00`. An interval that
 * covers exactly one day here or in UTC is that day.
 */
export function localTime(iso: string): string {
  const [from = '', to] = iso.split('/');
  const start = Date.parse(from);
  if (Number.isNaN(start)) return iso;
  const end = to === undefined ? start : Date.parse(to);
  if (Number.isNaN(end) || end - start <= 1000) return `${localMinute(start)} ${offset(start)}`;
  const isDay = end - start <= DAY_MS + HOUR_MS && end - start > DAY_MS - HOUR_MS - 2000;
  if (isDay && localMinute(start).endsWith(' 00:00')) return localMinute(start).slice(0, 10);
  if (isDay && start % DAY_MS === 0) return day(start);
  const first = offset(start) === offset(end) ? '' : ` ${offset(start)}`;
  return `${localMinute(start)}${first} to ${localMinute(end)} ${offset(end)}`;
}

function localMinute(ms: number): string {
  const d = new Date(ms);
  return `${d.getFullYear()}-${pad(d.getMonth() + 1)}-${pad(d.getDate())} ${pad(d.getHours())}:${pad(d.getMinutes())}`;
}

/** Of local time at an instant: '+01:00'. */
function offset(ms: number): string {
  const minutes = -new Date(ms).getTimezoneOffset();
  const size = Math.abs(minutes);
  return `${minutes < 0 ? '-' : '+'}${pad(Math.floor(size / 60))}:${pad(size % 60)}`;
}

/** `21 Nov`, or `21 Nov 03:00` where several fall on one day: the label of a chart's axis. */
export function shortTime(iso: string, withHours: boolean): string {
  const ms = startMs(iso);
  if (ms === null) return iso;
  const d = new Date(ms);
  const date = `${d.getUTCDate()} ${MONTHS[d.getUTCMonth()]}`;
  return withHours ? `${date} ${pad(d.getUTCHours())}:${pad(d.getUTCMinutes())}` : date;
}

/** What `--since` takes: the instant itself, without the milliseconds that nobody types. */
export function since(iso: string): string {
  const ms = startMs(iso);
  if (ms === null) return iso;
  // Never a date alone, which would be read as that day here.
  return new Date(ms).toISOString().replace('.000Z', 'Z');
}

/**
 * Names arrive in printable text form; texts that quote an operating system may not. Whatever could move a cursor, turn
 * the direction of writing or end a line becomes \xhh here, so that no door depends on another's care.
 */
export function visible(text: string): string {
  return text.replace(UNSEEN, (c) =>
    [...new TextEncoder().encode(c)].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join(''),
  );
}

/**
 * A JSON text that acts on no terminal. JSON.stringify leaves C1 controls and marks that turn the direction of writing
 * as they are; here they become \uXXXX, which every parser reads back.
 */
export function inertJson(json: string): string {
  return json.replace(UNSEEN_IN_JSON, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** UNSEEN without C0, which stands in JSON as white space only. */
const UNSEEN_IN_JSON = /[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/**
 * Control characters (C0, DEL, C1), lone surrogates, line separators, the byte order mark, and what turns the direction
 * of writing.
 */
const UNSEEN = /[\p{Cc}\p{Cs}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/gu;

/**
 * A printable path as one word of a POSIX shell that yields the bytes of the name. A form that holds `\` stands for
 * other bytes than its own, so it goes through printf, with octal escapes that every sh knows.
 */
export function shellWord(printable: string): string {
  const text = visible(printable);
  if (/^[A-Za-z0-9_/.,:@%+][A-Za-z0-9_/.,:@%+=-]*$/.test(text)) return text;
  if (!text.includes('\\')) return `'${text.replaceAll("'", `'\\''`)}'`;
  const octal = text.replace(/\\(\\|x([0-9a-f]{2}))/g, (_, escaped: string, hex: string | undefined) =>
    hex === undefined ? `\\${escaped}` : `\\0${parseInt(hex, 16).toString(8).padStart(3, '0')}`,
  );
  return `"$(printf %b '${octal.replaceAll("'", `\\0047`)}')"`;
}

/** As shellWord, and never taken for an option: a path that begins with a dash begins with `./`. */
export function operand(printable: string): string {
  return shellWord(printable.startsWith('-') ? `./${printable}` : printable);
}

/**
 * Text as lines of at most `width`, broken at spaces: `first` begins the first line, `indent` the others. A longer word
 * has a line of its own.
 */
export function wrapped(
  text: string,
  { width, indent, first }: { readonly width: number; readonly indent: string; readonly first: string },
): string[] {
  const lines: string[] = [];
  let line = first;
  let isEmpty = true;
  // An option is nothing without its value.
  for (const word of visible(text).split(/(?<!--since) /)) {
    if (!isEmpty && line.length + 1 + word.length > width) {
      lines.push(line);
      line = indent;
      isEmpty = true;
    }
    line += isEmpty ? word : ` ${word}`;
    isEmpty = false;
  }
  return [...lines, line];
}

/** One value on a line of its own, bigints as text, with nothing that a terminal or a page would obey. */
export function jsonLine(value: unknown): string {
  return inertJson(JSON.stringify(value, (_, each: unknown) => (typeof each === 'bigint' ? String(each) : each)));
}
