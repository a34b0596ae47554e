// A configuration as rollcall.yaml would say it: every default spelled out. What config prints, and what differences
// are made of.
import type {
  Configuration,
  Hook,
  Maintenance,
  Schedule,
  Scrub,
  WatchedBackup,
  WatchedVolume,
} from '../../../domain/watch/configuration.ts';
import { placesIn } from '../../../domain/gluster/brick-places.ts';
import { offsetsOf } from '../../../domain/time-zone.ts';
import { DAY_MS } from '../../../domain/lengths.ts';
import { durationText, minuteText, rateText, WEEKDAYS, windowText } from '../../../domain/watch/units.ts';
import type {
  ConfigurationFile,
  FileBackup,
  FileHook,
  FileMaintenance,
  FileSchedule,
  FileScrub,
  FileVolume,
} from './shape.ts';

export function written(configuration: Configuration): ConfigurationFile {
  const { timeZone, bundles, volumes, backups, maintenance, digest, alarms, hooks, keepMessagesDays } = configuration;
  return {
    time_zone: timeZone,
    ...(bundles === null ? {} : { bundles }),
    volumes: byName(volumes, writtenVolume),
    backups: byName(backups, writtenBackup),
    ...(maintenance.length === 0 ? {} : { maintenance: maintenance.map((one) => writtenMaintenance(one, timeZone)) }),
    hooks: byName(hooks, writtenHook),
    alarms: alarms.map(({ kinds, subjects, hooks }) => ({ ...filled({ kinds, subjects }), hooks })),
    ...(digest === null ? {} : { digest: { at: minuteText(digest.atMinute), hooks: digest.hooks } }),
    keep_messages: durationText(keepMessagesDays * DAY_MS),
  };
}

function byName<T extends { readonly name: string }, F>(
  list: readonly T[],
  write: (one: T) => F,
): Readonly<Record<string, F>> {
  const fields = Object.create(null) as Record<string, F>;
  for (const one of list) fields[one.name] = write(one);
  return fields;
}

/** Lists that hold something. */
function filled<T extends Readonly<Record<string, readonly string[]>>>(lists: T): Partial<T> {
  return Object.fromEntries(Object.entries(lists).filter(([, list]) => list.length > 0)) as Partial<T>;
}

function writtenVolume(one: WatchedVolume): FileVolume {
  const { excludes, pings } = one;
  return {
    host: one.host,
    ...(one.layout === 'gluster' ? { bricks: placesIn(one.path) } : { path: one.path }),
    backups: one.backups,
    ...filled({ excludes }),
    ...(one.crossMounts ? { cross_mounts: true } : {}),
    ...(one.notGluster ? { not_gluster: true } : {}),
    ...(one.bricksRescued ? { bricks_rescued: true } : {}),
    quick: writtenSchedule(one.quick),
    scrub: writtenScrub(one.scrub),
    ...(one.blindAfterMs === null ? {} : { blind_after: durationText(one.blindAfterMs) }),
    ...filled({ pings }),
  };
}

function writtenBackup({ host, pattern, snapshotsMax, tz, look, pings }: WatchedBackup): FileBackup {
  return {
    host,
    pattern,
    ...(snapshotsMax === null ? {} : { snapshots: snapshotsMax }),
    ...(tz === null ? {} : { time_zone: tz }),
    look: writtenSchedule(look),
    ...filled({ pings }),
  };
}

function writtenSchedule(schedule: Schedule | null): FileSchedule {
  if (schedule === null) return 'never';
  const window = schedule.window === null ? {} : { window: windowText(schedule.window) };
  if ('cron' in schedule) return { cron: schedule.cron, ...window };
  const every = durationText(schedule.everyMs);
  return schedule.window === null ? every : { every, ...window };
}

function writtenScrub(scrub: Scrub | null): FileScrub {
  if (scrub === null) return 'never';
  const { withinDays, graceDays, bytesPerSecond, window } = scrub;
  return {
    within: `${withinDays}d`,
    grace: `${graceDays}d`,
    ...(bytesPerSecond === null ? {} : { budget: rateText(bytesPerSecond) }),
    ...(window === null ? {} : { window: windowText(window) }),
  };
}

function writtenMaintenance({ subjects, reason, at }: Maintenance, timeZone: string): FileMaintenance {
  const when =
    'fromMs' in at
      ? { from: localText(at.fromMs, timeZone), until: localText(at.untilMs, timeZone) }
      : {
          ...(at.weekdays.length === WEEKDAYS.length
            ? {}
            : { weekdays: at.weekdays.map((day) => WEEKDAYS[day] ?? '') }),
          window: windowText(at.window),
        };
  return { reason, ...filled({ subjects }), ...when };
}

/** With its offset: one hour of autumn comes twice. */
function localText(atMs: number, timeZone: string): string {
  const offsetMs = offsetsOf(timeZone)(atMs);
  const minutes = Math.abs(Math.round(offsetMs / 60_000));
  const local = new Date(atMs + offsetMs).toISOString().replace(/(:00)?\.\d+Z$/, '');
  return `${local}${offsetMs < 0 ? '-' : '+'}${minuteText(minutes)}`;
}

function writtenHook(hook: Hook): FileHook {
  switch (hook.type) {
    case 'mail': {
      const { type, from, to, server, user, password } = hook;
      return { type, from, to, server, ...set({ user, password }) };
    }
    case 'webhook': {
      const { type, url, template, secret, token, allowInternal } = hook;
      return { type, url, template, ...set({ secret, token }), ...internal(allowInternal) };
    }
    case 'ping':
      return { type: hook.type, url: hook.url, ...internal(hook.allowInternal) };
    case 'ntfy':
      return { type: hook.type, url: hook.url, ...set({ token: hook.token }), ...internal(hook.allowInternal) };
    case 'command':
      return { type: hook.type, program: hook.program };
  }
}

function internal(allowed: boolean): { readonly allow_internal?: boolean } {
  return allowed ? { allow_internal: true } : {};
}

/** Fields that hold something. */
function set<K extends string>(fields: Readonly<Record<K, string | null>>): Partial<Record<K, string>> {
  return Object.fromEntries(Object.entries(fields).filter(([, text]) => text !== null)) as Partial<Record<K, string>>;
}
