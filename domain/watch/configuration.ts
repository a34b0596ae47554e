// What is to be watched, as rollcall.yaml says it and the catalog keeps it: every default is filled in, every host is
// named, times are numbers. Plain JSON.

/** Null: at no time. */
export interface Configuration {
  /** IANA name; times of day are of this zone. */
  readonly timeZone: string;
  /** Where bundles of losses are written, as they are found. */
  readonly bundles: { readonly host: string; readonly directory: string } | null;
  readonly volumes: readonly WatchedVolume[];
  readonly backups: readonly WatchedBackup[];
  readonly maintenance: readonly Maintenance[];
  readonly digest: Digest | null;
  /** The first rule that fits an incident says who is told. */
  readonly alarms: readonly AlarmRule[];
  readonly hooks: readonly Hook[];
  readonly keepMessagesDays: number;
}

/** A live volume. Names are unique over volumes and backups. */
export interface WatchedVolume {
  readonly name: string;
  readonly host: string;
  /** A directory; or, with layout gluster, the bricks on its host as one list (domain/gluster/named.ts). */
  readonly path: string;
  readonly layout: 'tree' | 'gluster';
  /** Names of backups that protect it. */
  readonly backups: readonly string[];
  readonly excludes: readonly string[];
  readonly crossMounts: boolean;
  readonly notGluster: boolean;
  readonly bricksRescued: boolean;
  /** An assessment: metadata of all, the bytes of what changed. */
  readonly quick: Schedule | null;
  readonly scrub: Scrub | null;
  /** Ms without a complete audit; null: twice the schedule and 6 h. */
  readonly blindAfterMs: number | null;
  /** Names of hooks that are told of each run (ping). */
  readonly pings: readonly string[];
}

/** A series of snapshots. */
export interface WatchedBackup {
  readonly name: string;
  readonly host: string;
  readonly pattern: string;
  readonly snapshotsMax: number | null;
  /** Time zone of dates in its names; null: that of the configuration. */
  readonly tz: string | null;
  /** New, finished snapshots are scanned, and what they protect is assessed. */
  readonly look: Schedule | null;
  readonly pings: readonly string[];
}

export type Schedule =
  | { readonly everyMs: number; readonly window: Window | null }
  /** Five fields, in the configuration's time zone. */
  | { readonly cron: string; readonly window: Window | null };

/** Of each day, in the configuration's time zone; it may go over midnight. Minutes since 0:00. */
export interface Window {
  readonly fromMinute: number;
  readonly untilMinute: number;
}

export interface Scrub {
  /** Every file is read again within so many days. */
  readonly withinDays: number;
  /** Grace beyond the deadline, before it counts as overdue. */
  readonly graceDays: number;
  /** Of the host, shared by all of its workers; null: no limit. */
  readonly bytesPerSecond: number | null;
  readonly window: Window | null;
}

/** Nothing is alarmed in it, and being blind is counted. */
export interface Maintenance {
  /** Names of volumes, backups or hosts; empty: all. */
  readonly subjects: readonly string[];
  readonly reason: string;
  readonly at:
    | { readonly fromMs: number; readonly untilMs: number }
    /** 0 is Sunday. */
    | { readonly weekdays: readonly number[]; readonly window: Window };
}

export interface Digest {
  /** Minute of the day. */
  readonly atMinute: number;
  readonly hooks: readonly string[];
}

export interface AlarmRule {
  /** Kinds of incidents (domain/watch/incident.ts); empty: all. */
  readonly kinds: readonly string[];
  /** Names of volumes, backups or hosts; empty: all. */
  readonly subjects: readonly string[];
  /** Empty: nobody is told at once, the digest has it. */
  readonly hooks: readonly string[];
}

/**
 * env:ROLLCALL_HOOK_NAME or file:/etc/rollcall/secrets/NAME, read by rollcall serve when it delivers; or a plain text
 * where it is no secret (secret.ts).
 */
export type Secret = string;

export type Hook =
  | {
      readonly type: 'mail';
      readonly name: string;
      readonly from: string;
      readonly to: readonly string[];
      /** smtp:// or smtps:// without a password. */
      readonly server: string;
      readonly user: Secret | null;
      readonly password: Secret | null;
    }
  | {
      readonly type: 'webhook';
      readonly name: string;
      readonly url: Secret;
      readonly template: 'json' | 'slack' | 'matrix' | 'alertmanager';
      /** Signs the body (HMAC-SHA256). */
      readonly secret: Secret | null;
      /** Sent as Authorization: Bearer. */
      readonly token: Secret | null;
      readonly allowInternal: boolean;
    }
  | { readonly type: 'ping'; readonly name: string; readonly url: Secret; readonly allowInternal: boolean }
  | {
      readonly type: 'ntfy';
      readonly name: string;
      readonly url: Secret;
      readonly token: Secret | null;
      readonly allowInternal: boolean;
    }
  /** Runs /etc/rollcall/hooks.d/NAME; nothing else can be named. */
  | { readonly type: 'command'; readonly name: string; readonly program: string };
