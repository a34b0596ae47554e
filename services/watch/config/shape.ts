// rollcall.yaml as it is written: what the schema lets through. (domain/watch/configuration.ts is what it means.)

export type FileSchedule = string | { readonly every?: string; readonly cron?: string; readonly window?: string };

export type FileScrub =
  | string
  | { readonly within: string; readonly grace?: string; readonly budget?: string; readonly window?: string };

export interface FileVolume {
  readonly host?: string;
  /** Either path or bricks. */
  readonly path?: string;
  readonly bricks?: readonly string[];
  readonly backups: readonly string[];
  readonly excludes?: readonly string[];
  readonly cross_mounts?: boolean;
  readonly not_gluster?: boolean;
  readonly bricks_rescued?: boolean;
  readonly quick?: FileSchedule;
  readonly scrub?: FileScrub;
  readonly blind_after?: string;
  readonly pings?: readonly string[];
}

export interface FileBackup {
  readonly host?: string;
  readonly pattern: string;
  readonly snapshots?: number;
  readonly time_zone?: string;
  readonly look?: FileSchedule;
  readonly pings?: readonly string[];
}

export interface FileMaintenance {
  readonly reason: string;
  readonly subjects?: readonly string[];
  readonly weekdays?: readonly string[];
  readonly window?: string;
  readonly from?: string;
  readonly until?: string;
}

export interface FileAlarm {
  readonly kinds?: readonly string[];
  readonly subjects?: readonly string[];
  readonly hooks: readonly string[];
}

export type FileHook =
  | {
      readonly type: 'mail';
      readonly from: string;
      readonly to: readonly string[];
      readonly server: string;
      readonly user?: string;
      readonly password?: string;
    }
  | {
      readonly type: 'webhook';
      readonly url: string;
      readonly template?: 'json' | 'slack' | 'matrix' | 'alertmanager';
      readonly secret?: string;
      readonly token?: string;
      readonly allow_internal?: boolean;
    }
  | { readonly type: 'ping'; readonly url: string; readonly allow_internal?: boolean }
  | { readonly type: 'ntfy'; readonly url: string; readonly token?: string; readonly allow_internal?: boolean }
  | { readonly type: 'command'; readonly program: string };

/** Besides, fields that begin with x-, for anchors. */
export interface ConfigurationFile {
  readonly time_zone?: string;
  readonly bundles?: string | { readonly host?: string; readonly directory: string };
  readonly volumes: Readonly<Record<string, FileVolume>>;
  readonly backups?: Readonly<Record<string, FileBackup>>;
  readonly maintenance?: readonly FileMaintenance[];
  readonly digest?: { readonly at: string; readonly hooks: readonly string[] };
  readonly alarms?: readonly FileAlarm[];
  readonly hooks?: Readonly<Record<string, FileHook>>;
  readonly keep_messages?: string;
}
