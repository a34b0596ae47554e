// From the file's fields to the configuration that holds: every default filled in, every host named, times as numbers.
import { CronExpressionParser } from 'cron-parser';
import { decodePath, encodeText, PathError } from '../../../domain/path.ts';
import { type OffsetAt, offsetsOf } from '../../../domain/time-zone.ts';
import type {
  AlarmRule,
  Configuration,
  Hook,
  Maintenance,
  Schedule,
  Scrub,
  WatchedBackup,
  WatchedVolume,
  Window,
} from '../../../domain/watch/configuration.ts';
import { DAY_MS } from '../../../domain/lengths.ts';
import { parseDuration, parseMinute, parseRate, parseWindow, WEEKDAYS } from '../../../domain/watch/units.ts';
import { dateAlone } from '../../../domain/snapshot-date.ts';
import type { Place, Problem } from './problem.ts';
import { readHook } from './read-hook.ts';
import { readRoot } from './read-root.ts';
import type { ConfigurationFile, FileAlarm, FileMaintenance, FileSchedule, FileScrub, FileVolume } from './shape.ts';

/** What the file leaves to the machine on which it is applied. */
export interface Here {
  readonly host: string;
  /** IANA name. */
  readonly timeZone: string;
}

export interface ReadConfiguration {
  readonly configuration: Configuration;
  readonly problems: readonly Problem[];
}

export const DEFAULTS = { quickMs: DAY_MS, lookMs: DAY_MS / 24, graceDaysMax: 7, keepMessagesDays: 365 } as const;

/** Where there are problems, what they concern is filled with something: nobody may use it. */
export function readConfiguration(file: ConfigurationFile, here: Here): ReadConfiguration {
  const problems: Problem[] = [];
  const reader = new FieldReader(problems);
  const timeZone = reader.zone(file.time_zone, ['time_zone']) ?? here.timeZone;
  const offsetAt = offsetsOf(timeZone);
  const hooks = Object.entries(file.hooks ?? {}).map(([name, hook]): Hook => readHook(name, hook, problems));
  const { bundles } = file;
  return {
    problems,
    configuration: {
      timeZone,
      bundles:
        bundles === undefined
          ? null
          : typeof bundles === 'string'
            ? { host: here.host, directory: reader.path(bundles, ['bundles']) }
            : { host: bundles.host ?? here.host, directory: reader.path(bundles.directory, ['bundles', 'directory']) },
      volumes: Object.entries(file.volumes).map(([name, one]) => readVolume(name, one, here, reader)),
      backups: Object.entries(file.backups ?? {}).map(([name, one]): WatchedBackup => {
        const place = ['backups', name];
        return {
          name,
          host: one.host ?? here.host,
          pattern: reader.pattern(one.pattern, [...place, 'pattern']),
          snapshotsMax: one.snapshots ?? null,
          tz: reader.zone(one.time_zone, [...place, 'time_zone']),
          look: reader.schedule(one.look, [...place, 'look'], DEFAULTS.lookMs),
          pings: one.pings ?? [],
        };
      }),
      maintenance: (file.maintenance ?? []).map((one, at) =>
        readMaintenance(one, ['maintenance', at], reader, offsetAt),
      ),
      digest:
        file.digest === undefined
          ? null
          : { atMinute: reader.minute(file.digest.at, ['digest', 'at']), hooks: file.digest.hooks },
      alarms: alarmsOf(file.alarms, hooks),
      hooks,
      keepMessagesDays: reader.days(file.keep_messages, ['keep_messages']) ?? DEFAULTS.keepMessagesDays,
    },
  };
}

function readVolume(name: string, one: FileVolume, here: Here, reader: FieldReader): WatchedVolume {
  const place = ['volumes', name];
  return {
    name,
    ...readRoot(one, here.host, place, reader),
    backups: one.backups,
    excludes: one.excludes ?? [],
    crossMounts: one.cross_mounts ?? false,
    notGluster: one.not_gluster ?? false,
    bricksRescued: one.bricks_rescued ?? false,
    quick: reader.schedule(one.quick, [...place, 'quick'], DEFAULTS.quickMs),
    scrub: reader.scrub(one.scrub, [...place, 'scrub']),
    blindAfterMs: reader.duration(one.blind_after, [...place, 'blind_after']),
    pings: one.pings ?? [],
  };
}

/** Nobody who writes hooks and no rule wants silence. */
function alarmsOf(alarms: readonly FileAlarm[] | undefined, hooks: readonly Hook[]): readonly AlarmRule[] {
  if (alarms !== undefined) return alarms.map(({ kinds = [], subjects = [], hooks }) => ({ kinds, subjects, hooks }));
  const told = hooks.filter(({ type }) => type !== 'ping').map(({ name }) => name);
  return told.length === 0 ? [] : [{ kinds: [], subjects: [], hooks: told }];
}

function readMaintenance(one: FileMaintenance, place: Place, reader: FieldReader, offsetAt: OffsetAt): Maintenance {
  const { reason, subjects = [] } = one;
  if (one.from !== undefined || one.until !== undefined) {
    if (one.window !== undefined || one.weekdays !== undefined)
      reader.problem(place, 'write from and until for once, or weekdays and window for every week');
    const fromMs = reader.instant(one.from, [...place, 'from'], offsetAt)?.fromMs ?? 0;
    const untilMs = reader.instant(one.until, [...place, 'until'], offsetAt)?.toMs ?? 0;
    if (one.from === undefined || one.until === undefined) reader.problem(place, 'from and until belong together');
    else if (fromMs >= untilMs) reader.problem([...place, 'until'], 'it ends before it begins');
    return { subjects, reason, at: { fromMs, untilMs } };
  }
  const weekdays = (one.weekdays ?? WEEKDAYS).map((day) => WEEKDAYS.findIndex((known) => known === day));
  const window = reader.window(one.window, [...place, 'window']);
  if (one.window === undefined) reader.problem(place, 'write its window (window: 03:00-05:00), or from and until');
  return {
    subjects,
    reason,
    at: { weekdays: weekdays.sort((a, b) => a - b), window: window ?? { fromMinute: 0, untilMinute: 0 } },
  };
}

/** Reads single fields, and keeps what is wrong with them. */
class FieldReader {
  readonly #problems: Problem[];

  constructor(problems: Problem[]) {
    this.#problems = problems;
  }

  problem(place: Place, message: string): null {
    this.#problems.push({ place, message });
    return null;
  }

  duration(text: string | undefined, place: Place): number | null {
    if (text === undefined) return null;
    return parseDuration(text) ?? this.problem(place, 'write a length of time from one minute to ten years: 36h, 7d');
  }

  days(text: string | undefined, place: Place): number | null {
    const ms = this.duration(text, place);
    if (ms === null) return null;
    return ms % DAY_MS === 0 ? ms / DAY_MS : this.problem(place, 'write whole days: 30d');
  }

  window(text: string | undefined, place: Place): Window | null {
    if (text === undefined) return null;
    return (
      parseWindow(text) ??
      this.problem(place, 'write two different times of day: 22:00-06:00 (the whole day is no window: leave it out)')
    );
  }

  minute(text: string, place: Place): number {
    return parseMinute(text) ?? this.problem(place, 'write a time of day: 07:00') ?? 0;
  }

  zone(text: string | undefined, place: Place): string | null {
    if (text === undefined) return null;
    try {
      offsetsOf(text);
      return text;
    } catch {
      return this.problem(place, 'there is no such time zone; write its IANA name: Europe/Berlin, UTC');
    }
  }

  schedule(text: FileSchedule | undefined, place: Place, defaultMs: number): Schedule | null {
    if (text === undefined) return { everyMs: defaultMs, window: null };
    if (text === 'never') return null;
    if (typeof text === 'string') return { everyMs: this.duration(text, place) ?? defaultMs, window: null };
    const window = this.window(text.window, [...place, 'window']);
    if (text.cron !== undefined && text.every !== undefined) this.problem(place, 'write every or cron, not both');
    if (text.cron !== undefined) return { cron: this.cron(text.cron, [...place, 'cron']), window };
    return { everyMs: this.duration(text.every, [...place, 'every']) ?? defaultMs, window };
  }

  cron(text: string, place: Place): string {
    try {
      // A day that never comes (30 February) is found by looking for it.
      CronExpressionParser.parse(text, { currentDate: new Date(0), tz: 'UTC' }).next();
    } catch {
      this.problem(place, 'no time fits these five fields: minute 0-59, hour 0-23, day 1-31, month 1-12, weekday 0-7');
    }
    return text;
  }

  scrub(text: FileScrub | undefined, place: Place): Scrub | null {
    if (text === undefined || text === 'never') return null;
    const scrub = typeof text === 'string' ? { within: text } : text;
    const withinDays = this.days(scrub.within, typeof text === 'string' ? place : [...place, 'within']) ?? 1;
    const graceDays = this.days(scrub.grace, [...place, 'grace']);
    const rate = scrub.budget === undefined ? null : parseRate(scrub.budget);
    if (scrub.budget !== undefined && rate === null)
      this.problem([...place, 'budget'], 'write bytes per second with a unit: 50MB/s or 50MiB/s');
    return {
      withinDays,
      graceDays: graceDays ?? Math.min(DEFAULTS.graceDaysMax, Math.ceil(withinDays / 4)),
      bytesPerSecond: rate,
      window: this.window(scrub.window, [...place, 'window']),
    };
  }

  /** A local time that comes twice in autumn is both: the earlier where something begins, the later where it ends. */
  instant(
    text: string | undefined,
    place: Place,
    offsetAt: OffsetAt,
  ): { readonly fromMs: number; readonly toMs: number } | null {
    if (text === undefined) return null;
    const found = dateAlone(text, offsetAt);
    return found ?? this.problem(place, 'write a date and a time: 2026-12-24T20:00');
  }

  /** Absolute, without a slash at its end. */
  pattern(text: string, place: Place): string {
    const parts = text.split('/').slice(1);
    const path = text.length > 1 && text.endsWith('/') ? text.slice(0, -1) : text;
    if (path !== '/' && parts.slice(0, -1).includes('')) this.problem(place, 'two slashes follow one another');
    else if (parts.some((part) => part === '.' || part === '..')) this.problem(place, 'write it without . and ..');
    return path;
  }

  /** Printable: as reports show it, else as the characters stand. */
  path(text: string, place: Place): string {
    const path = this.pattern(text, place);
    try {
      decodePath(path);
      return path;
    } catch (error) {
      if (!(error instanceof PathError)) throw error;
      return encodeText(path);
    }
  }
}
